"""Prompts as rows of numbers to learn from: their shape, their words in few directions, and their embeddings."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct

from antiphon.evaluation.grid import Array, Places
from antiphon.routing.selector_features import SHAPE, WORD_BITS, Features, Seen
from antiphon.routing.selector_file import Lines

PLACES = 1 << WORD_BITS
DIRECTIONS = 200
"""Of words: latent semantic indexing. Source: Deerwester et al. 1990, JASIS 41(6)."""
MOST_ROWS = 20_000
"""Prompts that the directions are found on; of more, so many are drawn."""
LEAST_PROMPTS = 2
"""A place of words that fewer prompts have tells nothing."""
EMBEDDING_SCALE = 0.5
CHUNK = 100_000
"""Entries that are multiplied at once."""


class Basis(Struct, frozen=True, kw_only=True, eq=False):
    """How a prompt becomes a row, learned from prompts without their outcomes."""

    mean: Array
    scale: Array
    """Of the shape features: what is taken off, and what they are divided by then."""
    idf: Array
    directions: Array
    """A row a place of words, a column a direction."""

    def plain(self, seen: Sequence[Seen]) -> Array:
        """Rows of prompts without embeddings."""
        shape = (_shapes(seen) - self.mean) / self.scale
        if not self.directions.shape[1]:
            return shape
        return np.hstack([shape, _words(seen, self.idf).times(self.directions) * self._stretch])

    def lines(self, weights: Array, offset: Array, embedding: Array | None = None) -> Lines:
        """Weights of such rows, one column an output, as a selector keeps them: for features as they are seen."""
        sides, at = len(SHAPE), len(SHAPE) + self.directions.shape[1]
        shape = weights[:sides] / self.scale[:, None]
        words = (self.directions @ weights[sides:at]) * self._stretch * self.idf[:, None]
        return Lines(
            offset=[float(one) for one in (offset - self.mean @ shape).tolist()],
            shape=packed(shape.T),
            words=packed(words.T),
            embedding=b"" if embedding is None else packed(embedding.T),
        )

    @property
    def _stretch(self) -> float:
        return float(np.sqrt(max(1, self.directions.shape[1])))


def see(texts: Sequence[str]) -> list[Seen]:
    """What a selector sees of prompts."""
    features = Features()
    return [features.see(text) for text in texts]


def basis(seen: Sequence[Seen], seed: int) -> Basis:
    """Learn how prompts become rows."""
    shape = _shapes(seen)
    scale = shape.std(0)
    scale[scale < 1e-9] = 1.0
    counts = np.zeros(PLACES)
    for one in seen:
        counts[one.places] += 1
    idf = np.where(counts >= LEAST_PROMPTS, np.log((1 + len(seen)) / (1 + counts)) + 1, 0.0)
    chance = np.random.default_rng(seed)
    drawn = seen
    if len(seen) > MOST_ROWS:
        drawn = [seen[int(at)] for at in np.sort(chance.choice(len(seen), MOST_ROWS, replace=False))]
    wanted = min(DIRECTIONS, len(drawn) // 4, int((idf > 0).sum()) // 2)
    directions = _directions(_words(drawn, idf), wanted, chance) if wanted > 0 else np.zeros((PLACES, 0))
    return Basis(mean=shape.mean(0), scale=scale, idf=idf, directions=directions)


def packed(numbers: Array) -> bytes:
    """32-bit floats, little-endian."""
    return np.ascontiguousarray(numbers, dtype="<f4").tobytes()


def _shapes(seen: Sequence[Seen]) -> Array:
    return np.array([one.shape for one in seen], dtype="float64").reshape(len(seen), len(SHAPE))


class _Entries(Struct, frozen=True, kw_only=True, eq=False):
    """A matrix that is nearly all 0, by what is not, in order of its rows."""

    shape: tuple[int, int]
    rows: Places
    columns: Places
    values: Array

    @property
    def turned(self) -> "_Entries":
        order = np.argsort(self.columns, kind="stable")
        rows, columns = self.columns[order], self.rows[order]
        return _Entries(shape=(self.shape[1], self.shape[0]), rows=rows, columns=columns, values=self.values[order])

    def times(self, dense: Array) -> Array:
        """The product with a dense matrix."""
        out = np.zeros((self.shape[0], dense.shape[1]))
        starts = np.flatnonzero(np.diff(self.rows, prepend=-1))
        cuts = [0, *(starts[np.searchsorted(starts, np.arange(CHUNK, len(self.rows), CHUNK), "right") - 1]).tolist()]
        for begin, end in pairwise(sorted({*cuts, len(self.rows)})):
            own = starts[(starts >= begin) & (starts < end)]
            parts = dense[self.columns[begin:end]] * self.values[begin:end, None]
            out[self.rows[own]] = np.add.reduceat(parts, own - begin, axis=0)
        return out


def _words(seen: Sequence[Seen], idf: Array) -> _Entries:
    """Rows of length 1, or 0 where a prompt has no known word."""
    rows = np.repeat(np.arange(len(seen)), [len(one.places) for one in seen])
    columns = np.array([place for one in seen for place in one.places], dtype="int64")
    values = idf[columns]
    norms = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(seen)))
    norms[norms == 0] = 1.0
    return _Entries(shape=(len(seen), PLACES), rows=rows, columns=columns, values=values / norms[rows])


def _directions(words: _Entries, wanted: int, chance: np.random.Generator) -> Array:
    """The leading right singular vectors. Source: Halko, Martinsson and Tropp 2011, SIAM Review 53(2), algorithm 4.4."""
    turned = words.turned
    probe = words.times(chance.standard_normal((words.shape[1], wanted + 10)))
    for _ in range(2):
        probe = words.times(turned.times(np.linalg.qr(probe)[0]))
    small = turned.times(np.linalg.qr(probe)[0])
    return np.linalg.svd(small, full_matrices=False)[0][:, :wanted]
