"""Tests of policies, as they stand in YAML beside them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from antiphon.core.data_class import DataClass
from antiphon.core.deployment import Deployment, Zone
from antiphon.core.error import ConfigError, Problem
from antiphon.core.principal import Principal
from antiphon.core.verdict import Obligations, Verdict
from antiphon.policy.asked import Action, Context, Resource
from antiphon.policy.policies import Policies
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Items, Node, Scalar, Table, find, line_of


class Who(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks."""

    tenant: str = "default"
    key: str = "test"
    user: str = ""
    team: str = ""
    department: str = ""
    employment: str = ""
    roles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    clearance: DataClass | None = None
    models: tuple[str, ...] = ("*",)
    admin: bool = False


class Where(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployment."""

    provider: str = ""
    model: str = ""
    zone: Zone = "public"
    region: str = ""
    tier: str = ""
    terms: tuple[str, ...] = ()


class Expected(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to come of a case; what is left out may be anything."""

    allow: bool
    reasons: tuple[str, ...] | None = None
    """In any order."""
    excluded: tuple[str, ...] | None = None
    """In any order."""
    obligations: dict[str, Any] | None = None
    """By the fields of a verdict's obligations."""
    shadow: tuple[str, ...] | None = None


class About(Context, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The circumstances."""


class Of(Resource, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What it is about, beside deployments."""


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One test."""

    name: str
    expect: Expected
    principal: Who = Who()
    action: Action = "call_model"
    context: About = About()
    deployments: tuple[str, ...] | None = None
    """Names of those that there are; None: all of the file."""
    resource: Of | None = None
    """For any other action than `call_model`."""


class Cases(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of tests."""

    cases: tuple[Case, ...]
    deployments: dict[str, Where] = {}


class Tried(Struct, frozen=True, kw_only=True):
    """A case, and what came of it."""

    name: str
    file: str
    line: int
    wrong: tuple[str, ...]
    """What is otherwise than expected; empty: nothing."""
    verdict: Verdict


def tried(text: str, file: str, policies: Policies) -> list[Tried]:
    """Run the cases of a file. Raises: ConfigError."""
    tree, problems = compose(text, file)
    if problems:
        raise ConfigError(problems)
    cases = _read(tree, file)
    fleet = {name: _deployment(name, one) for name, one in cases.deployments.items()}
    lines = [line_of(tree, ("cases", at)) for at in range(len(cases.cases))]
    return [_tried(case, file, line, fleet, policies) for case, line in zip(cases.cases, lines, strict=True)]


def never_decided(policies: Policies, each: Sequence[Tried]) -> list[str]:
    """Policies that decided none of the cases."""
    told = {name for one in each for name in _deciding(one.verdict)}
    return [rule.id for rule in policies.rules if rule.id not in told]


def _deciding(verdict: Verdict) -> set[str]:
    why = {name for one in verdict.why for name in one.split(",")}
    return {*verdict.reasons, *why, *(one.partition(": ")[0] for one in verdict.shadow)}


def _read(tree: Node | None, file: str) -> Cases:
    """Raises: ConfigError, at the line of the case."""
    try:
        return msgspec.convert(_plain(tree), Cases)
    except msgspec.ValidationError as error:
        wrong, _, path = str(error).partition(" - at `$")
        at = path.partition("cases[")[2].partition("]")[0]
        line = line_of(tree, ("cases", int(at))) if at.isdecimal() and find(tree, ("cases", int(at))) else 1
        remedy = "docs/how-to/write-policies.md shows how cases are written"
        place = path.rstrip("`").lstrip(".") or "(file)"
        raise ConfigError([Problem(file=file, line=line, path=place, wrong=wrong, remedy=remedy)]) from error


def _plain(node: Node | None) -> object:
    match node:
        case Table():
            return {entry.key: _plain(entry.value) for entry in node.entries}
        case Items():
            return [_plain(one) for one in node.nodes]
        case Scalar():
            return node.value
        case None:
            return {}


def _deployment(name: str, one: Where) -> Deployment:
    return Deployment(
        name=name,
        provider=one.provider,
        model=one.model or name,
        zone=one.zone,
        region=one.region,
        tier=one.tier,
        terms=one.terms,
    )


def _tried(case: Case, file: str, line: int, fleet: Mapping[str, Deployment], policies: Policies) -> Tried:
    strange = [name for name in case.deployments or () if name not in fleet]
    if strange:
        wrong = f"the case {case.name} names the deployment {strange[0]}, which the file hasn't"
        remedy = f"write it under deployments, or one of {', '.join(fleet) or 'none'}"
        raise ConfigError([Problem(file=file, line=line, path="deployments", wrong=wrong, remedy=remedy)])
    verdict = _verdict(case, file, line, fleet, policies)
    return Tried(name=case.name, file=file, line=line, wrong=tuple(_wrong(case.expect, verdict)), verdict=verdict)


def _verdict(case: Case, file: str, line: int, fleet: Mapping[str, Deployment], policies: Policies) -> Verdict:
    """Raises: ConfigError, where the action has no resource."""
    who = Principal(**{name: getattr(case.principal, name) for name in case.principal.__struct_fields__})
    if case.action == "call_model":
        names = fleet if case.deployments is None else case.deployments
        return policies.verdict(who, case.context, {name: fleet[name] for name in names})
    if case.resource is None:
        wrong, remedy = f"{case.action} is about nothing", "write `resource: {kind: …, name: …}`"
        raise ConfigError([Problem(file=file, line=line, path="resource", wrong=wrong, remedy=remedy)])
    return policies.may(who, case.action, case.resource, case.context)


def _wrong(expect: Expected, verdict: Verdict) -> list[str]:
    out: list[str] = []
    if verdict.allowed != expect.allow:
        did = "allowed" if verdict.allowed else "denied"
        out.append(f"{did}, by {', '.join(verdict.reasons)}")
    for name, wanted, got in (
        ("reasons", expect.reasons, verdict.reasons),
        ("excluded", expect.excluded, verdict.excluded),
        ("shadow", expect.shadow, verdict.shadow),
    ):
        if wanted is not None and set(wanted) != set(got):
            out.append(f"{name}: {', '.join(got) or 'none'}, not {', '.join(wanted) or 'none'}")
    told = cast("dict[str, object]", msgspec.to_builtins(verdict.obligations))
    for name, value in (expect.obligations or {}).items():
        got = told.get(name, msgspec.to_builtins(getattr(Obligations(), name, "no such obligation")))
        if _same(got) != _same(value):
            out.append(f"obligations.{name}: {got!r}, not {value!r}")
    return out


def _same(value: object) -> object:
    return sorted(str(one) for one in cast("list[object]", value)) if isinstance(value, list | tuple) else value
