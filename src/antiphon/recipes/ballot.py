"""Counting votes: answers by what they come to, weighed by who gave them."""

from collections.abc import Callable, Mapping, Sequence
from math import log

from msgspec import Struct

from antiphon.recipes.port import Answer

LEAST_WEIGHT = 0.05
"""Of a member that does no better than chance."""
_OPTIONS = 10
"""Ways to answer, where nothing lists them."""
KeyOf = Callable[[str], str | None]


class Group(Struct, frozen=True, kw_only=True):
    """Answers that come to the same."""

    key: str
    weight: float
    answers: tuple[Answer, ...]
    """In the order of their calls, the weightiest member's first."""


class Ballot(Struct, frozen=True, kw_only=True):
    """All votes so far."""

    groups: tuple[Group, ...]
    """The winner's first. Of equal weight goes first the one with more answers, then the one that the weightiest member
    is for, then the one whose first answer's call stands first in the recipe."""
    unread: tuple[Answer, ...]
    """Answers that nothing could be extracted from."""

    @property
    def share(self) -> float:
        """The winner's part of all weight, 0 to 1."""
        total = sum(group.weight for group in self.groups)
        return self.groups[0].weight / total if total else 0.0


def count(answers: Sequence[Answer], key_of: KeyOf, weights: Mapping[str, float], order: Sequence[str]) -> Ballot:
    """Count votes.

    Args:
        weights: By seat; one that isn't there has 1.
        order: Steps as the recipe has them.
    """
    place = {step: at for at, step in enumerate(order)}
    held: dict[str, list[Answer]] = {}
    unread: list[Answer] = []
    for answer in sorted(answers, key=lambda one: place.get(one.step, len(place))):
        key = key_of(answer.text)
        if key is None:
            unread.append(answer)
        else:
            held.setdefault(key, []).append(answer)
    groups = [
        Group(
            key=key,
            weight=sum(weights.get(one.seat, 1.0) for one in given),
            answers=tuple(sorted(given, key=lambda one: -weights.get(one.seat, 1.0))),
        )
        for key, given in held.items()
    ]
    groups.sort(
        key=lambda group: (-_round(group.weight), -len(group.answers), -weights.get(group.answers[0].seat, 1.0))
    )
    return Ballot(groups=tuple(groups), unread=tuple(unread))


def remembered(key_of: KeyOf) -> KeyOf:
    """The same, which reads each text once: votes are counted again after each answer."""
    known: dict[str, str | None] = {}

    def read(text: str) -> str | None:
        if text not in known:
            known[text] = key_of(text)
        return known[text]

    return read


def settled(ballot: Ballot, left: float) -> bool:
    """Whether votes of so much weight, which are still out, can't change the winner, whatever they say."""
    first, second, *_ = *(group.weight for group in ballot.groups), 0.0, 0.0
    return first - second > left + 1e-9


def weight_of(quality: float, options: int | None) -> float:
    """What the vote of a member counts whose answers are right so often: the log-odds against one of its wrong answers.

    Source: Nitzan and Paroush 1982, "Optimal Decision Rules in Uncertain Dichotomous Choice Situations", International
    Economic Review 23(2); for several options with wrong answers spread evenly over the rest.
    """
    sure, others = min(max(quality, 0.01), 0.99), max((options or _OPTIONS) - 1, 1)
    return max(LEAST_WEIGHT, log(sure * others / (1.0 - sure)))


def _round(weight: float) -> float:
    """Sums of the same weights in another order stay the same."""
    return round(weight, 9)
