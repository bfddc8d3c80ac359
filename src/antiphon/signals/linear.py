"""Small linear models over the tokens of a text, in plain Python.

Each token has a row of whole numbers, one for each class, and the row is one integer with a lane of 32 bits for each
class. So a text's rows are added up in C, by `sum`, whatever the number of classes: 140 tokens and 12 classes take about
10 us.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import repeat
from math import exp
from struct import unpack

import msgspec
from msgspec import Struct

LANE_BYTES = 4
ZERO = 128
"""Weights are bytes: 128 stands for 0, so that no lane borrows from the next."""


class Written(Struct, frozen=True, kw_only=True):
    """A model as its file has it."""

    source: str
    """What it was made from, and when."""
    names: tuple[str, ...]
    """Its classes."""
    bias: tuple[float, ...]
    scale: float
    """A weight's worth: score = bias + scale * sum of (byte - 128)."""
    cooling: float = 1.0
    """Scores are divided by it before they become chances: found on texts that the model was not made from."""
    rooted: bool = False
    """They are also divided by the square root of the number of tokens, whose chances are far from independent."""
    tokens: str
    """Parted by line feeds."""
    weights: str
    """Base64 of a byte for each token and class."""


def written(tokens: Sequence[str], rows: bytes, **rest: object) -> Written:
    """A model to write into a file. `rows`: a byte for each token and class."""
    return msgspec.convert(
        {"tokens": "\n".join(tokens), "weights": b64encode(rows).decode(), **rest}, Written, strict=False
    )


class Linear:
    """A model that can be asked."""

    def __init__(self, model: Written) -> None:
        self.names = model.names
        self._bias = model.bias
        self._scale = model.scale
        self._cooling = model.cooling
        self._rooted = model.rooted
        self._form = f"<{len(model.names) + 1}I"
        self._size = (len(model.names) + 1) * LANE_BYTES
        self._rows = self._spread(model.tokens.split("\n"), b64decode(model.weights))

    def _spread(self, tokens: Sequence[str], weights: bytes) -> dict[str, int]:
        """The lowest lane of each row is 1: it counts the rows that were added."""
        classes = len(self.names)
        wide = bytearray(len(tokens) * classes * LANE_BYTES)
        wide[::LANE_BYTES] = weights
        step, first = classes * LANE_BYTES, 1
        shift = 8 * LANE_BYTES
        return {
            token: (int.from_bytes(wide[at * step : (at + 1) * step], "little") << shift) + first
            for at, token in enumerate(tokens)
        }

    def scores(self, tokens: Iterable[str]) -> tuple[int, list[float]]:
        """How many of the tokens are known, and the score of each class."""
        total = sum(map(self._rows.get, tokens, repeat(0)))
        known, *sums = unpack(self._form, total.to_bytes(self._size, "little"))
        none = ZERO * known
        return known, [bias + self._scale * (found - none) for bias, found in zip(self._bias, sums, strict=True)]

    def chances(self, tokens: Iterable[str]) -> tuple[int, list[float]]:
        """How many of the tokens are known, and the chance of each class, in the order of `names`."""
        known, scores = self.scores(tokens)
        cooling = self._cooling * (max(known, 1) ** 0.5 if self._rooted else 1.0)
        most = max(scores)
        grown = [exp((score - most) / cooling) for score in scores]
        whole = sum(grown)
        return known, [one / whole for one in grown]

    def best(self, tokens: Iterable[str]) -> tuple[str, float]:
        """The likeliest class and its chance. No name and 0.0: no token is known."""
        known, chances = self.chances(tokens)
        if not known:
            return "", 0.0
        chance = max(chances)
        return self.names[chances.index(chance)], chance


def load(name: str) -> dict[str, Linear]:
    """The models of a bundled file."""
    text = (files("antiphon.signals") / "data" / f"{name}.json").read_bytes()
    return {part: Linear(one) for part, one in msgspec.json.decode(text, type=dict[str, Written]).items()}
