"""How long answers will be: one number of the prompt for all models, and how each model goes with it."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.evaluation.grid import Array, Places
from antiphon.evaluation.ridge import Fit, ridge

USUAL_TOKENS = 300.0
"""Where no length of an answer is known."""
PRIOR_PROMPTS = 10.0
"""How many prompts of evidence it takes to leave the mean of all, and a slope of 1."""
DENSE = 0.5
"""Share of lengths that are known, from which on each model can have its own weights."""


class Long(Struct, frozen=True, kw_only=True, eq=False):
    """Learned lengths."""

    fit: Fit
    offset: Array
    slope: Array
    out_of_fold: Array
    """Tokens that were expected of prompts that the fit had not seen."""


def lengths(features: Array, folds: Places, tokens: Array, *, each: bool) -> Long:
    """Learn from lengths, NaN where unknown.

    Args:
        each: Every model has its own weights, where most lengths are known; else all share one number of the prompt.
    """
    known: NDArray[np.bool_] = ~np.isnan(tokens)
    logs = np.log1p(np.where(known, tokens, 0.0))
    count = known.sum(0)
    whole = float(logs[known].mean()) if known.any() else float(np.log1p(USUAL_TOKENS))
    means = (np.where(known, logs, 0.0).sum(0) + PRIOR_PROMPTS * whole) / (count + PRIOR_PROMPTS)
    common: Array = np.where(known, logs - means, 0.0).sum(1) / np.maximum(1, known.sum(1))
    wanted: Array = common[:, None]
    if each and float(known.mean()) >= DENSE:
        wanted = np.where(known, logs - means, wanted)
    fit, found = _fitted(features, folds, wanted, known.sum(1) > 0)
    if found.shape[1] == 1:
        found = np.repeat(found, tokens.shape[1], axis=1)
    offset, slope = means.copy(), np.ones(tokens.shape[1])
    for model in np.flatnonzero(count):
        own = known[:, model]
        line, scores = found[own, model], logs[own, model]
        offset[model], slope[model] = _follows(line, scores)
        # Of logarithms the mean is too low: sums of tokens are to come out right.
        expected = float(_tokens(line, offset[model], slope[model]).mean())
        offset[model] += float(np.log(max(1.0, float(tokens[own, model].mean())) / expected))
    return Long(fit=fit, offset=offset, slope=slope, out_of_fold=_tokens(found, offset, slope))


def _fitted(features: Array, folds: Places, wanted: Array, asked: NDArray[np.bool_]) -> tuple[Fit, Array]:
    """A fit on all prompts that were asked, and what fits on all but each fold predict."""
    out = np.zeros_like(wanted)
    if asked.sum() < 2 * len(np.unique(folds)):
        return Fit(weights=np.zeros((features.shape[1], out.shape[1])), offset=out[0] * 0), out
    for fold in np.unique(folds):
        left = folds == fold
        out[left] = ridge(features[asked & ~left], wanted[asked & ~left]).of(features[left])
    return ridge(features[asked], wanted[asked]), out


def _follows(line: Array, logs: Array) -> tuple[float, float]:
    """Offset and slope of one model, the slope pulled to 1."""
    prior = PRIOR_PROMPTS * max(1e-6, float(line.var()))
    middle = float(line.mean())
    spread = float(((line - middle) * (logs - logs.mean())).sum()) + prior
    slope = spread / (float(((line - middle) ** 2).sum()) + prior)
    return float(logs.mean()) - slope * middle, slope


def _tokens(line: Array, offset: Array | float, slope: Array | float) -> Array:
    return np.exp(np.clip(offset + line * slope, 0.0, 14.0))
