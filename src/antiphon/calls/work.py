"""The request that a call belongs to, as far as calls look at it."""

from typing import Protocol

from antiphon.calls.attempt import Try
from antiphon.core.principal import Principal
from antiphon.core.receipt import Told


class Work(Protocol):
    """The request that a call belongs to."""

    principal: Principal
    started_s: float
    attempts: list[Try]
    stopped: str
    """Why no further attempt was made."""
    notes: tuple[str, ...]

    @property
    def tail(self) -> bytes:
        """What its receipt says of how it was decided, as `Basis.tail` gives it."""
        ...

    def draft(self) -> Told:
        """The rest of its receipt, as far as it is known."""
        ...
