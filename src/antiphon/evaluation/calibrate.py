"""From what was predicted of prompts that the fit had not seen to chances, and how sure those are."""

import numpy as np

from antiphon.evaluation.grid import Array
from antiphon.evaluation.ridge import sigmoid
from antiphon.routing.selector import LEAST
from antiphon.routing.selector_file import Calibration

STEPS = 20
PRIOR_LABELS = 25.0
"""How many labels it takes to leave what was predicted as it is."""
REACH = 0.08
"""Predictions that are so near, in chance, count for each other."""
Z90 = 1.6449
"""Quantile of the normal for a 90 % interval."""
ROUNDS = 25


def chances(raw: Array, calibration: Calibration) -> Array:
    """What a selector would tell, without its rounding."""
    bounded = np.clip(raw, LEAST, 1 - LEAST)
    sure = sigmoid(calibration.slope * np.log(bounded / (1 - bounded)) + calibration.offset)
    return np.clip(sure, LEAST, 1 - LEAST)


def calibrated(raw: Array, scores: Array) -> Calibration:
    """Fit one model's calibration.

    Args:
        raw: Predictions out of fold, of prompts whose score is known.
        scores: 0 to 1.
    """
    slope, offset = _platt(raw, scores)
    start = Calibration(slope=slope, offset=offset, below=[1.0], above=[1.0])
    below, above = _reach(chances(raw, start), scores)
    return Calibration(slope=slope, offset=offset, below=below, above=above)


def _platt(raw: Array, scores: Array) -> tuple[float, float]:
    """Slope and offset of the log-odds by Newton's method, pulled to 1 and 0."""
    bounded = np.clip(raw, LEAST, 1 - LEAST)
    odds = np.log(bounded / (1 - bounded))
    design = np.stack([odds, np.ones_like(odds)], 1)
    prior = PRIOR_LABELS * np.array([0.25, 0.05])
    start: Array = np.array([1.0, 0.0])
    found: Array = start
    for _ in range(ROUNDS):
        sure = sigmoid(design @ found)
        slope = design.T @ (scores - sure) - prior * (found - start)
        curve = (design * (sure * (1 - sure))[:, None]).T @ design + np.diag(prior)
        found = found + np.clip(np.linalg.solve(curve, slope), -1, 1)
    return float(max(0.05, found[0])), float(found[1])


def _reach(told: Array, scores: Array) -> tuple[list[float], list[float]]:
    """How far the rate among prompts with about such a chance may be from it, below and above.

    Source: Wilson 1927, JASA 22, on labels weighted by nearness.
    """
    below: list[float] = []
    above: list[float] = []
    for step in range(STEPS):
        middle = (step + 0.5) / STEPS
        weights = np.exp(-0.5 * ((told - middle) / REACH) ** 2)
        total = float(weights.sum())
        count = total**2 / max(1e-12, float((weights**2).sum()))
        # The rate here, in terms of how far it is off what was told: told chances differ within reach.
        off = float((weights * (scores - told)).sum()) / max(1e-12, total) if total > 1e-9 else 0.0
        rate = min(1.0, max(0.0, middle + off))
        low, high = wilson(rate, min(count, total))
        below.append(max(0.0, middle - low))
        above.append(max(0.0, high - middle))
    return below, above


def wilson(rate: float, count: float, z: float = Z90) -> tuple[float, float]:
    """Ends of the interval of a rate that was seen on so many labels."""
    if count <= 0:
        return 0.0, 1.0
    square = z * z / count
    middle = (rate + square / 2) / (1 + square)
    half = z / (1 + square) * np.sqrt(rate * (1 - rate) / count + square / count / 4)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
