"""What another way to choose models would have been worth, by what was logged under the one that was used.

Each logged choice has its propensity: the chance with which it was made. Sources: Horvitz and Thompson 1952, JASA 47;
self-normalised, Swaminathan and Joachims 2015, NIPS 28; doubly robust, Dudík, Langford and Li 2011, ICML.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from antiphon.core.error import BadRequest
from antiphon.evaluation.grid import Array, Grid, Places
from antiphon.evaluation.outcomes import Outcome

Z95 = 1.9600
"""Quantile of the normal for a 95 % interval."""
MOST_WEIGHT = 1000.0
"""A logged choice counts for no more than so many: beyond it the estimate leans to what was logged."""


class Logged(Struct, frozen=True, kw_only=True, eq=False):
    """Choices as they were logged."""

    chosen: Places
    """Which model was asked, by column."""
    scores: Array
    propensities: Array


class Estimate(Struct, frozen=True, kw_only=True):
    """A mean score with its 95 % interval."""

    mean: float
    low: float
    high: float


class OffPolicy(Struct, frozen=True, kw_only=True):
    """Estimates of one way to choose."""

    ips: Estimate
    """Unbiased, and wide where propensities are small."""
    self_normalised: Estimate
    doubly_robust: Estimate
    """Unbiased where the propensities or the predictions are right."""
    choices: int
    effective: float
    """Choices that the estimates rest on in effect: few, where the new way seldom does what was done."""


def logged(grid: Grid, outcomes: Sequence[Outcome]) -> tuple[Places, Logged]:
    """Logged choices among outcomes. Returns: their rows in the grid, and they themselves.

    Raises: BadRequest, when there are none, or two of one prompt.
    """
    row = {prompt: at for at, prompt in enumerate(grid.ids)}
    column = {model: at for at, model in enumerate(grid.models)}
    every = [one for one in outcomes if one.propensity is not None and one.model in column]
    if not every:
        raise BadRequest("no outcome has a propensity; log choices with `selectors.NAME.explore` above 0")
    rows = [row[one.prompt_id] for one in every]
    if len(set(rows)) != len(rows):
        raise BadRequest("a prompt has two logged choices; give each request an id of its own")
    return np.array(rows), Logged(
        chosen=np.array([column[one.model] for one in every]),
        scores=np.array([one.score for one in every]),
        propensities=np.array([one.propensity or 1.0 for one in every]),
    )


def estimate(target: Array, logged: Logged, predicted: Array) -> OffPolicy:
    """Value a way to choose.

    Args:
        target: Its chance to ask each model (column) on each logged prompt (row); rows add up to 1.
        predicted: Expected scores, the same way; learned from other prompts than these.
    """
    rows = np.arange(len(logged.scores))
    weights = np.minimum(MOST_WEIGHT, target[rows, logged.chosen] / logged.propensities)
    modelled = (target * predicted).sum(1)
    robust = modelled + weights * (logged.scores - predicted[rows, logged.chosen])
    return OffPolicy(
        ips=_mean(weights * logged.scores),
        self_normalised=_ratio(weights, logged.scores),
        doubly_robust=_mean(robust),
        choices=len(rows),
        effective=float(weights.sum() ** 2 / max(1e-12, float((weights**2).sum()))),
    )


def _mean(values: Array) -> Estimate:
    mean = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / float(np.sqrt(len(values))) if len(values) > 1 else float("inf")
    return Estimate(mean=mean, low=mean - half, high=mean + half)


def _ratio(weights: Array, scores: Array) -> Estimate:
    """The interval is by the delta method. Source: Owen 2013, Monte Carlo theory, methods and examples, 9.2."""
    total = float(weights.sum())
    if total <= 0:
        return Estimate(mean=0.0, low=0.0, high=1.0)
    mean = float((weights * scores).sum()) / total
    half = Z95 * float(np.sqrt(((weights * (scores - mean)) ** 2).sum())) / total
    return Estimate(mean=mean, low=mean - half, high=mean + half)
