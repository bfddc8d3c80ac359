"""A fact that is less than certain."""

from msgspec import Struct

from antiphon.core.signal import Value


class Judged(Struct, frozen=True, gc=False):
    """What a fact says, how sure that is, and why."""

    value: Value
    confidence: float = 1.0
    """0 to 1."""
    why: str = ""
    """Why it is unknown, or what it was told by."""


def unknown(why: str) -> Judged:
    return Judged(None, 0.0, why)
