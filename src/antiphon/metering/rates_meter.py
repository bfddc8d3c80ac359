"""One limit for one combination of values, as a worker sees it."""

from antiphon.core.counters import NearCounters, Standing, Told, Want
from antiphon.core.limit import LIMIT_KINDS, OF_TOKENS, Limit

KINDS = {kind: place for place, kind in enumerate(LIMIT_KINDS)}
"""Places of the kinds in a tuple of amounts."""
AHEAD = 8
"""A worker likes to take one part in `AHEAD` of a limit ahead."""


class Meter:
    """What the worker holds of it, and how it stood when the counters were asked last. Amounts are units of its kind."""

    __slots__ = (
        "__weakref__",
        "ahead",
        "asked_ns",
        "counts",
        "each_ns",
        "gone",
        "held",
        "idle",
        "key",
        "left",
        "level_ns",
        "like",
        "limit",
        "most",
        "near",
        "opens_ns",
        "out",
        "parts",
        "passed",
        "passes",
        "shut_need",
        "shut_until_ns",
        "what",
    )

    def __init__(self, key: str, limit: Limit, *, parts: int = 1, near: NearCounters | None = None) -> None:
        """A meter with nothing in it.

        Args:
            parts: It stands for one part in so many of the limit.
            near: Where what is not used is given back at once; None: it is when the meter is tended.
        """
        self.key = key
        self.near = near
        self.left = 0
        """Taken ahead."""
        self.out = 0
        """In use, to be settled or given back."""
        self.passed = 0
        """Passed, and not told yet."""
        self.gone = 0
        """Of `passed`, what a call that is under way tells."""
        self.ahead = 0
        """How much of it the counters let it take ahead last."""
        self.idle = True
        """Nothing was taken since it was tended last."""
        self.level_ns = 0
        self.held = 0
        """By all workers, at `asked_ns`."""
        self.asked_ns = 0
        self.shut_until_ns = 0
        """Until then whoever needs `shut_need` or more, beyond what is left, is refused unasked."""
        self.shut_need = 0
        self.opens_ns = 0
        """When so much would have passed."""
        self.parts = parts
        self.become(limit)

    def become(self, limit: Limit) -> None:
        """Take over a limit's numbers. What the counters know of the time before, they tell when they are asked."""
        self.limit = limit
        self.what = KINDS[limit.kind]
        self.counts = limit.kind in OF_TOKENS
        """It is settled to what was used."""
        self.passes = limit.kind == "requests"
        """What is taken passes at once."""
        self.most = max(limit.most // self.parts, 1)
        self.each_ns = limit.each_ns * self.parts
        self.like = self.most // AHEAD
        self.shut_until_ns = 0

    def back(self, units: int) -> None:
        """Give back what was in use, or taken and never used."""
        self.out -= units
        self.left += units
        self.shut_until_ns = 0
        if self.near is not None:
            self._return(self.near)

    def settle(self, taken: int, used: int) -> None:
        """What was taken has passed, as much of it as was used; more than that is made up for by what is left."""
        self.out -= taken
        self.passed += used
        self.left = max(self.left + taken - used, 0)
        self.shut_until_ns = 0
        if self.near is not None:
            self._return(self.near)

    def _return(self, near: NearCounters) -> None:
        """Keep no more than it was let to take ahead."""
        more = self.left - self.ahead
        if more > 0:
            self.left = self.ahead
            self.held -= more
            near.lower(self.key, self.left + self.out + self.passed)

    def told(self) -> Told:
        self.gone = self.passed
        return Told(self.key, self.each_ns, self.most, self.left + self.out, self.passed)

    def heard(self, standing: Standing, now_ns: int) -> None:
        """What was told has been taken in."""
        self.passed -= self.gone
        self.gone = 0
        self.level_ns, self.asked_ns = standing.level_ns, now_ns
        self.held = standing.held

    def want(self, at: int, units: int) -> Want:
        return Want(at, units, units + self.like, self.passes)

    def granted(self, need: int, units: int) -> None:
        """Of what was wanted, `units` came."""
        self.ahead = units - need
        self.left += self.ahead
        self.idle = False
        if not self.passes:
            self.out += need

    def shut(self, units: int, now_ns: int) -> int | None:
        """Nanoseconds to wait, when it is known that so much can't be had; None: it isn't."""
        lack = units - self.left
        if lack <= 0 or lack < self.shut_need or now_ns >= self.shut_until_ns:
            return None
        return self.opens_ns - now_ns + (lack - self.shut_need) * self.each_ns

    @property
    def holds(self) -> bool:
        """There is something to tell of it."""
        return bool(self.left or self.out or self.passed)

    def remaining(self, now_ns: int) -> int:
        """How much may still be taken, as far as this worker knows."""
        if not self.each_ns:
            return max(self.most - self.held + self.left, 0)
        level_ns = max(self.level_ns - (now_ns - self.asked_ns), 0)
        return max(self.most - self.held - -(-level_ns // self.each_ns), 0) + self.left

    def reset_ns(self, now_ns: int) -> int:
        """Until it is as if nothing had been taken, if nothing more is."""
        level_ns = max(self.level_ns - (now_ns - self.asked_ns), 0)
        return level_ns + (self.passed + self.out) * self.each_ns
