"""Makes the small models: softmax regressions over words, and a logistic one of difficulty. It needs numpy."""

# numpy's arrays are typed by their library alone.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from antiphon.signals.linear import ZERO, Written, written

Floats = NDArray[np.float64]
EPOCHS = 12
BATCH = 64
RATE = 0.3
DECAY = 1e-3
LEAST_SEEN = 3
_RNG_SEED = 7


class Example(Struct, frozen=True):
    """A text's tokens and its class."""

    tokens: tuple[str, ...]
    label: str
    weight: float = 1.0


class Fitted(Struct, frozen=True, kw_only=True):
    """Weights of tokens, and what stands before any token is seen."""

    names: tuple[str, ...]
    tokens: tuple[str, ...]
    weights: Floats
    bias: Floats
    rooted: bool = False
    """See `linear.Written`."""

    def chances(self, examples: Sequence[Example], cooling: float = 1.0) -> Floats:
        where = {token: at for at, token in enumerate(self.tokens)}
        known = [[where[one] for one in example.tokens if one in where] for example in examples]
        scores = np.stack([self.weights[rows].sum(0) for rows in known])
        roots = np.sqrt([max(len(rows), 1) for rows in known])
        return _softmax((scores + self.bias) / (cooling * (roots[:, None] if self.rooted else 1.0)))


def fit(examples: Sequence[Example], names: Sequence[str], most: int, *, rooted: bool = False) -> Fitted:
    """Learn on all tokens, keep those that tell most, and learn again on these.

    Args:
        most: Tokens to keep.
        rooted: See `linear.Written`.
    """
    seen = Counter(token for example in examples for token in set(example.tokens))
    tokens = sorted(token for token, times in seen.items() if times >= LEAST_SEEN)
    first = _descend(examples, names, tokens)
    telling = np.abs(first.weights).max(1) * np.log1p([seen[token] for token in tokens])
    kept = sorted(tokens[at] for at in np.argsort(-telling, kind="stable")[:most])
    return replace(_descend(examples, names, kept), rooted=rooted)


def _descend(examples: Sequence[Example], names: Sequence[str], tokens: Sequence[str]) -> Fitted:
    """Adagrad on the cross entropy, a batch at a time. Source: Duchi, Hazan, Singer 2011, JMLR 12, section 1.3."""
    where = {token: at for at, token in enumerate(tokens)}
    rows = [
        np.array(sorted({where[one] for one in example.tokens if one in where}), dtype=np.int64) for example in examples
    ]
    labels = np.array([names.index(example.label) for example in examples])
    worth = np.array([example.weight for example in examples])
    weights, bias = np.zeros((len(tokens), len(names))), np.zeros(len(names))
    squares, bias_squares = np.full_like(weights, 1e-2), np.full_like(bias, 1e-2)
    rng = np.random.default_rng(_RNG_SEED)
    for _ in range(EPOCHS):
        order = rng.permutation(len(rows))
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            lengths = np.array([len(rows[at]) for at in batch])
            flat = np.concatenate([rows[at] for at in batch])
            owner = np.repeat(np.arange(len(batch)), lengths)
            scores = np.tile(bias, (len(batch), 1))
            np.add.at(scores, owner, weights[flat])
            slope = _softmax(scores)
            slope[np.arange(len(batch)), labels[batch]] -= 1
            slope *= worth[batch][:, None] / len(batch)
            touched, inverse = np.unique(flat, return_inverse=True)
            step = np.zeros((len(touched), len(names)))
            np.add.at(step, inverse, slope[owner])
            step += DECAY * weights[touched]
            squares[touched] += step**2
            weights[touched] -= RATE * step / np.sqrt(squares[touched])
            bias_squares += slope.sum(0) ** 2
            bias -= RATE * slope.sum(0) / np.sqrt(bias_squares)
    return Fitted(names=tuple(names), tokens=tuple(tokens), weights=weights, bias=bias)


def _softmax(scores: Floats) -> Floats:
    grown = np.exp(scores - scores.max(1, keepdims=True))
    return grown / grown.sum(1, keepdims=True)


def cooling(fitted: Fitted, held_out: Sequence[Example]) -> float:
    """The temperature at which the chances fit texts that were not learned from best, by their likelihood.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
    """
    labels = [fitted.names.index(example.label) for example in held_out]

    def loss(temperature: float) -> float:
        chances = fitted.chances(held_out, temperature)
        return -float(np.log(np.maximum(chances[np.arange(len(labels)), labels], 1e-12)).mean())

    return min((round(0.02 * 1.05**at, 3) for at in range(125)), key=loss)


def packed(fitted: Fitted, *, source: str, cooled: float) -> Written:
    """The model as its file has it: weights as bytes."""
    scale = float(np.abs(fitted.weights).max()) / (ZERO - 1)
    rows = np.clip(np.rint(fitted.weights / scale) + ZERO, 0, 255).astype(np.uint8)
    return written(
        fitted.tokens,
        rows.tobytes(),
        source=source,
        names=fitted.names,
        bias=tuple(round(float(one), 4) for one in fitted.bias),
        scale=round(scale, 6),
        cooling=cooled,
        rooted=fitted.rooted,
    )


def fit_share(rows: Sequence[Mapping[str, float]], shares: Sequence[float]) -> tuple[float, dict[str, float]]:
    """A logistic regression on shares between 0 and 1, by Newton's steps with a little shrinking: bias and weights."""
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[1.0, *(row.get(name, 0.0) for name in names)] for row in rows])
    wanted = np.array(shares)
    weights = np.zeros(len(names) + 1)
    for _ in range(30):
        guessed = 1 / (1 + np.exp(-matrix @ weights))
        curve = matrix.T @ (matrix * (guessed * (1 - guessed))[:, None]) + np.eye(len(weights))
        weights += np.linalg.solve(curve, matrix.T @ (wanted - guessed) - weights)
    found = [round(float(one), 4) for one in weights]
    return found[0], dict(zip(names, found[1:], strict=True))


def reliability(chances: Floats, labels: Iterable[int]) -> tuple[float, float]:
    """Accuracy, and expected calibration error over ten bins."""
    wanted = np.array(list(labels))
    best, sure = chances.argmax(1), chances.max(1)
    right = best == wanted
    bins = np.minimum((sure * 10).astype(int), 9)
    error = sum(
        abs(float(right[bins == one].mean()) - float(sure[bins == one].mean())) * float((bins == one).mean())
        for one in range(10)
        if (bins == one).any()
    )
    return float(right.mean()), error


def interval(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.96
    share, spread = right / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z * ((share * (1 - share) / of + spread / of / 4) ** 0.5) / (1 + spread)
    return middle - half, middle + half
