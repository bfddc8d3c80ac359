"""Deployments in groups that policies can't tell apart."""

from collections.abc import Hashable, Mapping, Sequence

from msgspec import Struct

from antiphon.core.deployment import Deployment
from antiphon.policy.engine import Resources, ready
from antiphon.policy.engines import Engines, Turns
from antiphon.policy.entities import Entity, deployment_attributes, resource_entity, tier_rank
from antiphon.policy.reads import Readings, seen


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
    turns: Turns
    """How they are asked about."""
    public: tuple[str, ...]
    """Those of another zone than `private`."""
    ranks: Mapping[str, int]
    """Places of their tiers."""


def fleet(
    number: int, deployments: Mapping[str, Deployment], tiers: Sequence[str], readings: Readings, engines: Engines
) -> Fleet:
    """Group deployments by what is read of them."""
    entities: dict[tuple[Hashable, ...], Entity] = {}
    names: dict[tuple[Hashable, ...], list[str]] = {}
    for name, one in deployments.items():
        attributes = deployment_attributes(one, tiers)
        spot = seen(attributes, name, readings)
        if spot not in entities:
            entities[spot] = resource_entity("Deployment", name, attributes)
        names.setdefault(spot, []).append(name)
    resources = ready(tuple(entities.values()))
    return Fleet(
        number=number,
        deployments=deployments,
        groups=tuple(Group(names=tuple(names[spot])) for spot in entities),
        resources=resources,
        turns=engines.turns(resources),
        public=tuple(name for name, one in deployments.items() if one.zone != "private"),
        ranks={name: tier_rank(one.tier, tiers) for name, one in deployments.items()},
    )
