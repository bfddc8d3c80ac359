"""How far a selector is followed, by choices that chance made, where no prompt tells what all models would have made of it.

Gains over the best single model are estimated doubly robustly, prompt by prompt; see `offpolicy`.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from antiphon.evaluation.grid import Array, Grid, Places
from antiphon.evaluation.measures import cheapest, follow
from antiphon.evaluation.offpolicy import MOST_WEIGHT, Logged, logged
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.report import MARGINS, STAY, TOLERANCES

LEAST_CHOICES = 100
"""Fewer tell nothing that is surer than to stay."""
SURE = 1.645
"""Standard errors above which a gain is sure: the quantile of the normal at 95 %."""


class Followed(Struct, frozen=True, kw_only=True):
    """What logged choices say of a selector."""

    margin: float
    tolerance: float
    choices: int


def followed(
    grid: Grid, outcomes: Sequence[Outcome], chances: Array, expected_usd: Array, best: int
) -> Followed | None:
    """The margin whose gain is surest, and the most tolerance at which the cheapest fit model surely loses nothing.

    Args:
        outcomes: Those of the grid.
        chances: Of all prompts of the grid, out of fold.
        best: Column of the best single model.

    Returns: None, when fewer than `LEAST_CHOICES` were made by chance.
    Raises: BadRequest, when a prompt has two.
    """
    if sum(one.propensity is not None for one in outcomes) < LEAST_CHOICES:
        return None
    rows, done = logged(grid, outcomes)
    told, costs = chances[rows], expected_usd[rows]
    sure, margin = 0.0, STAY
    for one in MARGINS:
        low = _low(follow(told, np.zeros_like(told), 0.0, best, one), done, told, best)
        if low > sure + 1e-9:
            sure, margin = low, one
    fit = (one for one in reversed(TOLERANCES) if _low(cheapest(told, costs, one, best), done, told, best) >= 0)
    return Followed(margin=margin, tolerance=next(fit, TOLERANCES[0]), choices=len(rows))


def _low(chosen: Places, done: Logged, told: Array, best: int) -> float:
    """The mean gain over the best single model, less `SURE` standard errors."""
    gains = _robust(chosen, done, told) - _robust(np.full_like(chosen, best), done, told)
    return float(gains.mean() - SURE * gains.std() / np.sqrt(len(gains)))


def _robust(chosen: Places, done: Logged, told: Array) -> Array:
    """What a way to choose is worth on each prompt."""
    rows = np.arange(len(chosen))
    weights = np.where(chosen == done.chosen, np.minimum(MOST_WEIGHT, 1 / done.propensities), 0.0)
    worth: Array = told[rows, chosen] + weights * (done.scores - told[rows, done.chosen])
    return worth
