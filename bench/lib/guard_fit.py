"""Learns the small linear models of guards: a logistic regression over tokens. It needs numpy."""

# numpy's arrays are typed by their library alone.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.guards.linear import ZERO, Linear, Written, written

Floats = NDArray[np.float64]
EPOCHS = 15
BATCH = 64
RATE = 0.3
DECAY = 1e-3
LEAST_SEEN = 3
SEED = 7


class Example(Struct, frozen=True):
    """A text's tokens, whether it is what the guard is for, and how much it counts."""

    tokens: tuple[str, ...]
    label: float
    weight: float = 1.0


class Fitted(Struct, frozen=True):
    tokens: tuple[str, ...]
    weights: Floats
    bias: float


def example(tokens: Collection[str], label: float, weight: float = 1.0) -> Example:
    return Example(tuple(sorted(tokens)), label, weight)


def fit(examples: Sequence[Example], most: int) -> Fitted:
    """Learn on all tokens that are seen three times, keep the `most` that tell most, and learn again on these."""
    seen = Counter(token for one in examples for token in one.tokens)
    kept = sorted(token for token, times in seen.items() if times >= LEAST_SEEN)
    first = _descend(examples, kept)
    if len(kept) <= most:
        return first
    telling = np.abs(first.weights) * np.log1p([seen[token] for token in kept])
    return _descend(examples, sorted(kept[at] for at in np.argsort(-telling, kind="stable")[:most]))


def _descend(examples: Sequence[Example], tokens: Sequence[str]) -> Fitted:
    """Adagrad on the cross entropy, a batch at a time. Source: Duchi, Hazan, Singer 2011, JMLR 12, section 1.3."""
    where = {token: at for at, token in enumerate(tokens)}
    rows = [np.array([where[one] for one in each.tokens if one in where], dtype=np.int64) for each in examples]
    labels = np.array([each.label for each in examples])
    worth = np.array([each.weight for each in examples])
    weights, bias = np.zeros(len(tokens)), 0.0
    squares, bias_square = np.full(len(tokens), 1e-2), 1e-2
    rng = np.random.default_rng(SEED)
    for _ in range(EPOCHS):
        order = rng.permutation(len(rows))
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            lengths = np.array([len(rows[at]) for at in batch])
            flat = np.concatenate([rows[at] for at in batch])
            owner = np.repeat(np.arange(len(batch)), lengths)
            root = 1 / np.sqrt(np.maximum(lengths, 1))
            score = np.bincount(owner, weights[flat], len(batch)) * root + bias
            slope = (1 / (1 + np.exp(-score)) - labels[batch]) * worth[batch] / len(batch)
            summed = np.bincount(flat, slope[owner] * root[owner], len(tokens))
            touched = np.unique(flat)
            step = summed[touched] + DECAY * weights[touched]
            squares[touched] += step**2
            weights[touched] -= RATE * step / np.sqrt(squares[touched])
            bias_square += slope.sum() ** 2
            bias -= RATE * slope.sum() / np.sqrt(bias_square)
    return Fitted(tuple(tokens), weights, float(bias))


WIDE = ((-30.0, 0.0), (30.0, 1.0))
"""Cuts that say the score itself, on another scale."""


def packed(fitted: Fitted, source: str, cuts: Sequence[tuple[float, float]] = WIDE) -> Written:
    """The model as its file has it: weights as bytes."""
    scale = float(np.abs(fitted.weights).max()) / (ZERO - 1)
    weights = np.clip(np.rint(fitted.weights / scale) + ZERO, 0, 255).astype(np.uint8)
    return written(
        fitted.tokens,
        weights.tobytes(),
        source=source,
        bias=round(fitted.bias, 4),
        scale=round(scale, 7),
        cuts=[(round(float(at), 4), said) for at, said in cuts],
    )


def linear(fitted: Fitted) -> Linear:
    return Linear(packed(fitted, "bench"))


SAID = ((0.05, 0.3), (0.02, 0.4), (0.01, 0.5), (0.005, 0.6), (0.002, 0.75))
"""(share of benign texts that score as much, what the model says then)."""
BELOW, ABOVE = 3.0, 2.0
"""Scores further, where it says next to nothing and next to all."""


def cuts(scores: Sequence[Floats]) -> list[tuple[float, float]]:
    """Where what is said changes, from scores of benign texts that were not learned from, several models'."""
    found = [(float(np.mean([at_share(one, share) for one in scores])), said) for share, said in SAID]
    return [(found[0][0] - BELOW, 0.02), *found, (found[-1][0] + ABOVE, 0.98)]


def at_share(scores: Floats, share: float) -> float:
    """The score that just this share of texts exceeds."""
    return float(np.sort(scores)[::-1][int(len(scores) * share)])


def auroc(positive: Floats, negative: Floats) -> float:
    """Chance that one of the first scores higher than one of the others; ties count half."""
    both = np.concatenate([positive, negative])
    values, inverse = np.unique(both, return_inverse=True)
    ranks = np.empty(len(both))
    ranks[np.argsort(both, kind="stable")] = np.arange(1, len(both) + 1)
    ranks = (np.bincount(inverse, ranks) / np.bincount(inverse))[inverse]
    assert len(values)
    many = len(positive)
    return float((ranks[:many].sum() - many * (many + 1) / 2) / (many * len(negative)))
