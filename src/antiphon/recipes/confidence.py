"""How sure an answer is, 0 to 1."""

from collections.abc import Sequence
from itertools import pairwise
from math import exp
from statistics import fmean

from antiphon.recipes.ballot import KeyOf, count
from antiphon.recipes.likeness import medoid
from antiphon.recipes.port import Answer

_SPAN = 3.0
"""A mean log-probability of -3 or less, and a mean margin of many times 3, are the ends of the scale. Source: the formulas
of the vLLM Semantic Router's `confidence` looper, 2026-08.
"""


def by_logprob(answer: Answer) -> float | None:
    """Of the mean log-probability x of its tokens: (x + 3) / 3, within 0 and 1. None: it gave none."""
    if not answer.logprobs:
        return None
    return min(1.0, max(0.0, (fmean(answer.logprobs) + _SPAN) / _SPAN))


def by_margin(answer: Answer) -> float | None:
    """Of the mean margin m of its tokens: 1 - exp(-m / 3). None: it gave none."""
    if not answer.margins:
        return None
    return 1.0 - exp(-max(0.0, fmean(answer.margins)) / _SPAN)


def by_both(answer: Answer, logprob_weight: float) -> float | None:
    """Both, weighed. None: it gave one at most."""
    logprob, margin = by_logprob(answer), by_margin(answer)
    if logprob is None or margin is None:
        return None
    return logprob_weight * logprob + (1.0 - logprob_weight) * margin


def by_agreement(answers: Sequence[Answer], key_of: KeyOf) -> tuple[float, Answer]:
    """The part of answers that come to the same as most do, and the first of those. Where nothing can be extracted: how
    much the others are like the one that is most like them.
    """
    ballot = count(answers, key_of, {}, [one.step for one in answers])
    if ballot.groups:
        return len(ballot.groups[0].answers) / len(answers), ballot.groups[0].answers[0]
    place, alike = medoid([answer.text for answer in answers])
    return alike, answers[place]


def chance(score: float, table: Sequence[tuple[float, float]]) -> float:
    """What a score means by a table of (score, chance), with straight lines between its rows and none beyond its ends."""
    if score <= table[0][0]:
        return table[0][1]
    for (low, low_chance), (high, high_chance) in pairwise(table):
        if score <= high:
            return low_chance + (high_chance - low_chance) * ((score - low) / (high - low))
    return table[-1][1]
