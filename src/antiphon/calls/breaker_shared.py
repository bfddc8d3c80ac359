"""How workers tell each other that a deployment is left alone, or back."""

from abc import ABC, abstractmethod

from msgspec import Struct


class Word(Struct, frozen=True, kw_only=True):
    """What one worker tells the others of a deployment."""

    open: bool
    until_s: float = 0.0
    """When it may be probed, in seconds on this machine's steady clock."""
    reason: str = ""


class SharedBreaker(ABC):
    """What workers know of each other's breakers. Answers from memory: it is asked amid a request.

    The last word wins. An adapter may be late or lose words: that costs a probe or some failures more, for each
    breaker counts for itself too. One that spans machines translates times from clock to clock.
    """

    @abstractmethod
    def tell(self, name: str, word: Word) -> None:
        """Say that a deployment's breaker opened or closed; gives back a claim on its probe."""

    @abstractmethod
    def heard(self, name: str) -> Word | None:
        """The last word on it; None: none was said, which means nothing."""

    @abstractmethod
    def claim(self, name: str, now_s: float, until_s: float) -> bool:
        """Ask to be the only one who probes, until then at the latest. May be granted twice across machines."""

    @abstractmethod
    def release(self, name: str) -> None:
        """Give a claim back without a word."""


class MemoryBreakers(SharedBreaker):
    """For breakers within one process."""

    def __init__(self) -> None:
        self._words: dict[str, Word] = {}
        self._claims: dict[str, float] = {}

    def tell(self, name: str, word: Word) -> None:
        self._words[name] = word
        self._claims.pop(name, None)

    def heard(self, name: str) -> Word | None:
        return self._words.get(name)

    def claim(self, name: str, now_s: float, until_s: float) -> bool:
        if self._claims.get(name, 0.0) > now_s:
            return False
        self._claims[name] = until_s
        return True

    def release(self, name: str) -> None:
        self._claims.pop(name, None)
