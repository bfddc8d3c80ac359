"""Learners, each checked on prompts that it did not see, and their mix."""

from collections.abc import Callable
from itertools import product

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from antiphon.evaluation.grid import Array, Places
from antiphon.evaluation.nearest import Near
from antiphon.evaluation.ridge import Fit, logistic, ridge
from antiphon.routing.selector_file import Method

DENSE = 0.5
"""Share of scores that are known, from which on the rest is filled in."""
PARTS = 4
"""Weights of a mix are so many parts of 1."""


class Rows(Struct, frozen=True, kw_only=True, eq=False):
    """What is learned from."""

    features: Array
    filled: Array
    """Scores without gaps."""
    known: NDArray[np.bool_]
    folds: Places
    vectors: Array | None = None

    def at(self, rows: NDArray[np.bool_]) -> "Rows":
        """Some prompts alone."""
        return replace(
            self,
            features=self.features[rows],
            filled=self.filled[rows],
            known=self.known[rows],
            folds=self.folds[rows],
            vectors=None if self.vectors is None else self.vectors[rows],
        )


Fitted = Fit | Near


class Learned(Struct, frozen=True, kw_only=True, eq=False):
    """What was learned, and what it predicts of each prompt when that was left out."""

    parts: list[tuple[float, Fitted]]
    """With their weights."""
    out_of_fold: Array


def learn(rows: Rows, method: Method) -> Learned:
    """Fit a method on all prompts, and on all but each fold."""
    learners = _learners(method, near=rows.vectors is not None)
    found = [out_of_fold(rows, one) for one in learners]
    weights = _weights(found, rows)
    mixed = np.einsum("l,lnm->nm", np.array(weights), np.stack(found))
    parts = [(weight, one(rows)) for weight, one in zip(weights, learners, strict=True) if weight]
    return Learned(parts=parts, out_of_fold=mixed)


Learner = Callable[[Rows], Fitted]


def _learners(method: Method, *, near: bool) -> list[Learner]:
    match method:
        case "prior":
            return [_prior]
        case "ridge":
            return [_ridge]
        case "logistic":
            return [_logistic]
        case "knn":
            return [_near]
        case "blend":
            return [_ridge, _logistic, _near] if near else [_ridge, _logistic]


def out_of_fold(rows: Rows, learner: Learner) -> Array:
    """Predictions of each fold by a fit on the others."""
    out = np.zeros_like(rows.filled)
    for fold in np.unique(rows.folds):
        left = rows.folds == fold
        out[left] = predicted(learner(rows.at(~left)), rows.at(left))
    return out


def predicted(fitted: Fitted, rows: Rows) -> Array:
    """What a fit predicts of prompts."""
    if isinstance(fitted, Fit):
        return fitted.of(rows.features)
    return fitted.of(_vectors(rows))


def _weights(found: list[Array], rows: Rows) -> list[float]:
    """The mix with the least squared error on known scores."""
    if len(found) == 1:
        return [1.0]
    known = rows.known
    columns = np.stack([one[known] for one in found], 1)
    scores = rows.filled[known]

    def error(parts: tuple[int, ...]) -> float:
        return float(((columns @ (np.array(parts) / PARTS) - scores) ** 2).mean())

    mixes = [parts for parts in product(range(PARTS + 1), repeat=len(found)) if sum(parts) == PARTS]
    return [part / PARTS for part in min(mixes, key=error)]


def _prior(rows: Rows) -> Fitted:
    return Fit(weights=np.zeros((rows.features.shape[1], rows.filled.shape[1])), offset=rows.filled.mean(0))


def _ridge(rows: Rows) -> Fitted:
    return ridge(rows.features, rows.filled) if rows.known.mean() >= DENSE else _sparse(rows)


def _logistic(rows: Rows) -> Fitted:
    return logistic(rows.features, np.clip(rows.filled, 0, 1))


def _near(rows: Rows) -> Fitted:
    return Near(vectors=_vectors(rows), outcomes=rows.filled)


def _vectors(rows: Rows) -> Array:
    if rows.vectors is None:
        raise ValueError("neighbours need embeddings")
    return rows.vectors


def _sparse(rows: Rows) -> Fit:
    """Where few models were asked of each prompt: what is common to all, then each model's own on its own prompts."""
    known, count = rows.known, rows.known.sum(0)
    means = np.where(known, rows.filled, 0.0).sum(0) / np.maximum(1, count)
    off = np.where(known, rows.filled - means, 0.0)
    asked = known.any(1)
    common = ridge(rows.features[asked], (off.sum(1) / np.maximum(1, known.sum(1)))[asked][:, None])
    weights = np.repeat(common.weights, known.shape[1], axis=1)
    offset = means + common.offset
    for model in np.flatnonzero(count >= 20):
        own = known[:, model]
        rest = rows.filled[own, model] - (rows.features[own] @ weights[:, model] + offset[model])
        fit = ridge(rows.features[own], rest[:, None])
        weights[:, model] += fit.weights[:, 0]
        offset[model] += fit.offset[0]
    return Fit(weights=weights, offset=offset)
