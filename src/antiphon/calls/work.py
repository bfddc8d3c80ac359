"""The request that a call belongs to, as far as calls look at it."""

from typing import Protocol

from antiphon.calls.attempt import Try
from antiphon.calls.counting import Counted
from antiphon.core.principal import Principal
from antiphon.core.receipt import Ran, Told
from antiphon.core.request import Trace


class Work(Protocol):
    """The request that a call belongs to."""

    principal: Principal
    started_s: float
    span: Trace | None
    """Its own, or what its caller came with."""
    attempts: list[Try]
    counted: Counted | None
    """What counts its use; None: nothing does."""
    stopped: str
    """Why no further attempt was made."""
    notes: tuple[str, ...]
    run: Ran | None
    """The run that answers; None: no agent is asked."""

    tail: bytes
    """What its receipt says of how it was decided, as `Basis.tail` gives it; known once there was a draft."""

    def draft(self) -> Told:
        """The rest of its receipt, as far as it is known."""
        ...
