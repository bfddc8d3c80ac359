"""Scores that nobody took, filled in by what other models did on the same prompt.

A model that came late has few labels of its own. How it goes with the others is seen from a hundred of them, and tells
what it would have done where the others were asked.
"""

import numpy as np
from numpy.typing import NDArray

from antiphon.evaluation.grid import Array
from antiphon.evaluation.ridge import ridge

PRIOR_PROMPTS = 5.0
"""How many prompts of evidence it takes to leave the belief that a model follows the others one to one."""
PRIOR_LABELS = 1.0
"""Labels of belief that a prompt is as hard as the mean."""


def imputed(scores: Array) -> Array:
    """Scores, 0 to 1, with no NaN left. Known ones stay as they are."""
    known: NDArray[np.bool_] = ~np.isnan(scores)
    if known.all():
        return scores
    means = _means(scores, known)
    filled = np.where(known, scores, 0.0)
    off = np.where(known, filled - means, 0.0)
    for column in np.flatnonzero(~known.all(0)):
        filled[:, column] = np.where(
            known[:, column], filled[:, column], _follows(off, known, scores, means, int(column))
        )
    out = filled.copy()
    for column in np.flatnonzero(~known.all(0)):
        out[:, column] = _refined(filled, scores, known, int(column))
    return np.clip(out, 0.0, 1.0)


def _means(scores: Array, known: NDArray[np.bool_]) -> Array:
    """Of each model, on the prompts that it was asked; a model without labels has the mean of all."""
    count = known.sum(0)
    total: Array = np.where(known, scores, 0.0).sum(0)
    whole = float(total.sum()) / max(1, int(count.sum()))
    means: Array = np.where(count > 0, total / np.maximum(1, count), whole)
    return means


def _follows(off: Array, known: NDArray[np.bool_], scores: Array, means: Array, column: int) -> Array:
    """A model's scores by how far the others are off their means."""
    others = np.delete(off, column, 1).sum(1) / (np.delete(known, column, 1).sum(1) + PRIOR_LABELS)
    own = known[:, column]
    if not own.any():
        return means[column] + others
    asked, got = others[own], scores[own, column]
    spread = ((asked - asked.mean()) * (got - got.mean())).sum()
    prior = PRIOR_PROMPTS * float(others.var())
    slope = (spread + prior) / max(1e-9, ((asked - asked.mean()) ** 2).sum() + prior)
    return got.mean() + slope * (others - asked.mean())


def _refined(filled: Array, scores: Array, known: NDArray[np.bool_], column: int) -> Array:
    """The same, with each other model's own weight where that tells more."""
    own = known[:, column]
    others = np.delete(filled, column, 1)
    if own.sum() < 20 or not others.shape[1]:
        return filled[:, column]
    mean = others.mean(1)
    start = np.polynomial.Polynomial.fit(mean[own], scores[own, column], 1) if mean[own].std() > 1e-6 else None
    base = filled[:, column] if start is None else np.asarray(start(mean), dtype="float64")
    rest = ridge(others[own], (scores[own, column] - base[own])[:, None]).of(others)[:, 0]
    return np.where(own, scores[:, column], base + rest)
