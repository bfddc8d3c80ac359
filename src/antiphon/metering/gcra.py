"""The generic cell rate algorithm, with units that are held: what a bucket grants, in integer nanoseconds.

A unit stands for `each_ns` of time. `level_ns` is how far the theoretical arrival time lies ahead of now: the time
until all that passed has flowed off. A request of `need` units conforms when

    level_ns + (held + need) * each_ns <= most * each_ns

which for held = 0 and need = 1 is the virtual scheduling of the ATM Forum: arrival >= TAT - limit.

Sources: J. Turner, "New directions in communications (or which way to the information age?)", IEEE Communications
Magazine 24(10), 1986 (the leaky bucket); ATM Forum, Traffic Management 4.0, af-tm-0056.000, 1996, section 4.4.2.
"""

from collections.abc import Sequence

from antiphon.core.counters import Granted, Standing, Told, Want


class Bucket:
    """One key while it is being asked."""

    __slots__ = ("added", "each_ns", "held", "level_ns", "most")

    def __init__(self, told: Told, level_ns: int, held_by_others: int) -> None:
        """The bucket, with what is told taken in."""
        self.each_ns = told.each_ns
        self.most = told.most
        self.level_ns = (max(0, level_ns)) + told.passed * told.each_ns
        self.held = held_by_others + told.held
        self.added = 0
        """Units that the worker holds beyond what it told."""

    @property
    def free(self) -> int:
        """Units that fit in now; below 0 when more is in than the limit allows."""
        if not self.each_ns:
            return self.most - self.held
        return self.most - self.held - -(-self.level_ns // self.each_ns)

    def wait_ns(self, need: int) -> int:
        """How long until so many fit in, if what is held passes."""
        return max((need + self.held - self.most) * self.each_ns + self.level_ns, 0)

    def take(self, want: Want, units: int) -> None:
        ahead = units - want.need
        if want.passes:
            self.level_ns += want.need * self.each_ns
            self.held += ahead
            self.added += ahead
        else:
            self.held += units
            self.added += units

    def standing(self) -> Standing:
        return Standing(self.level_ns, self.held)


def carried(level_ns: int, each_ns: int, told: Told) -> int:
    """What passed while a unit stood for `each_ns`, as its limit has it now: as many units, and full at most."""
    if each_ns in (0, told.each_ns) or level_ns <= 0:
        return level_ns
    return min(-(-level_ns * told.each_ns // each_ns), told.most * told.each_ns)


def decide(buckets: Sequence[Bucket], groups: Sequence[Sequence[Want]], divide: int) -> list[Granted]:
    """Grant each group of wants whole or not at all. `divide`: see `core.counters.divisor`."""
    return [_grant(buckets, wants, divide) for wants in groups]


def _grant(buckets: Sequence[Bucket], wants: Sequence[Want], divide: int) -> Granted:
    short, longest_ns = -1, -1
    units: list[int] = []
    for index, want in enumerate(wants):
        bucket = buckets[want.at]
        over = bucket.free - want.need
        if over < 0:
            wait_ns = bucket.wait_ns(want.need)
            if wait_ns > longest_ns:
                short, longest_ns = index, wait_ns
        else:
            units.append(want.need + min(want.like - want.need, over // divide))
    if short >= 0:
        return Granted((), short, longest_ns)
    for want, granted in zip(wants, units, strict=True):
        buckets[want.at].take(want, granted)
    return Granted(tuple(units))
