"""What differs between two sets of policies: asked of both about made-up requests, in which everything varies that either
reads.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

from antiphon.core.data_class import DATA_CLASSES
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict
from antiphon.policy.asked import Context
from antiphon.policy.policies import Policies
from antiphon.policy.reads import Reading, Readings, readings

OTHER = "other"
"""Stands for any word that no policy names."""
_LONGS = {"injection": (0, 100), "hour": (0, 23), "weekday": (1, 7)}
_BOOLS = ("tainted", "session", "admin")
_SEVERAL = ("roles", "tags", "modalities", "tools", "findings", "facts", "terms")
_PRINCIPAL = ("tenant", "key", "user", "team", "department", "employment", "roles", "tags", "admin")
_CONTEXT = tuple(name for name in Context.__struct_fields__ if name not in ("lot", "data_class"))
_RESOURCE = ("provider", "model", "region", "terms")


class Change(Struct, frozen=True, kw_only=True):
    """Requests that are decided otherwise in the same way."""

    before: str
    """What was decided, such as `deny (night)`."""
    after: str
    requests: int
    principal: Principal
    """Of the first of them."""
    context: Context
    deployment: str


class Compared(Struct, frozen=True, kw_only=True):
    """What came of it."""

    requests: int
    deployments: int
    changed: int
    changes: tuple[Change, ...]
    """The most frequent first."""


def compare(
    before: Policies, after: Policies, deployments: Mapping[str, Deployment], *, most: int = 2000, seed: int = 0
) -> Compared:
    """Ask both about up to `most` requests; the same seed asks the same.

    Args:
        deployments: Those that there are; none: made-up ones, of whatever policies read.
    """
    read = readings((*before.rules, *after.rules))
    fleet = deployments or dict(_made_up(read, (*before.terms.tiers, OTHER)))
    found: dict[tuple[str, str], Change] = {}
    changed = 0
    for principal, context in _requests(read, most, random.Random(seed)):  # noqa: S311 - a sample
        one, other = before.verdict(principal, context, fleet), after.verdict(principal, context, fleet)
        if one == other:
            continue
        told, seen = _told(one, fleet), _told(other, fleet)
        for name in fleet:
            if told[name] == seen[name]:
                continue
            changed += 1
            old = found.get((told[name], seen[name]))
            found[told[name], seen[name]] = Change(
                before=told[name],
                after=seen[name],
                requests=1 if old is None else old.requests + 1,
                principal=principal if old is None else old.principal,
                context=context if old is None else old.context,
                deployment=name if old is None else old.deployment,
            )
    ranked = sorted(found.values(), key=lambda change: (-change.requests, change.before, change.after))
    return Compared(requests=most, deployments=len(fleet), changed=changed, changes=tuple(ranked))


def _told(verdict: Verdict, fleet: Mapping[str, Deployment]) -> dict[str, str]:
    """What is decided of each deployment, in words."""
    why = dict(zip(verdict.excluded, verdict.why, strict=True))
    obliged = {
        name: value
        for name in verdict.obligations.__struct_fields__
        if (value := getattr(verdict.obligations, name)) not in ((), "", None, False, 1)
    }
    words = "".join(f", {name} {_word(value)}" for name, value in obliged.items())
    out: dict[str, str] = {}
    for name in fleet:
        if name in why:
            out[name] = f"deny ({why[name]})"
        elif not verdict.allowed:
            out[name] = f"deny ({', '.join(verdict.reasons)})"
        else:
            out[name] = f"allow{words}"
    return out


def _word(value: object) -> str:
    return "+".join(map(str, cast("tuple[object, ...]", value))) if isinstance(value, tuple) else str(value)


def _requests(read: Readings, most: int, chance: random.Random) -> Iterator[tuple[Principal, Context]]:
    principals = {name: _values(name, read.get(("principal", name))) for name in _PRINCIPAL}
    uid = read.get(("principal", "uid"))
    principals["user"] = list(dict.fromkeys((*principals["user"], *(sorted(uid.words) if uid else ()))))
    contexts = {name: _values(name, read.get(("context", name))) for name in _CONTEXT}
    for _ in range(most):
        who: dict[str, Any] = {name: chance.choice(values) for name, values in principals.items()}
        about: dict[str, Any] = {name: chance.choice(values) for name, values in contexts.items()}
        clearance = chance.choice((None, None, None, *DATA_CLASSES))
        yield Principal(**who, clearance=clearance), Context(**about, data_class=chance.choice(DATA_CLASSES))


def _values(name: str, reading: Reading | None) -> list[Any]:
    """Values of an attribute that policies may tell apart, and one that none names."""
    words = sorted(reading.words) if reading is not None else []
    if name in _BOOLS:
        return [False, True] if reading is not None else [False]
    if name in _LONGS:
        low, high = _LONGS[name]
        cuts = sorted(reading.cuts) if reading is not None else []
        near = {low, high, *(at for cut in cuts for at in (cut - 1, cut) if low <= at <= high)}
        return sorted(near)
    if name in _SEVERAL:
        each: list[tuple[str, ...]] = [(), *((word,) for word in words), *([tuple(words)] if len(words) > 1 else [])]
        return list(each) if name in ("roles", "tags", "terms") else [frozenset(one) for one in each]
    if name == "budget":
        return ["ok", "low", "spent"] if reading is not None else ["ok"]
    usual = "chat" if name == "operation" else "default" if name == "tenant" else ""
    return [usual] if reading is None else [*words, OTHER, usual]


def _made_up(read: Readings, tiers: Sequence[str]) -> Iterator[tuple[str, Deployment]]:
    """Deployments that differ in what is read of them: each attribute in turn, in both zones."""
    named = [reading.words for spot in ("uid", "name") if (reading := read.get(("resource", spot))) is not None]
    for name in sorted({word for words in named for word in words}):
        yield name, Deployment(name=name, provider=OTHER, model=OTHER)
    for zone in ("public", "private"):
        base = Deployment(name=f"{zone}", provider=OTHER, model=OTHER, zone=zone, tier=tiers[0])
        yield base.name, base
        for tier in tiers[1:]:
            name = f"{zone}.tier={tier}"
            yield name, Deployment(name=name, provider=OTHER, model=OTHER, zone=zone, tier=tier)
        for field in _RESOURCE:
            for value in _values(field, read.get(("resource", field))):
                if value in (OTHER, "", ()):
                    continue
                name = f"{zone}.{field}={_word(value)}"
                fields: dict[str, Any] = {"provider": OTHER, "model": OTHER, "tier": tiers[0], field: value}
                yield name, Deployment(name=name, zone=zone, **fields)
