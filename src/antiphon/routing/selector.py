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
from antiphon.routing.selector_features import SHAPE, WORD_BITS, Features, Seen
from antiphon.routing.selector_file import Calibration, Lines, SelectorFile, Variant, read
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
        self.embedder = file.embedder
        """Whose embeddings it takes; empty: none."""
        self.sha256 = file.sha256
        self.report = file.report
        self.costs_usd = {model: prior.cost_usd for model, prior in zip(file.models, file.priors, strict=True)}
        """Mean of a call in the training's data."""
        self._features = Features()
        idf = _floats(file.idf)
        self._squares = [one * one for one in idf]
        self._dimensions = file.dimensions
        self._plain = _Variant(file.plain, len(self.models), where)
        self._embedded = None if file.embedded is None else _Variant(file.embedded, len(self.models), where)

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
        at, norm = self._at(seen.places)
        variant = self._plain
        if embedding is not None and self._embedded is not None:
            if len(embedding) != self._dimensions:
                raise BadRequest(f"the embedding has {len(embedding)} numbers; {self._dimensions} are expected")
            variant = self._embedded
        else:
            embedding = None
        return Foreseen(
            dict(zip(self.models, variant.chances(seen, at, norm, embedding), strict=True)),
            dict(zip(self.models, variant.tokens(seen, at, norm, embedding), strict=True)),
        )

    def _at(self, places: list[int]) -> "tuple[At, float]":
        """What picks a text's places out of a row, and what the sum of them is divided by."""
        if len(places) < 2:
            only = places[0] if places else None
            at: At = _none if only is None else lambda row: (row[only],)
        else:
            at = itemgetter(*places)
        return at, sqrt(sum(at(self._squares))) or 1.0


At = Callable[[Sequence[float]], Sequence[float]]


def _none(_: Sequence[float]) -> Sequence[float]:
    return ()


class _Sums:
    """Lines, ready to be summed."""

    def __init__(self, lines: Lines) -> None:
        outputs = len(lines.offset)
        shape = _rows(_floats(lines.shape), len(SHAPE), outputs)
        words = _rows(_floats(lines.words), 1 << WORD_BITS, outputs)
        every = _floats(lines.embedding)
        embedding = _rows(every, len(every) // outputs, outputs)
        self._rows = [*zip(lines.offset, shape, words, embedding, strict=True)]
        self._logit = lines.link == "logit"
        self.weight = lines.weight

    def of(self, seen: Seen, at: At, norm: float, embedding: "Embedding | None") -> list[float]:
        numbers = seen.shape
        sums = [
            offset + sum(map(mul, numbers, shape)) + sum(at(words)) / norm for offset, shape, words, _ in self._rows
        ]
        if embedding is not None:
            sums = [one + sum(map(mul, embedding, row)) for one, (_, _, _, row) in zip(sums, self._rows, strict=True)]
        return [1 / (1 + exp(-min(30.0, max(-30.0, one)))) for one in sums] if self._logit else sums


class _Variant:
    """One way to predict, with its table of chances."""

    def __init__(self, variant: Variant, models: int, where: str) -> None:
        self._sums = [_Sums(one) for one in variant.lines]
        near = variant.neighbours
        self._nearest = None if near is None else Nearest(near, models, where)
        self._weight = 0.0 if near is None else near.weight
        self._tables = [table(one) for one in variant.calibration]
        self._length = _Sums(variant.lengths.line)
        self._lengths = [*zip(variant.lengths.offset, variant.lengths.slope, strict=True)]

    def chances(self, seen: Seen, at: At, norm: float, embedding: "Embedding | None") -> list[Chance]:
        found = [(one.weight, one.of(seen, at, norm, embedding)) for one in self._sums]
        if self._nearest is not None and embedding is not None:
            found.append((self._weight, self._nearest.means(embedding)))
        if len(found) == 1:
            weight, raw = found[0]
            return [row[_step(weight * one)] for row, one in zip(self._tables, raw, strict=True)]
        weights = [weight for weight, _ in found]
        mixed = zip(*(raw for _, raw in found), strict=True)
        return [row[_step(sum(map(mul, weights, one)))] for row, one in zip(self._tables, mixed, strict=True)]

    def tokens(self, seen: Seen, at: At, norm: float, embedding: "Embedding | None") -> list[int]:
        found = self._length.of(seen, at, norm, embedding)
        if len(found) == 1:
            found = found * len(self._lengths)
        return [
            int(exp(min(MOST_LOG_TOKENS, base + slope * one)))
            for (base, slope), one in zip(self._lengths, found, strict=True)
        ]


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


def _rows(numbers: list[float], size: int, outputs: int) -> list[list[float]]:
    return [numbers[row * size : (row + 1) * size] for row in range(outputs)]
