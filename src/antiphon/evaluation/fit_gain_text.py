"""Learns a request's class from its text: a softmax over directions in which texts differ most, told by buckets."""

from collections.abc import Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from antiphon.routing.gain_text import BUCKETS, buckets, marks

Array = NDArray[np.float64]
DIRECTIONS = 32
_DAMPING = 30.0
"""Pulls weights to zero: that of so many examples."""
_LEAST_TEXTS = 5
"""Buckets that fewer texts have say nothing."""


class Reader:
    """Features of texts, and the weights that are fitted to them."""

    def __init__(self, features: Array, unfold: Array, classes: int) -> None:
        """`unfold`: from weights of the features to weights of buckets and marks, one row each; the last is the bias's."""
        self._features = features
        self._unfold = unfold
        self._weights = np.zeros((features.shape[1], classes))
        self._bias = np.zeros(classes)

    def chances(self) -> Array:
        """Of each class, for each text."""
        scores = self._features @ self._weights + self._bias
        raised = np.exp(scores - scores.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)

    def fit(self, shares: Array, *, steps: int) -> None:
        """Gradient steps towards the classes' shares."""
        count = len(shares)
        for _ in range(steps):
            missed = shares - self.chances()
            self._weights += (self._features.T @ missed - _DAMPING * self._weights) / count
            self._bias += missed.mean(0)

    def weights(self) -> tuple[Array, Array, Array]:
        """Bias, weights of buckets, weights of marks, by class."""
        unfolded = self._unfold @ self._weights
        return self._bias + unfolded[-1], unfolded[:BUCKETS], unfolded[BUCKETS:-1]


class Texts:
    """Words and marks of texts, a row for each."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.words = np.zeros((len(texts), BUCKETS))
        for at, text in enumerate(texts):
            found = buckets(text)
            self.words[at, list(found)] = 1 / np.sqrt(len(found) or 1)
        self.forms = np.array([marks(text) for text in texts])

    def rows(self, places: Sequence[int]) -> "Texts":
        """Some of them."""
        found = copy(self)
        found.words, found.forms = self.words[list(places)], self.forms[list(places)]
        return found


def reader(texts: Texts, classes: int) -> Reader:
    """Make one for these texts."""
    words = texts.words
    count = (words > 0).sum(0)
    rarity = np.where(count >= _LEAST_TEXTS, np.log(len(words) / np.maximum(count, 1)), 0.0)
    weighted = words * rarity
    _, axes = np.linalg.eigh(weighted.T @ weighted)
    turned = rarity[:, None] * axes[:, ::-1][:, :DIRECTIONS]
    return _scaled(words @ turned, texts.forms, turned, classes)


def _scaled(directed: Array, forms: Array, turned: Array, classes: int) -> Reader:
    """Features with mean 0 and deviation 1."""
    features = np.concatenate([directed, forms], axis=1)
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    flat = np.zeros((BUCKETS + forms.shape[1] + 1, features.shape[1]))
    flat[:BUCKETS, : turned.shape[1]] = turned
    flat[BUCKETS:-1, turned.shape[1] :] = np.eye(forms.shape[1])
    flat[-1] = -mean
    return Reader((features - mean) / deviation, flat / deviation, classes)
