"""The policies of one action, each asked as seldom as possible."""

from collections.abc import Hashable, Sequence

from msgspec import Struct

from antiphon.core.principal import Principal
from antiphon.policy.asked import Action, Context
from antiphon.policy.engine import Cedar, Engine, Held, Resources, joined
from antiphon.policy.entities import circumstances, principal_entities
from antiphon.policy.reads import Readings, readings, seen
from antiphon.policy.rule import Rule

NOTHING = Held()
MOST_CHUNKS = 16
"""Of more kinds of policies all are asked together."""
ASKED_US = 60
"""What a question costs, however few policies it is put to; each policy costs about 1 more. Measured with Cedar 4.12."""


class Chunk(Struct, frozen=True, kw_only=True):
    """Policies that read the same of a resource, and as finely."""

    places: tuple[int, ...]
    engine: Engine
    readings: Readings
    """Of the resource."""


class Turn(Struct, frozen=True, kw_only=True):
    """A chunk, and the resources that it has to be asked about: one of each kind that it can tell apart."""

    chunk: Chunk
    about: tuple[int, ...]
    """Places among the resources."""
    answers: tuple[int, ...]
    """For each of the resources, which of `about` answers for it."""


Turns = tuple[Turn, ...]


class Engines:
    """Of several resources, policies that can't tell two of them apart are asked about one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._none = not rules
        signatures = [_signature(rule) for rule in rules]
        self._ways = tuple(
            _chunks(rules, kinds)
            for kinds in ([True] * len(rules), [bool(one) for one in signatures], signatures)
            if len(set(kinds)) <= MOST_CHUNKS
        )
        """All together; those that read nothing of the resource apart from the others; each kind apart."""

    def turns(self, resources: Resources) -> Turns:
        """How these resources are best asked about, to be kept with them."""
        return min((tuple(_turn(chunk, resources) for chunk in chunks) for chunks in self._ways), key=_cost)

    def held(
        self,
        principal: Principal,
        action: Action,
        resources: Resources,
        turns: Turns,
        context: Context,
        left_out: frozenset[int],
    ) -> list[Held]:
        """Which of the rules hold for each of the resources; never any of `left_out`. Numbers are places in the rules."""
        if self._none or not resources.uids:
            return [NOTHING] * len(resources.uids)
        who, said = principal_entities(principal), circumstances(context)
        every = joined(resources, who)
        found = [NOTHING] * len(resources.uids)
        for turn in turns:
            some = Resources(entities=every.entities, uids=tuple(every.uids[at] for at in turn.about))
            told = [
                _placed(one, turn.chunk.places) for one in turn.chunk.engine.held(who[0]["uid"], action, some, said)
            ]
            found = [_both(one, told[at]) for one, at in zip(found, turn.answers, strict=True)]
        return [_without(one, left_out) for one in found]


def _chunks(rules: Sequence[Rule], kinds: Sequence[Hashable]) -> tuple[Chunk, ...]:
    """Policies of one kind together."""
    places: dict[Hashable, list[int]] = {}
    for at, kind in enumerate(kinds):
        places.setdefault(kind, []).append(at)
    return tuple(_chunk(rules, some) for some in places.values())


def _chunk(rules: Sequence[Rule], places: Sequence[int]) -> Chunk:
    mine = [rules[at] for at in places]
    return Chunk(places=tuple(places), engine=Cedar(mine), readings=readings(mine))


def _signature(rule: Rule) -> frozenset[Hashable]:
    """What a policy reads of the resource, and how finely."""
    return frozenset(
        (attribute, one.whole, one.empty, frozenset(one.cuts), frozenset(one.words))
        for (variable, attribute), one in readings((rule,)).items()
        if variable == "resource"
    )


def _turn(chunk: Chunk, resources: Resources) -> Turn:
    first: dict[Hashable, int] = {}
    about: list[int] = []
    answers: list[int] = []
    for at, (uid, attributes) in enumerate(zip(resources.uids, resources.attributes, strict=True)):
        kind = seen(attributes, uid["id"], chunk.readings)
        if kind not in first:
            first[kind] = len(about)
            about.append(at)
        answers.append(first[kind])
    return Turn(chunk=chunk, about=tuple(about), answers=tuple(answers))


def _cost(turns: Turns) -> int:
    """Microseconds, about."""
    return sum(len(turn.about) * (ASKED_US + len(turn.chunk.places)) for turn in turns)


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
