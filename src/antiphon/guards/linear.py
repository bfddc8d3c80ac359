"""A small linear model over the tokens of a text: one number a token, added up."""

from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Collection, Sequence
from importlib.resources import files

import msgspec
from msgspec import Struct

ZERO = 128
"""Weights are bytes: 128 stands for 0."""


class Written(Struct, frozen=True, kw_only=True):
    """A model as its file has it."""

    source: str
    """What it was made from, and when."""
    bias: float
    scale: float
    """A weight's worth: score = bias + scale * sum of (byte - 128) / root of the number of known tokens."""
    cuts: tuple[tuple[float, float], ...]
    """(score, what is said for it), rising; between two of them on the straight line."""
    tokens: str
    """Parted by line feeds."""
    weights: str
    """Base64 of a byte for each token."""


def written(tokens: Sequence[str], weights: bytes, **rest: object) -> Written:
    """A model to write into a file. `weights`: a byte for each token."""
    return msgspec.convert(
        {"tokens": "\n".join(tokens), "weights": b64encode(weights).decode(), **rest}, Written, strict=False
    )


class Linear:
    """A model that can be asked."""

    def __init__(self, model: Written) -> None:
        self._bias = model.bias
        self._scale = model.scale
        self._cuts = model.cuts
        self._weights: dict[str, int] = {
            token: byte - ZERO for token, byte in zip(model.tokens.split("\n"), b64decode(model.weights), strict=True)
        }

    def raw(self, tokens: Collection[str]) -> float:
        """The score; each token has to be there once."""
        found = [weight for weight in map(self._weights.get, tokens) if weight is not None]
        return self._bias + self._scale * sum(found) / (len(found) or 1) ** 0.5

    def score(self, tokens: Collection[str]) -> float:
        """What is said for the score, 0 to 1."""
        return said(self.raw(tokens), self._cuts)


def said(raw: float, cuts: Sequence[tuple[float, float]]) -> float:
    """The value of a score on the line through some points."""
    at = bisect_right(cuts, raw, key=lambda cut: cut[0])
    if at == 0:
        return cuts[0][1]
    if at == len(cuts):
        return cuts[-1][1]
    (low, low_said), (high, high_said) = cuts[at - 1], cuts[at]
    return low_said + (high_said - low_said) * (raw - low) / (high - low)


def load(name: str) -> Linear:
    """A bundled model."""
    text = (files("antiphon.guards") / "data" / f"{name}.json").read_bytes()
    return Linear(msgspec.json.decode(text, type=Written))
