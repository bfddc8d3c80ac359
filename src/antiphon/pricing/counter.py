"""The port of exact tokenizers."""

from abc import ABC, abstractmethod


class TokenCounter(ABC):
    """Counts the tokens of a text as one vocabulary does. Nothing is downloaded, and no text leaves the process."""

    @property
    @abstractmethod
    def encoding(self) -> str:
        """Name of the vocabulary."""

    @abstractmethod
    def count(self, text: str) -> int | None:
        """Tokens of a text, in which no special token is looked for. Lone surrogates count as replacements.

        None: the vocabulary's library can't cut this text.
        """
