"""How good predictions are, and what routes that follow them are worth."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.evaluation.grid import Array, Places

BINS = 10
DRAWS = 2_000
TRADES: Array = np.concatenate([[0.0], np.logspace(-3, 1.5, 60)])
"""What the best single model's mean cost is held to be worth, in score: from nothing to everything."""


class Point(Struct, frozen=True, kw_only=True):
    """A route on a set of prompts, beside the best single model."""

    gain: float
    """In mean score."""
    cost_ratio: float


def auc(predicted: Array, scores: Array) -> float:
    """Chance that a prompt that went well was predicted above one that did not; NaN, where all went alike."""
    good = scores > 0.5
    wins, losses = int(good.sum()), int((~good).sum())
    if not wins or not losses:
        return float("nan")
    _, place, counts = np.unique(predicted, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[place]
    return float((ranks[good].sum() - wins * (wins + 1) / 2) / (wins * losses))


def calibration_error(predicted: Array, scores: Array) -> float:
    """Mean distance of predicted and seen rates, over ten equal ranges of the prediction, by how many fall into each."""
    at = np.minimum((predicted * BINS).astype(int), BINS - 1)
    counts = np.bincount(at, minlength=BINS)
    off = np.bincount(at, weights=predicted - scores, minlength=BINS)
    return float(np.abs(off).sum() / max(1, counts.sum()))


def best_single(scores: Array, costs: Array) -> int:
    """The model with the highest mean score; of equals the cheaper."""
    means, spent = np.nanmean(scores, 0), np.nan_to_num(np.nanmean(costs, 0))
    return int(np.lexsort((spent, -means))[0])


def follow(predicted: Array, costs: Array, trade: float, best: int, margin: float = 0.0) -> Places:
    """Which model each prompt goes to.

    Args:
        costs: Expected, in units of the best single model's mean cost.
        trade: Score that such a unit is worth.
        best: The best single model: prompts stay there, unless another is worth more by the margin.
    """
    worth = predicted - trade * costs
    chosen = np.argmax(worth, axis=1)
    rows = np.arange(len(worth))
    stays = worth[rows, chosen] - worth[:, best] <= margin
    return np.where(stays, best, chosen)


def cheapest(predicted: Array, costs: Array, tolerance: float, best: int) -> Places:
    """The cheapest model whose chance is no more than the tolerance below the best single model's; else that itself."""
    fit = predicted >= predicted[:, [best]] - tolerance
    fit[:, best] = True
    return np.argmin(np.where(fit, costs, np.inf), axis=1)


def point(chosen: Places, scores: Array, costs: Array, best: int) -> Point:
    """What a choice was worth."""
    rows = np.arange(len(chosen))
    return Point(
        gain=float(scores[rows, chosen].mean() - scores[:, best].mean()),
        cost_ratio=float(costs[rows, chosen].mean() / max(1e-12, costs[:, best].mean())),
    )


def curve(predicted: Array, expected: Array, scores: Array, costs: Array, best: int) -> list[Point]:
    """Routes at every trade of `TRADES`. `expected`: costs as they were predicted, in the same unit as `costs`."""
    units = expected / max(1e-12, float(costs[:, best].mean()))
    return [point(follow(predicted, units, float(trade), best), scores, costs, best) for trade in TRADES]


def equal_cost(points: Sequence[Point]) -> float | None:
    """The least cost ratio at no loss of score; None: each route loses some."""
    return min((one.cost_ratio for one in points if one.gain >= 0), default=None)


def bootstrap(differences: Array, seed: int) -> tuple[float, float]:
    """Ends of the 95 % interval of a mean over prompts, by percentiles. Source: Efron 1979, Ann. Stat. 7(1)."""
    chance = np.random.default_rng(seed)
    size = len(differences)
    means = [float(differences[chance.integers(0, size, size)].mean()) for _ in range(DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def oracle(scores: Array, costs: Array) -> Places:
    """The best model of each prompt, of equals the cheapest, as nobody can know it."""
    spent = costs / max(1e-12, float(np.nanmax(costs)))
    worth: NDArray[np.float64] = np.nan_to_num(scores, nan=-1.0) - 1e-6 * np.nan_to_num(spent, nan=1.0)
    return np.argmax(worth, axis=1)
