"""The policies of one action, each asked as seldom as possible."""

from collections.abc import Sequence

from antiphon.core.principal import Principal
from antiphon.policy.asked import Action, Context
from antiphon.policy.engine import Cedar, Engine, Held, Resources
from antiphon.policy.entities import circumstances, principal_entities
from antiphon.policy.reads import readings
from antiphon.policy.rule import Rule

NOTHING = Held()


class Engines:
    """Of several resources, policies that read none are asked once for all."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._none = not rules
        self._whole: Engine = Cedar(rules)
        reads = [any(variable == "resource" for variable, _ in readings((rule,))) for rule in rules]
        self._once = tuple(at for at, read in enumerate(reads) if not read)
        self._each = tuple(at for at, read in enumerate(reads) if read)
        self._of_none: Engine = Cedar([rules[at] for at in self._once])
        self._of_each: Engine = Cedar([rules[at] for at in self._each])

    def held(
        self, principal: Principal, action: Action, resources: Resources, context: Context, left_out: frozenset[int]
    ) -> list[Held]:
        """Which of the rules hold for each of the resources; never any of `left_out`. Numbers are places in the rules."""
        if self._none or not resources.uids:
            return [NOTHING] * len(resources.uids)
        who, said = principal_entities(principal), circumstances(context)
        if len(resources.uids) == 1 or not self._once:
            return [_without(one, left_out) for one in self._whole.held(who, action, resources, said)]
        first = Resources(entities=resources.entities, uids=resources.uids[:1])
        once = _placed(self._of_none.held(who, action, first, said)[0], self._once)
        if not self._each:
            return [_without(once, left_out)] * len(resources.uids)
        own = self._of_each.held(who, action, resources, said)
        return [_without(_both(once, _placed(one, self._each)), left_out) for one in own]


def _placed(one: Held, places: Sequence[int]) -> Held:
    """Places in some of the rules as places in all of them."""
    return Held(
        holds=tuple(places[at] for at in one.holds),
        failed=tuple(places[at] for at in one.failed),
        broken=one.broken,
    )


def _both(one: Held, other: Held) -> Held:
    return Held(
        holds=tuple(sorted((*one.holds, *other.holds))),
        failed=tuple(sorted((*one.failed, *other.failed))),
        broken=one.broken or other.broken,
    )


def _without(one: Held, left_out: frozenset[int]) -> Held:
    if not left_out:
        return one
    return Held(
        holds=tuple(at for at in one.holds if at not in left_out),
        failed=tuple(at for at in one.failed if at not in left_out),
        broken=one.broken,
    )
