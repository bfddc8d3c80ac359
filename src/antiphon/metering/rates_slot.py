"""What a request has taken of its limits."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from antiphon.core.ticket import Whose
from antiphon.metering.rates_find import Plan
from antiphon.metering.rates_meter import Meter

Taking = tuple[Meter, int]
"""Units of a meter."""


class Slot(Struct, eq=False):
    """A request's place among those that run. It is left once."""

    whose: Whose | None
    """None: nothing limits it."""
    plan: Plan | None
    meters: tuple[Meter, ...]
    stream: bool
    tokens: tuple[Meter, ...] = ()
    """Of the last attempt, for what the caller is told."""
    over: bool = False

    def became(self, takings: Sequence[Taking]) -> None:
        """What was taken in the end."""
        self.meters = tuple(meter for meter, _ in takings)


class Hold(Struct, eq=False):
    """What an attempt has taken. It is settled once."""

    takings: Sequence[Taking]
    over: bool = False

    def became(self, takings: Sequence[Taking]) -> None:
        """What was taken in the end."""
        self.takings = takings


NO_SLOT = Slot(None, None, (), stream=False)
NO_HOLD = Hold(())
T = TypeVar("T", Slot, Hold)


class Short(Generic[T]):
    """Not enough is at hand: `Rates.refill` gets it."""

    __slots__ = ("made", "takings")

    def __init__(self, made: T, takings: Sequence[Taking]) -> None:
        self.made = made
        """What the caller has once it is there."""
        self.takings = takings
