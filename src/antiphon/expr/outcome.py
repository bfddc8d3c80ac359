"""What comes of an expression."""

from typing import Literal

from msgspec import Struct

Result = bool | int | float | str | tuple[object, ...] | None
"""A list is a tuple; timestamps and durations are ints, nanoseconds."""


class Outcome(Struct, frozen=True, gc=False, omit_defaults=True):
    """One of three: a value; facts that are unknown; why there is no value."""

    value: Result = None
    unknown: tuple[str, ...] = ()
    """Facts that it would take, in the order of their names."""
    why: str = ""
    """Such as a division by zero."""

    @property
    def said(self) -> Literal["true", "false", "value", "unknown", "error"]:
        if self.unknown:
            return "unknown"
        if self.why:
            return "error"
        return "true" if self.value is True else "false" if self.value is False else "value"


TRUE = Outcome(value=True)
FALSE = Outcome(value=False)
