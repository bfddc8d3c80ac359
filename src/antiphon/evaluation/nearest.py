"""How models did on the prompts whose embeddings lie nearest."""

import numpy as np
from msgspec import Struct

from antiphon.evaluation.grid import Array
from antiphon.routing.selector_file import Neighbours

CHUNK_ROWS = 1_000


class Near(Struct, frozen=True, kw_only=True, eq=False):
    """Prompts of a training, their vectors of length 1, and outcomes."""

    vectors: Array
    outcomes: Array
    nearest: int = 100
    warmth: float = 0.1

    def of(self, vectors: Array) -> Array:
        """Weighted means of the neighbours' outcomes."""
        count = min(self.nearest, len(self.vectors))
        out = np.zeros((len(vectors), self.outcomes.shape[1]))
        for start in range(0, len(vectors), CHUNK_ROWS):
            near = vectors[start : start + CHUNK_ROWS] @ self.vectors.T
            found = np.argpartition(-near, count - 1, axis=1)[:, :count]
            close = np.take_along_axis(near, found, 1)
            weights = np.exp((close - close.max(1, keepdims=True)) / self.warmth)
            weights /= weights.sum(1, keepdims=True)
            out[start : start + CHUNK_ROWS] = np.einsum("nk,nkm->nm", weights, self.outcomes[found])
        return out

    def stored(self, weight: float) -> Neighbours:
        """As a selector keeps it: a byte a number."""
        scale = float(np.abs(self.vectors).max()) / 127
        return Neighbours(
            vectors=np.round(self.vectors / scale).astype("int8").tobytes(),
            scale=scale,
            outcomes=np.round(np.clip(self.outcomes, 0, 1) * 255).astype("uint8").tobytes(),
            nearest=self.nearest,
            warmth=self.warmth,
            weight=weight,
        )
