"""What is known of a request: facts with confidence and cost, worked out when something asks."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Value = bool | int | float | str | tuple[str, ...] | None
"""What a fact says; None: unknown."""
FactKind = Literal["bool", "int", "double", "string", "strings", "timestamp"]
"""Types of facts; a timestamp is an int, UTC, nanoseconds since the epoch."""
FactCost = Literal["free", "learned", "embedding", "function", "model"]
"""What it takes: nothing to speak of; a small model in memory; an embedder; an own function; a model call under a ticket."""


class Declared(Struct, frozen=True, kw_only=True):
    """A fact that can be asked for."""

    name: str
    """Dotted, such as `text.language`."""
    kind: FactKind
    cost: FactCost
    says: str
    """What it says, in a line."""


class Fact(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A fact that was asked for."""

    name: str
    value: Value = None
    confidence: float = 1.0
    """Chance that it is right, 0 to 1."""
    took_us: int = 0
    why: str = ""
    """Why it is unknown, or what it was told by."""


class Facts(ABC):
    """The facts of one request. Each is worked out once, when it is asked for first."""

    @abstractmethod
    def value(self, name: str) -> Value:
        """What a fact says; None: unknown. Raises: KeyError, when none of this name is declared."""

    @abstractmethod
    def fact(self, name: str) -> Fact:
        """The same with its confidence. Raises: KeyError."""

    @abstractmethod
    def told(self) -> tuple[Fact, ...]:
        """Those that were asked for so far, in the order in which they were first asked for."""


class StoredFacts(Facts):
    """Facts as a receipt has them; others are unknown."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = {one.name: one for one in facts}

    def value(self, name: str) -> Value:
        return self.fact(name).value

    def fact(self, name: str) -> Fact:
        return self._facts.get(name) or Fact(name=name, confidence=0.0, why="it was not worked out then")

    def told(self) -> tuple[Fact, ...]:
        return tuple(self._facts.values())
