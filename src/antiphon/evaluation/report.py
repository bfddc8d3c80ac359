"""What a training found, on predictions of prompts that the fit had not seen."""

import numpy as np
from msgspec import Struct

from antiphon.evaluation.grid import Array, Grid
from antiphon.evaluation.measures import (
    Point,
    auc,
    best_single,
    bootstrap,
    calibration_error,
    curve,
    equal_cost,
    follow,
    oracle,
    point,
)
from antiphon.routing.selector_file import Report

MARGINS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2)
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
    costs = grid.costs_usd if not np.isnan(grid.costs_usd).all() else np.ones_like(grid.costs_usd)
    whole = ~(np.isnan(grid.scores) | np.isnan(costs)).any(1)
    return Judged(
        chances=chances[whole],
        expected_usd=expected_usd[whole],
        scores=grid.scores[whole],
        costs_usd=costs[whole],
        best=best,
    )


def fitted_margin(chances: Array, grid: Grid) -> float:
    """The margin whose gain is surest: the highest mean less its standard error. `STAY`, where none gains."""
    best = best_single(grid.scores, grid.costs_usd)
    found = judged(grid, chances, np.zeros_like(chances), best)
    sure, margin = 0.0, STAY
    for one in MARGINS:
        gains = _gains(found, one)
        if not len(gains):
            break
        low = float(gains.mean() - gains.std() / np.sqrt(len(gains)))
        if low > sure + 1e-9:
            sure, margin = low, one
    return margin


def report(grid: Grid, chances: Array, expected_usd: Array, margin: float, seed: int, best: int) -> Report:
    """How good the chances are, and what routes that follow them gain over the model `best`."""
    found = judged(grid, chances, expected_usd, best)
    known = grid.known
    areas = [auc(chances[known[:, at], at], grid.scores[known[:, at], at]) for at in range(len(grid.models))]
    areas = [one for one in areas if not np.isnan(one)]
    gains = _gains(found, margin)
    low, high = bootstrap(gains, seed) if len(gains) else (0.0, 0.0)
    at_best = _point(found, margin)
    ideal = found.scores[np.arange(len(gains)), oracle(found.scores, found.costs_usd)] if len(gains) else np.zeros(1)
    whole = len(gains) > 0
    points = curve(found.chances, found.expected_usd, found.scores, found.costs_usd, best) if whole else []
    return Report(
        prompts=len(grid.ids),
        labels=int(known.sum()),
        auc=float(np.mean(areas)) if areas else 0.5,
        calibration_error=calibration_error(chances[known], grid.scores[known]),
        best_single=grid.models[best],
        best_single_score=float(np.nanmean(grid.scores[:, best])),
        oracle_score=float(ideal.mean()),
        gain=at_best.gain,
        gain_low=low,
        gain_high=high,
        gain_cost_ratio=at_best.cost_ratio,
        equal_cost_ratio=equal_cost(points),
        seed=seed,
    )


def _gains(found: Judged, margin: float) -> Array:
    rows = np.arange(len(found.scores))
    if not len(rows):
        return np.zeros(0)
    chosen = follow(found.chances, np.zeros_like(found.chances), 0.0, found.best, margin)
    return found.scores[rows, chosen] - found.scores[:, found.best]


def _point(found: Judged, margin: float) -> Point:
    if not len(found.scores):
        return Point(gain=0.0, cost_ratio=1.0)
    chosen = follow(found.chances, np.zeros_like(found.chances), 0.0, found.best, margin)
    return point(chosen, found.scores, found.costs_usd, found.best)
