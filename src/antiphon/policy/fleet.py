"""Deployments in groups that policies can't tell apart."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from antiphon.core.deployment import Deployment
from antiphon.policy.engine import Resources, ready
from antiphon.policy.entities import Entity, deployment_attributes, resource_entity, tier_rank
from antiphon.policy.reads import Readings, fold

_SEVERAL = frozenset(("terms", "effects"))


class Group(Struct, frozen=True, kw_only=True):
    """Some that every policy answers alike for."""

    names: tuple[str, ...]


class Fleet(Struct, frozen=True, kw_only=True):
    """The deployments of a revision."""

    number: int
    """No other fleet of the same policies has it."""
    deployments: Mapping[str, Deployment]
    groups: tuple[Group, ...]
    resources: Resources
    """The first of each group."""
    public: tuple[str, ...]
    """Those of another zone than `private`."""
    ranks: Mapping[str, int]
    """Places of their tiers."""


def seen(attributes: Mapping[str, Any], uid: str, readings: Readings) -> tuple[Hashable, ...]:
    """What policies see of a resource."""
    whole = ("resource", "*") in readings
    out: list[Hashable] = [uid] if whole else []
    for name, value in attributes.items():
        reading = readings.get(("resource", name))
        if whole:
            out.append(repr(value))
        elif reading is not None:
            several = name in _SEVERAL
            folded = fold(reading, several=several)
            out.append(value if folded is None else folded(value))
    named = readings.get(("resource", "uid"))
    if named is not None:
        out.append(uid if uid in named.words else None)
    return tuple(out)


def fleet(number: int, deployments: Mapping[str, Deployment], tiers: Sequence[str], readings: Readings) -> Fleet:
    """Group deployments by what is read of them."""
    entities: dict[tuple[Hashable, ...], Entity] = {}
    names: dict[tuple[Hashable, ...], list[str]] = {}
    for name, one in deployments.items():
        attributes = deployment_attributes(one, tiers)
        spot = seen(attributes, one.name, readings)
        if spot not in entities:
            entities[spot] = resource_entity("Deployment", one.name, attributes)
        names.setdefault(spot, []).append(name)
    return Fleet(
        number=number,
        deployments=deployments,
        groups=tuple(Group(names=tuple(names[spot])) for spot in entities),
        resources=ready(tuple(entities.values())),
        public=tuple(name for name, one in deployments.items() if one.zone != "private"),
        ranks={name: tier_rank(one.tier, tiers) for name, one in deployments.items()},
    )
