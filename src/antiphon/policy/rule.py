"""One policy, read: what it says, whom it is for, and what it obliges to."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import cedarpy
from cedarpy import Schema, ValidationResult, policies_to_json_str
from msgspec import Struct

from antiphon.core.error import Problem
from antiphon.core.verdict import Obligations
from antiphon.policy.annotations import annotated
from antiphon.policy.asked import ACTIONS, Action
from antiphon.policy.schema import schema
from antiphon.policy.source import Mode, Passage, Source, passages

_validate = cast("Callable[[str, Schema], ValidationResult]", cedarpy.validate_policies)  # pyright: ignore[reportUnknownMemberType]
_OF_ACTION = re.compile(r" for Action::\"[a-z_]+\"")
"""What is wrong for one action mostly is for the others, and is told once."""
Effect = Literal["permit", "forbid"]
Tree = dict[str, Any]
"""A policy as Cedar's JSON has it. Source: https://docs.cedarpolicy.com/policies/json-format.html."""


class Rule(Struct, frozen=True, kw_only=True):
    """A policy that holds with the schema."""

    id: str
    """Its `@id`: what receipts and errors call it."""
    effect: Effect
    tree: Tree
    actions: tuple[Action, ...]
    """What it can apply to."""
    obligations: Obligations
    mode: Mode
    share: float
    """Part of callers that it is for: 0 to 1."""
    tenant: str
    """Whose principals it is for; empty: all."""
    file: str
    line: int

    @property
    def asks(self) -> bool:
        """It forbids until somebody approves."""
        return self.effect == "forbid" and bool(self.obligations.approve)


def read_rules(source: Source, tiers: Collection[str]) -> tuple[list[Rule], list[Problem]]:
    """The policies of a text, and what is wrong with the others, each with its line."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for passage in passages(source.text):
        rule, found = _read(source, passage, tiers)
        problems += found
        if rule is not None:
            rules.append(rule)
    return rules, problems


def doubles(rules: Sequence[Rule]) -> Iterator[Problem]:
    """Policies whose name another before them has."""
    first: dict[str, Rule] = {}
    for rule in rules:
        other = first.setdefault(rule.id, rule)
        if other is not rule:
            yield Problem(
                file=rule.file,
                line=rule.line,
                path=rule.id,
                wrong=f"{other.file}:{other.line} has a policy of this @id",
                remedy="give each policy a name of its own",
            )


def _read(source: Source, passage: Passage, tiers: Collection[str]) -> tuple[Rule | None, list[Problem]]:
    tree, wrong = _parsed(passage.text)
    if tree is None:
        remedy = "mend it; docs/how-to/write-policies.md shows how policies are written"
        return None, [_problem(source, passage, "(policy)", wrong, remedy)]
    said: Mapping[str, str | None] = tree.get("annotations", {})
    effect: Effect = "forbid" if tree["effect"] == "forbid" else "permit"
    notes, mistakes = annotated(said, effect, tiers)
    name = said.get("id") or "(policy)"
    problems = [_problem(source, passage, name, one.wrong, one.remedy) for one in mistakes]
    problems += [
        _problem(source, passage, name, wrong, "`antiphon policy schema` prints what policies can read")
        for wrong in _invalid(passage.text)
    ]
    if notes is None or problems:
        return None, problems
    shadowed = "shadow" in (source.mode, notes.mode)
    return Rule(
        id=notes.id,
        effect=effect,
        tree=tree,
        actions=_actions(tree["action"]),
        obligations=notes.obligations,
        mode="shadow" if shadowed else "enforce",
        share=min(source.share, notes.share),
        tenant=source.tenant,
        file=source.name,
        line=passage.line,
    ), []


def _problem(source: Source, passage: Passage, path: str, wrong: str, remedy: str) -> Problem:
    return Problem(file=source.name, line=passage.line, path=path, wrong=wrong, remedy=remedy)


def _parsed(text: str) -> tuple[Tree | None, str]:
    """A policy's tree; None with what Cedar says is wrong."""
    try:
        whole: Tree = json.loads(policies_to_json_str(text))
    except ValueError as error:
        return None, str(error)
    if whole["templates"]:
        return None, "a template (`?principal`, `?resource`) decides nothing by itself"
    found: list[Tree] = list(whole["staticPolicies"].values())
    return (found[0], "") if len(found) == 1 else (None, "this is no policy")


def _invalid(text: str) -> list[str]:
    """What the schema says is wrong with a policy, in Cedar's words."""
    errors = [one.error for one in _validate(text, schema()).errors]
    if any("unrecognized" in one for one in errors):
        errors = [one for one in errors if "unable to find an applicable action" not in one]
    said = [_OF_ACTION.sub("", one.removeprefix("for policy `policy0`, ")) for one in errors]
    return sorted(dict.fromkeys(said))


def _actions(scope: Tree) -> tuple[Action, ...]:
    """What a policy's scope lets it apply to."""
    entities: list[Tree] = [scope["entity"]] if "entity" in scope else scope.get("entities", [])
    named = {one["id"] for one in entities}
    return tuple(one for one in ACTIONS if one in named) if entities else ACTIONS
