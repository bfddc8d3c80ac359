"""Evaluates policies, through Cedar.

Cedar's own decision counts a policy that can't be evaluated as one that isn't there, so that a `forbid` which fails
allows. So each policy is asked alone whether it holds, and what follows is decided here (`combine`): what failed denies.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import cast

import cedarpy
from cedarpy import AuthzResult, Decision, Entities, PolicySet, Schema
from msgspec import Struct

from antiphon.policy.asked import Action
from antiphon.policy.entities import Entity, Uid
from antiphon.policy.rule import Rule
from antiphon.policy.schema import schema

_entities = cast("Callable[[str, Schema], Entities]", cedarpy.Entities.from_json_str)  # pyright: ignore[reportUnknownMemberType]
_ask = cast(
    "Callable[[list[dict[str, object]], PolicySet, Entities, Schema], list[AuthzResult]]",
    cedarpy.is_authorized_batch,  # pyright: ignore[reportUnknownMemberType]
)
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


class Engine(ABC):
    """Asks a set of policies about resources. It never raises: what fails is told as such."""

    @abstractmethod
    def held(
        self, principal: Sequence[Entity], action: Action, resources: Sequence[Entity], context: str
    ) -> list[Held]:
        """Which policies hold for each of the resources.

        Args:
            principal: Its entity, and then those that it is in.
            context: JSON.
        """


class Cedar(Engine):
    """Cedar by way of cedarpy, with the schema always: a request that doesn't fit it is not evaluated."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Raises: ValueError, where Cedar can't take a rule."""
        static = {str(at): {**rule.tree, "effect": "permit"} for at, rule in enumerate(rules)}
        text = json.dumps({"templates": {}, "staticPolicies": static, "templateLinks": []})
        self._policies = PolicySet.from_json_str(text)

    def held(
        self, principal: Sequence[Entity], action: Action, resources: Sequence[Entity], context: str
    ) -> list[Held]:
        try:
            entities = _entities(json.dumps([*principal, *resources]), schema())
            requests = [_request(principal[0]["uid"], action, one["uid"], context) for one in resources]
            answers = _ask(requests, self._policies, entities, schema())
        except Exception:  # noqa: BLE001 - whatever goes wrong in there, it denies
            return [BROKEN] * len(resources)
        if len(answers) != len(resources):
            return [BROKEN] * len(resources)
        return [_held(answer.decision, answer.diagnostics.reasons, answer.diagnostics.errors) for answer in answers]


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
