"""A learned selector: each model's chance of answering a prompt rightly, and how long its answer will be."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from math import exp, log, sqrt
from operator import itemgetter, mul
from pathlib import Path
from typing import Final

from msgspec import Struct

from antiphon.core.chance import Chance
from antiphon.core.embedding import Embedding
from antiphon.core.error import BadRequest
from antiphon.routing.selector_features import Features, Seen
from antiphon.routing.selector_file import Calibration, Lines, SelectorFile, Variant, read
from antiphon.routing.selector_lanes import Lanes
from antiphon.routing.selector_neighbours import Nearest

STEPS: Final = 1000
"""Chances are told to the thousandth."""
LEAST: Final = 0.005
"""No chance is told below this or above 1 less this: no data says never or always."""
MOST_LOG_TOKENS: Final = 14.0


class Foreseen(Struct, frozen=True, gc=False):
    """What is expected of every model on one prompt."""

    chances: Mapping[str, Chance]
    output_tokens: Mapping[str, int]


class Selector:
    """A trained selector in memory. Asking it changes nothing but what it remembers of words."""

    def __init__(self, file: SelectorFile, where: str = "file") -> None:
        """`where`: the setting that names it. Raises: ConfigError, when it needs numpy and that is not installed."""
        self.models = tuple(file.models)
        self.best_single = file.best_single
        self.margin = file.margin
        self.tolerance = file.tolerance
        self.embedder = file.embedder
        """Whose embeddings it takes; empty: none."""
        self.sha256 = file.sha256
        self.report = file.report
        self.costs_usd = {model: prior.cost_usd for model, prior in zip(file.models, file.priors, strict=True)}
        """Mean of a call in the training's data."""
        self._features = Features()
        self._dimensions = file.dimensions
        idf, models = _floats(file.idf), len(self.models)
        self._plain = _Variant(file.plain, idf, models, where)
        self._embedded = None if file.embedded is None else _Variant(file.embedded, idf, models, where)

    @classmethod
    def load(cls, path: Path, where: str = "file") -> "Selector":
        """Read a selector's file. Raises: ConfigError."""
        return cls(read(path, where), where)

    def predict(self, text: str, embedding: "Embedding | None" = None) -> Mapping[str, Chance]:
        """Each model's chance. Raises: BadRequest, when the embedding has another length than the training's."""
        return self.foresee(text, embedding).chances

    def foresee(self, text: str, embedding: "Embedding | None" = None) -> Foreseen:
        """Each model's chance and output tokens. An embedding that it can't use is left aside.

        Raises: BadRequest, when the embedding has another length than the training's.
        """
        seen = self._features.see(text)
        if embedding is None or self._embedded is None:
            chances, tokens = self._plain.foresee(seen, None)
        elif len(embedding) != self._dimensions:
            raise BadRequest(f"the embedding has {len(embedding)} numbers; {self._dimensions} are expected")
        else:
            chances, tokens = self._embedded.foresee(seen, embedding)
        return Foreseen(dict(zip(self.models, chances, strict=True)), dict(zip(self.models, tokens, strict=True)))


class _Variant:
    """One way to predict: all its sums side by side, and its tables of chances."""

    def __init__(self, variant: Variant, idf: Sequence[float], models: int, where: str) -> None:
        every = [*variant.lines, variant.lengths.line]
        shape, words, embedding = (
            [row for lines in every for row in _rows(lines, part)] for part in ("shape", "words", "embedding")
        )
        self._offset = [one for lines in every for one in lines.offset]
        self._shape = shape
        self._embedding = embedding
        self._words = Lanes([*words, [one * one for one in idf]])
        self._lines = [(lines.weight, lines.link == "logit") for lines in variant.lines]
        self._models = models
        near = variant.neighbours
        self._nearest = None if near is None else (near.weight, Nearest(near, models, where))
        self._tables = [table(one) for one in variant.calibration]
        self._lengths = [*zip(variant.lengths.offset, variant.lengths.slope, strict=True)]

    def foresee(self, seen: Seen, embedding: "Embedding | None") -> tuple[list[Chance], list[int]]:
        """Chances and output tokens of each model."""
        sums = self._sums(seen, embedding)
        at = len(self._lines) * self._models
        if len(self._lines) == 1 and self._nearest is None and not self._lines[0][1]:
            raw = sums[:at]
        else:
            raw = self._mixed(sums, embedding)
        chances = [row[_step(one)] for row, one in zip(self._tables, raw, strict=True)]
        long = sums[at:] if len(sums) - at > 1 else sums[at:] * self._models
        tokens = [
            int(exp(min(MOST_LOG_TOKENS, base + slope * one)))
            for (base, slope), one in zip(self._lengths, long, strict=True)
        ]
        return chances, tokens

    def _sums(self, seen: Seen, embedding: "Embedding | None") -> list[float]:
        *words, square = self._words.sums(_picker(seen.places))
        norm = sqrt(square) if square > 0 else 1.0
        numbers = seen.shape
        if embedding is None:
            return [
                offset + sum(map(mul, numbers, shape)) + word / norm
                for offset, shape, word in zip(self._offset, self._shape, words, strict=True)
            ]
        return [
            offset + sum(map(mul, numbers, shape)) + word / norm + sum(map(mul, embedding, row))
            for offset, shape, word, row in zip(self._offset, self._shape, words, self._embedding, strict=True)
        ]

    def _mixed(self, sums: list[float], embedding: "Embedding | None") -> list[float]:
        out = [0.0] * self._models
        for at, (weight, logit) in enumerate(self._lines):
            own = sums[at * self._models : (at + 1) * self._models]
            if logit:
                own = [1 / (1 + exp(-min(30.0, max(-30.0, one)))) for one in own]
            out = [one + weight * more for one, more in zip(out, own, strict=True)]
        if self._nearest is not None and embedding is not None:
            weight, nearest = self._nearest
            out = [one + weight * more for one, more in zip(out, nearest.means(embedding), strict=True)]
        return out


def _picker(places: list[int]) -> Callable[[Sequence[int]], Sequence[int]]:
    """What picks a text's places out of rows."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda rows: [rows[at] for at in places]


def _step(raw: float) -> int:
    return 0 if raw <= 0 else STEPS if raw >= 1 else int(raw * STEPS + 0.5)


def calibrated(raw: float, slope: float, offset: float) -> float:
    """A chance from what was predicted, 0 to 1."""
    bounded = min(1 - LEAST, max(LEAST, raw))
    sure = 1 / (1 + exp(-(slope * log(bounded / (1 - bounded)) + offset)))
    return min(1 - LEAST, max(LEAST, sure))


def table(calibration: Calibration) -> list[Chance]:
    """The chance for each thousandth that may be predicted."""
    out: list[Chance] = []
    for step in range(STEPS + 1):
        mean = calibrated(step / STEPS, calibration.slope, calibration.offset)
        at = min(len(calibration.below) - 1, int(mean * len(calibration.below)))
        low, high = mean - calibration.below[at], mean + calibration.above[at]
        out.append(Chance(mean, max(0.0, low), min(1.0, high)))
    return out


def _floats(body: bytes) -> list[float]:
    found = array("f")
    found.frombytes(body)
    if array("H", [1]).tobytes()[0] == 0:
        found.byteswap()
    return found.tolist()


def _rows(lines: Lines, part: str) -> list[list[float]]:
    """A row for each output; empty ones where there is nothing of this part."""
    numbers = _floats({"shape": lines.shape, "words": lines.words, "embedding": lines.embedding}[part])
    size = len(numbers) // len(lines.offset)
    return [numbers[row * size : (row + 1) * size] for row in range(len(lines.offset))]
