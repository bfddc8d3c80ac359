"""Texts to vectors: the port, and what holds for every text."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from typing import TypeAlias

from antiphon.core.error import BadRequest

Embedding: TypeAlias = "array[float]"
"""Of float32 (`array("f")`) and of length 1: the cosine of two is the sum of their products."""


class Embedder(ABC):
    """Turns texts into vectors that lie near each other where the texts mean alike."""

    name: str
    """Model and version: vectors of different names can't be compared."""
    dimensions: int
    private: bool = False
    """Texts that it is given stay where only private deployments are."""

    @abstractmethod
    async def embed(self, texts: Sequence[str]) -> list[Embedding]:
        """One vector for each text, in their order. Of a text longer than the model takes, its start counts.

        Raises: BadRequest when a text is empty or is not Unicode, OverLimit when too many wait, UpstreamTimeout past
            the embedder's own deadline, and other kinds of UpstreamError. All texts get their vector, or none does.
        """

    @abstractmethod
    def close(self) -> None:
        """Take no more texts; batches that were taken end by themselves."""


def sound(texts: Sequence[str]) -> None:
    """Refuse what no embedder takes. Raises: BadRequest."""
    for at, text in enumerate(texts):
        if not text:
            raise BadRequest(f"text {at} is empty; send none, or one with a character in it", param=f"input[{at}]")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            wrong = f"text {at} holds half a surrogate pair; send whole characters"
            raise BadRequest(wrong, param=f"input[{at}]") from error
