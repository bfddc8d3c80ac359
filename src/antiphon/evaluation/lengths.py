"""How long answers will be: one number of the prompt for all models, and how each model goes with it."""

import numpy as np
from msgspec import Struct

from antiphon.evaluation.basis import Basis
from antiphon.evaluation.grid import Array, Places
from antiphon.evaluation.ridge import Fit, ridge
from antiphon.routing.selector_file import Lengths

USUAL_TOKENS = 300.0
"""Where no length of an answer is known."""
PRIOR_PROMPTS = 10.0


class Long(Struct, frozen=True, kw_only=True, eq=False):
    """Learned lengths."""

    fit: Fit
    offset: Array
    slope: Array
    out_of_fold: Array
    """Tokens that were expected of prompts that the fit had not seen."""

    def of(self, features: Array) -> Array:
        """Expected tokens of each model."""
        return _tokens(self.fit.of(features)[:, 0], self.offset, self.slope)

    def stored(self, basis: Basis) -> Lengths:
        """As a selector keeps it."""
        return Lengths(
            line=basis.lines(self.fit.weights, self.fit.offset),
            offset=[float(one) for one in self.offset.tolist()],
            slope=[float(one) for one in self.slope.tolist()],
        )


def lengths(features: Array, folds: Places, tokens: Array) -> Long:
    """Learn from lengths, NaN where unknown."""
    known = ~np.isnan(tokens)
    logs = np.log1p(np.where(known, tokens, 0.0))
    count = known.sum(0)
    usual = float(np.log1p(USUAL_TOKENS))
    whole = float(logs[known].mean()) if known.any() else usual
    means = (np.where(known, logs, 0.0).sum(0) + PRIOR_PROMPTS * whole) / (count + PRIOR_PROMPTS)
    off = np.where(known, logs - means, 0.0).sum(1) / np.maximum(1, known.sum(1))
    asked = known.any(1)
    if asked.sum() < 2 * len(np.unique(folds)):
        fit = Fit(weights=np.zeros((features.shape[1], 1)), offset=np.zeros(1))
        common = np.zeros(len(features))
    else:
        fit = ridge(features[asked], off[asked][:, None])
        common = np.zeros(len(features))
        for fold in np.unique(folds):
            left = folds == fold
            common[left] = ridge(features[asked & ~left], off[asked & ~left][:, None]).of(features[left])[:, 0]
    offset, slope = means.copy(), np.ones(tokens.shape[1])
    for model in range(tokens.shape[1]):
        own = known[:, model]
        if own.any():
            offset[model], slope[model] = _follows(common[own], logs[own, model], means[model])
            # Of logarithms the mean is too low: sums of tokens are to come out right.
            expected = _tokens(common[own], offset[[model]], slope[[model]])[:, 0]
            offset[model] += float(np.log(max(1.0, tokens[own, model].mean()) / expected.mean()))
    return Long(fit=fit, offset=offset, slope=slope, out_of_fold=_tokens(common, offset, slope))


def _follows(common: Array, logs: Array, mean: float) -> tuple[float, float]:
    """Offset and slope of one model, pulled to its mean and to 1."""
    prior = PRIOR_PROMPTS * max(1e-6, float(common.var()))
    middle = float(common.mean())
    spread = float(((common - middle) * (logs - logs.mean())).sum()) + prior
    slope = spread / (float(((common - middle) ** 2).sum()) + prior)
    return float(logs.mean() if len(logs) > 1 else mean) - slope * middle, slope


def _tokens(common: Array, offset: Array, slope: Array) -> Array:
    return np.exp(np.clip(offset + np.outer(common, slope), 0.0, 14.0))
