"""What a policy says, in parts that can be compared: its head, and the conditions that all have to hold."""

import json
from collections.abc import Iterator
from typing import Any, cast

from msgspec import Struct

from antiphon.policy.asked import Action
from antiphon.policy.rule import Rule, Tree

ANYTHING = ""


class Clauses(Struct, frozen=True, kw_only=True):
    """The parts of one policy; each text is Cedar's JSON."""

    principal: str
    """Empty: anybody."""
    actions: frozenset[Action]
    resource: str
    """Empty: anything."""
    conditions: frozenset[str]
    """All of them have to hold."""

    def covers(self, other: "Clauses") -> bool:
        """Whether this holds wherever the other does, as far as their texts tell."""
        return (
            self.principal in (ANYTHING, other.principal)
            and self.resource in (ANYTHING, other.resource)
            and self.actions >= other.actions
            and self.conditions <= other.conditions
        )


def clauses(rule: Rule) -> Clauses:
    """The parts of a policy."""
    conditions = cast("list[Tree]", rule.tree["conditions"])
    each = (
        one for condition in conditions for one in _conjuncts(condition["body"], wanted=condition["kind"] == "when")
    )
    return Clauses(
        principal=_head(rule.tree["principal"]),
        actions=frozenset(rule.actions),
        resource=_head(rule.tree["resource"]),
        conditions=frozenset(json.dumps(one, sort_keys=True) for one in each),
    )


def _head(scope: Tree) -> str:
    """A part of a head; `is User` wants nothing of a principal, since nothing else is one."""
    entity = scope.get("entity") or scope.get("in", {}).get("entity")
    if entity is not None:
        return json.dumps(entity, sort_keys=True)
    return scope["entity_type"] if scope["op"] == "is" and scope["entity_type"] != "User" else ANYTHING


def _conjuncts(tree: Any, *, wanted: bool) -> Iterator[Any]:  # noqa: ANN401 - Cedar's JSON
    """Conditions that all have to hold; one that must not hold is its negation."""
    node = cast("Tree", tree) if isinstance(tree, dict) else {}
    joined = "&&" if wanted else "||"
    if joined in node:
        yield from _conjuncts(node[joined]["left"], wanted=wanted)
        yield from _conjuncts(node[joined]["right"], wanted=wanted)
    elif "!" in node:
        yield from _conjuncts(node["!"]["arg"], wanted=not wanted)
    else:
        yield tree if wanted else {"!": {"arg": tree}}
