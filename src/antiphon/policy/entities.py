"""Principals, resources and circumstances as Cedar has them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.core.data_class import RANKS
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.policy.asked import Context, Resource

Uid = dict[str, str]
Entity = dict[str, Any]


def user_id(principal: Principal) -> str:
    """What its entity `User` is called: the user, or `key/NAME` where that is unknown."""
    return principal.user or f"key/{principal.key}"


def user_uid(principal: Principal) -> Uid:
    """Its entity's name."""
    return {"type": "User", "id": user_id(principal)}


def principal_entities(principal: Principal) -> list[Entity]:
    """A principal with what it is in."""
    parents = [{"type": "Role", "id": role} for role in dict.fromkeys(principal.roles)]
    if principal.team:
        parents.append({"type": "Team", "id": principal.team})
    if principal.department:
        parents.append({"type": "Department", "id": principal.department})
    clearance = principal.clearance
    attributes = {
        "tenant": principal.tenant,
        "key": principal.key,
        "user": principal.user,
        "team": principal.team,
        "department": principal.department,
        "employment": principal.employment,
        "clearance": clearance or "",
        "clearance_rank": -1 if clearance is None else RANKS[clearance],
        "roles": list(principal.roles),
        "tags": list(principal.tags),
        "admin": principal.admin,
    }
    return [
        {"uid": user_uid(principal), "attrs": attributes, "parents": parents},
        *({"uid": parent, "attrs": {}, "parents": []} for parent in parents),
    ]


def deployment_attributes(deployment: Deployment, tiers: Sequence[str]) -> dict[str, Any]:
    """What policies read of a deployment."""
    return {
        "name": deployment.name,
        "provider": deployment.provider,
        "model": deployment.model,
        "zone": deployment.zone,
        "region": deployment.region,
        "tier": deployment.tier,
        "tier_rank": tier_rank(deployment.tier, tiers),
        "terms": list(deployment.terms),
    }


def tier_rank(tier: str, tiers: Sequence[str]) -> int:
    """A tier's place from the lowest; one that isn't there, or none, is above them all."""
    return tiers.index(tier) if tier in tiers else len(tiers)


def resource_attributes(resource: Resource) -> dict[str, Any]:
    """What policies read of anything else."""
    match resource.kind:
        case "Tool":
            return {"name": resource.name, "effects": sorted(resource.effects)}
        case "Collection":
            return {
                "name": resource.name,
                "data_class": resource.data_class,
                "data_class_rank": RANKS[resource.data_class],
                "department": resource.department,
            }
        case "Control":
            return {"name": resource.name}


def resource_entity(kind: str, name: str, attributes: dict[str, Any]) -> Entity:
    """An entity that is in nothing."""
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}


def circumstances(context: Context) -> str:
    """The circumstances as JSON."""
    return msgspec.json.encode(
        {
            "data_class": context.data_class,
            "data_class_rank": RANKS[context.data_class],
            "model": context.model,
            "route": context.route,
            "recipe": context.recipe,
            "operation": context.operation,
            "modalities": context.modalities,
            "tools": context.tools,
            "purpose": context.purpose,
            "findings": context.findings,
            "facts": context.facts,
            "injection": context.injection,
            "tainted": context.tainted,
            "session": context.session,
            "hour": context.hour,
            "weekday": context.weekday,
            "budget": context.budget,
        }
    ).decode()
