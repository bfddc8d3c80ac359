"""The policies of one action, ready to be asked."""

from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from antiphon.core.principal import Principal
from antiphon.policy.asked import Action, Context
from antiphon.policy.combine import Found, found
from antiphon.policy.engine import Resources
from antiphon.policy.engines import Engines, Turns
from antiphon.policy.lens import Lens
from antiphon.policy.reads import Readings, readings
from antiphon.policy.rule import Rule
from antiphon.policy.settings import Otherwise
from antiphon.policy.share import draw

OF_ROLES: frozenset[Action] = frozenset(("administer", "approve"))
"""Roles decide them; policies may only forbid."""
NOBODY: frozenset[int] = frozenset()


class Part(Struct, frozen=True, kw_only=True):
    """Those that can apply to an action."""

    action: Action
    rules: tuple[Rule, ...]
    engines: Engines
    readings: Readings
    lens: Lens
    shares: tuple[float, ...]
    """Below 1, rising."""
    some: bool
    """Some of the rules are not for every caller."""
    default: Otherwise

    def lot(self, principal: Principal, context: Context) -> int:
        """How many of the shares a caller is outside of."""
        return bisect_right(self.shares, draw(principal, context)) if self.shares else 0

    def decide(self, principal: Principal, resources: Resources, turns: Turns, context: Context) -> list[Found]:
        """What is decided of each resource."""
        held = self.engines.held(principal, self.action, resources, turns, context, self._left_out(principal, context))
        return [found(one, self.rules, self.default) for one in held]

    def alone(self, principal: Principal, resource: Resources, context: Context) -> Found:
        """What is decided of one resource."""
        return self.decide(principal, resource, self.engines.turns(resource), context)[0]

    def _left_out(self, principal: Principal, context: Context) -> frozenset[int]:
        """Places of the rules that are not for a caller."""
        if not self.some:
            return NOBODY
        drawn = draw(principal, context)
        return frozenset(
            at
            for at, rule in enumerate(self.rules)
            if rule.tenant not in ("", principal.tenant) or (rule.share < 1 and drawn >= rule.share)
        )


def part(action: Action, rules: Sequence[Rule], default: Otherwise) -> Part:
    """Those of some rules that can apply to an action."""
    mine = tuple(rule for rule in rules if action in rule.actions)
    read = readings(mine)
    return Part(
        action=action,
        rules=mine,
        engines=Engines(mine),
        readings=read,
        lens=Lens(read),
        shares=tuple(sorted({rule.share for rule in mine if rule.share < 1})),
        some=any(rule.tenant or rule.share < 1 for rule in mine),
        default="allow" if action in OF_ROLES else default,
    )
