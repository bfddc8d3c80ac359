"""Linear learners of many outputs at once. How much each direction of the outputs is shrunk is found for itself.

Models' outcomes go together: most of what differs between prompts is how hard they are for all, and little is who is
better at what. That little decides a route, and needs more shrinking than the rest.
Source: curds and whey, Breiman and Friedman 1997, JRSS B 59(1); leave-one-out in closed form, Allen 1974.
"""

import numpy as np
from msgspec import Struct

from antiphon.evaluation.grid import Array

PENALTIES = np.logspace(-1, 6, 29)
LOGISTIC_STEPS = 60


class Fit(Struct, frozen=True, kw_only=True, eq=False):
    """Weights of features (rows) on outputs (columns)."""

    weights: Array
    offset: Array
    logit: bool = False

    def of(self, features: Array) -> Array:
        """What is predicted of prompts; log-odds are turned into chances."""
        sums = features @ self.weights + self.offset
        return sigmoid(sums) if self.logit else sums


class _Shrunk(Struct, frozen=True, kw_only=True, eq=False):
    """A ridge fit with what else it found."""

    fit: Fit
    turn: Array
    """Directions of the outputs, a column each."""
    penalties: Array
    """Of each direction."""
    eigen: Array
    vectors: Array
    """Of the features' second moments."""
    middle: Array
    """Of the features."""


def sigmoid(sums: Array) -> Array:
    """Log-odds to chances."""
    return 1.0 / (1.0 + np.exp(-np.clip(sums, -30, 30)))


def ridge(features: Array, outputs: Array) -> Fit:
    """Least squares, shrunk."""
    return _ridge(features, outputs).fit


def _ridge(features: Array, outputs: Array) -> _Shrunk:
    middle, mean = features.mean(0), outputs.mean(0)
    centred, wanted = features - middle, outputs - mean
    turn = np.linalg.eigh(wanted.T @ wanted)[1]
    turned = wanted @ turn
    eigen, vectors = np.linalg.eigh(centred.T @ centred)
    eigen = np.maximum(eigen, 0)
    seen = centred @ vectors
    squares, cross = seen**2, seen.T @ turned
    best = np.full(turned.shape[1], np.inf)
    penalties = np.full(turned.shape[1], PENALTIES[-1])
    for penalty in PENALTIES:
        part = 1 / (eigen + penalty)
        leverage = squares @ part + 1 / len(features)
        errors = (turned - seen @ (cross * part[:, None])) / np.maximum(1e-6, 1 - leverage)[:, None]
        found = (errors**2).mean(0)
        better = found < best
        best[better], penalties[better] = found[better], penalty
    weights = vectors @ (cross / (eigen[:, None] + penalties[None, :])) @ turn.T
    fit = Fit(weights=weights, offset=mean - middle @ weights)
    return _Shrunk(fit=fit, turn=turn, penalties=penalties, eigen=eigen, vectors=vectors, middle=middle)


def logistic(features: Array, outputs: Array) -> Fit:
    """Log-odds, shrunk as least squares are.

    Source: the bound on the Hessian, Böhning and Lindsay 1988, Ann. Inst. Stat. Math. 40.
    """
    start = _ridge(features, outputs)
    mean = np.clip(outputs.mean(0), 0.01, 0.99)
    penalties = start.penalties * float((mean * (1 - mean)).mean())
    seen = (features - start.middle) @ start.vectors
    offset = np.log(mean / (1 - mean))
    turned = np.zeros((features.shape[1], outputs.shape[1]))
    step = 1 / (start.eigen[:, None] / 4 + penalties[None, :])
    ahead, before = turned, turned
    for at in range(LOGISTIC_STEPS):
        # Nesterov's momentum: the bound alone takes hundreds of steps.
        chances = sigmoid(seen @ ahead @ start.turn.T + offset)
        missed = outputs - chances
        offset = offset + 4 * missed.mean(0)
        turned = ahead + step * (seen.T @ missed @ start.turn - penalties[None, :] * ahead)
        ahead = turned + at / (at + 3) * (turned - before)
        before = turned
    weights = start.vectors @ turned @ start.turn.T
    return Fit(weights=weights, offset=offset - start.middle @ weights, logit=True)
