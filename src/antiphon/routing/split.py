"""Which part of split traffic a request is in. The same value is always drawn for the same seed, session or user."""

from collections.abc import Sequence
from hashlib import blake2b

from msgspec import Struct

from antiphon.routing.settings_rules import DrawnBy

WHOLE = 100.0
_BITS = 53
"""As many as a float keeps, so that 100 itself is never drawn."""


class Draw(Struct, frozen=True, gc=False, kw_only=True):
    """What a request is drawn by: its own seed, or what it shares with others."""

    seed: int
    session: str = ""
    user: str = ""

    def percent(self, by: DrawnBy, salt: str) -> float:
        """A number from 0 up to 100, spread evenly. `salt` tells draws apart that have nothing to do with each other."""
        shared = {"request": "", "session": self.session, "user": self.user}[by]
        text = f"{salt}\0{by}\0{shared}" if shared else f"{salt}\0{self.seed}"
        drawn = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        return (drawn >> (64 - _BITS)) * WHOLE / (1 << _BITS)


def branch(percents: Sequence[float], drawn: float) -> int | None:
    """The branch that a number from 0 up to 100 falls in; None: the main one.

    The first branches have the lowest numbers, so that whoever is in the first stays in it when its part grows.
    """
    end = 0.0
    for at, percent in enumerate(percents):
        end += percent
        if drawn < end:
            return at
    return None
