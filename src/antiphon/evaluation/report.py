"""What a training found, on predictions of prompts that the fit had not seen."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.evaluation.grid import Array, Grid, Places
from antiphon.evaluation.measures import (
    Point,
    auc,
    bootstrap,
    calibration_error,
    cheapest,
    curve,
    equal_cost,
    follow,
    oracle,
    point,
)
from antiphon.routing.selector_file import Report

MARGINS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2)
TOLERANCES = tuple(step / 200 for step in range(-20, 81))
CAREFUL = 0.5
"""Standard errors that a mean gain must stand above 0."""
STAY = 1.0
"""The margin at which every prompt stays with the best single model."""


class Judged(Struct, frozen=True, kw_only=True, eq=False):
    """Prompts that can be judged: every model has a score and a cost there."""

    chances: Array
    expected_usd: Array
    scores: Array
    costs_usd: Array
    best: int


def judged(grid: Grid, chances: Array, expected_usd: Array, best: int) -> Judged:
    """Leave out prompts where a score or a cost is missing; where no cost is known, calls cost alike."""
    costs, whole = _costs(grid), whole_rows(grid)
    return Judged(
        chances=chances[whole],
        expected_usd=expected_usd[whole],
        scores=grid.scores[whole],
        costs_usd=costs[whole],
        best=best,
    )


def whole_rows(grid: Grid) -> NDArray[np.bool_]:
    """Of each prompt whether it can be judged."""
    return np.asarray(~(np.isnan(grid.scores) | np.isnan(_costs(grid))).any(1), dtype=np.bool_)


def _costs(grid: Grid) -> Array:
    return grid.costs_usd if not np.isnan(grid.costs_usd).all() else np.ones_like(grid.costs_usd)


def fitted_tolerance(found: Judged) -> float:
    """The most tolerance at which the cheapest fit model loses nothing on the whole; where each loses, the least."""
    for tolerance in reversed(TOLERANCES):
        chosen = cheapest(found.chances, found.expected_usd, tolerance, found.best)
        if len(chosen) and point(chosen, found.scores, found.costs_usd, found.best).gain >= 0:
            return tolerance
    return TOLERANCES[0]


def fitted_margin(found: Judged) -> float:
    """The margin whose gain is surest: the highest mean less `CAREFUL` standard errors. `STAY`, where none gains."""
    sure, margin = 0.0, STAY
    for one in MARGINS:
        gains = _gains(found, one)
        if not len(gains):
            break
        low = float(gains.mean() - CAREFUL * gains.std() / np.sqrt(len(gains)))
        if low > sure + 1e-9:
            sure, margin = low, one
    return margin


def report(grid: Grid, found: Judged, chances: Array, margin: float, tolerance: float, seed: int) -> Report:
    """How good the chances are, and what routes that follow them gain.

    Args:
        found: The prompts of the grid that can be judged.
        chances: Of all prompts of the grid.
    """
    known, best = grid.known, found.best
    areas = [auc(chances[known[:, at], at], grid.scores[known[:, at], at]) for at in range(len(grid.models))]
    areas = [one for one in areas if not np.isnan(one)]
    gains = _gains(found, margin)
    whole = len(gains) > 0
    low, high = bootstrap(gains, seed) if whole else (0.0, 0.0)
    ideal = found.scores[np.arange(len(gains)), oracle(found.scores, found.costs_usd)] if whole else np.zeros(1)
    points = curve(found.chances, found.expected_usd, found.scores, found.costs_usd, best) if whole else []
    at_best = _point(found, follow(found.chances, np.zeros_like(found.chances), 0.0, best, margin))
    kept = _point(found, cheapest(found.chances, found.expected_usd, tolerance, best))
    return Report(
        prompts=len(grid.ids),
        labels=int(known.sum()),
        auc=float(np.mean(areas)) if areas else 0.5,
        calibration_error=calibration_error(chances[known], grid.scores[known]),
        best_single=grid.models[best],
        best_single_score=float(found.scores[:, best].mean()) if whole else 0.0,
        oracle_score=float(ideal.mean()),
        gain=at_best.gain,
        gain_low=low,
        gain_high=high,
        gain_cost_ratio=at_best.cost_ratio,
        kept_gain=kept.gain,
        kept_cost_ratio=kept.cost_ratio,
        equal_cost_ratio=equal_cost(points),
        seed=seed,
    )


def _gains(found: Judged, margin: float) -> Array:
    rows = np.arange(len(found.scores))
    if not len(rows):
        return np.zeros(0)
    chosen = follow(found.chances, np.zeros_like(found.chances), 0.0, found.best, margin)
    return found.scores[rows, chosen] - found.scores[:, found.best]


def _point(found: Judged, chosen: Places) -> Point:
    if not len(found.scores):
        return Point(gain=0.0, cost_ratio=1.0)
    return point(chosen, found.scores, found.costs_usd, found.best)
