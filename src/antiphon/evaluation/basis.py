"""Prompts as rows of numbers to learn from: their shape, their words in few directions, and their embeddings."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from antiphon.evaluation.grid import Array
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
CHUNK_ROWS = 4_000


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
        chunks = [
            _words(seen[at : at + CHUNK_ROWS], self.idf) @ self.directions.astype("float32")
            for at in range(0, len(seen), CHUNK_ROWS)
        ]
        return np.hstack([shape, np.vstack(chunks).astype("float64") * self._stretch])

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


def _words(seen: Sequence[Seen], idf: Array) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Rows of length 1, or 0 where a prompt has no known word."""
    out = np.zeros((len(seen), PLACES), dtype="float32")
    for row, one in enumerate(seen):
        out[row, one.places] = idf[one.places]
        norm = float(np.sqrt((out[row] ** 2).sum()))
        if norm:
            out[row] /= norm
    return out


def _directions(
    words: np.ndarray[tuple[int, int], np.dtype[np.float32]], wanted: int, chance: np.random.Generator
) -> Array:
    """The leading right singular vectors. Source: Halko, Martinsson and Tropp 2011, SIAM Review 53(2), algorithm 4.4."""
    probe = words @ chance.standard_normal((words.shape[1], wanted + 10)).astype("float32")
    for _ in range(2):
        probe = words @ (words.T @ np.linalg.qr(probe)[0])
    small = np.linalg.qr(probe)[0].T @ words
    # Signs of singular vectors are arbitrary; what is learned on them turns with them.
    _, _, right = np.linalg.svd(small, full_matrices=False)
    return right[:wanted].T.astype("float64")
