"""Evaluates policies, through Cedar.

Cedar's own decision counts a policy that can't be evaluated as one that isn't there, so that a `forbid` which fails
allows. So each policy is asked alone whether it holds, and what follows is decided here (`combine`): what failed denies.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import cedarpy
from cedarpy import AuthzResult, Decision, Entities, PolicySet, Schema
from msgspec import Struct
from msgspec.structs import replace

from antiphon.policy.asked import Action
from antiphon.policy.entities import Entity, Uid
from antiphon.policy.rule import Rule
from antiphon.policy.schema import schema

_entities = cast("Callable[[str, Schema], Entities]", cedarpy.Entities.from_json_str)  # pyright: ignore[reportUnknownMemberType]
_with = cast(
    "Callable[[Entities, str, Schema], Entities]",
    cedarpy.Entities.with_added_json_str,  # pyright: ignore[reportUnknownMemberType]
)
_ask = cast(
    "Callable[[list[dict[str, object]], PolicySet, Entities, Schema], list[AuthzResult]]",
    cedarpy.is_authorized_batch,  # pyright: ignore[reportUnknownMemberType]
)
_ASKED_ALONE = MappingProxyType({"effect": "permit", "action": {"op": "All"}, "annotations": {}})
"""What is put in the place of a policy's own: whether it holds is asked, of an action that it can apply to. Comparing the
action too would take a fifth of the time."""
_FAILED = re.compile(r"error while evaluating policy `(\d+)`")


class Held(Struct, frozen=True, gc=False, kw_only=True):
    """Which policies hold for one resource. Numbers are places in the rules that the engine was made of."""

    holds: tuple[int, ...] = ()
    """In their order."""
    failed: tuple[int, ...] = ()
    """They can't be evaluated."""
    broken: bool = False
    """Nothing could be evaluated: the request is not as the schema says, or the engine failed."""


BROKEN = Held(broken=True)


class Resources(Struct, frozen=True, kw_only=True):
    """Resources that are asked about, ready for the engine."""

    entities: Entities | None
    """None: they are not as the schema says."""
    uids: tuple[Uid, ...]
    attributes: tuple[Mapping[str, Any], ...] = ()


def ready(resources: Sequence[Entity]) -> Resources:
    """Make resources ready. Those that don't fit the schema are evaluated by nobody."""
    uids = tuple(one["uid"] for one in resources)
    try:
        entities = _entities(json.dumps(resources), schema())
    except (ValueError, TypeError):
        entities = None
    return Resources(entities=entities, uids=uids, attributes=tuple(one["attrs"] for one in resources))


def joined(resources: Resources, principal: Sequence[Entity]) -> Resources:
    """Resources, and who asks about them."""
    if resources.entities is None:
        return resources
    try:
        entities = _with(resources.entities, json.dumps(principal), schema())
    except (ValueError, TypeError):
        entities = None
    return replace(resources, entities=entities)


class Engine(ABC):
    """Asks a set of policies about resources. It never raises: what fails is told as such."""

    @abstractmethod
    def held(self, principal: Uid, action: Action, resources: Resources, context: str) -> list[Held]:
        """Which policies hold for each of the resources.

        Args:
            resources: Joined with the principal.
            context: JSON.
        """


class Cedar(Engine):
    """Cedar by way of cedarpy, with the schema always: a request that doesn't fit it is not evaluated."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """`rules` can all apply to the action that is asked about."""
        static = {str(at): {**rule.tree, **_ASKED_ALONE} for at, rule in enumerate(rules)}
        text = json.dumps({"templates": {}, "staticPolicies": static, "templateLinks": []})
        self._policies = PolicySet.from_json_str(text)

    def held(self, principal: Uid, action: Action, resources: Resources, context: str) -> list[Held]:
        broken = [BROKEN] * len(resources.uids)
        if resources.entities is None:
            return broken
        try:
            requests = [_request(principal, action, uid, context) for uid in resources.uids]
            answers = _ask(requests, self._policies, resources.entities, schema())
            held = [_held(one.decision, one.diagnostics.reasons, one.diagnostics.errors) for one in answers]
        except Exception:  # noqa: BLE001 - whatever goes wrong in there, it denies
            return broken
        return held if len(held) == len(broken) else broken


def _request(principal: Uid, action: Action, resource: Uid, context: str) -> dict[str, object]:
    return {
        "principal": principal,
        "action": {"type": "Action", "id": action},
        "resource": resource,
        "context": context,
    }


def _held(decision: Decision, reasons: Sequence[str], errors: Sequence[str]) -> Held:
    failed = [_FAILED.match(one) for one in errors]
    if decision is Decision.NoDecision or None in failed:
        return BROKEN
    return Held(
        holds=tuple(sorted(int(one) for one in reasons)),
        failed=tuple(sorted({int(one[1]) for one in failed if one is not None})),
    )
