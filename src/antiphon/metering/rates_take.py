"""Takes units of several limits at once, or of none: what is at hand first, then what the counters grant."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from antiphon.core.counters import Granted, NearCounters
from antiphon.core.error import OverLimit
from antiphon.metering.rates_meter import Meter
from antiphon.metering.rates_slot import Taking
from antiphon.metering.rates_words import never, over

SHUT_NS = 20_000_000
"""The longest that requests are refused on what the counters said before."""
BACK_IN_S = 1.0
"""What is said of when to come back where nothing flows off: requests end when they end."""
AT_A_TIME = 256
"""Keys told in one call, so that others wait for microseconds."""


class Reserved(Struct, frozen=True, gc=False):
    """What was at hand, and what is lacking of it."""

    meter: Meter
    units: int
    got: int


def reserve(takings: Sequence[Taking], now_ns: int) -> list[Reserved]:
    """Set aside what is at hand. Raises: OverLimit, when it is known that the rest can't be had."""
    for meter, units in takings:
        if units > meter.most:
            raise never(meter, units)
        wait_ns = meter.shut(units, now_ns)
        if wait_ns is not None:
            raise over(meter, units, wait_ns / 1e9, now_ns)
    found: list[Reserved] = []
    for meter, units in takings:
        got = min(meter.left, units)
        meter.left -= got
        meter.out += got
        found.append(Reserved(meter, units, got))
    return found


def complete(reserved: Sequence[Reserved]) -> None:
    """All is there: what was set aside is taken."""
    for one in reserved:
        meter = one.meter
        meter.idle = False
        if meter.passes:
            meter.out -= one.got
            meter.passed += one.got


def undo(reserved: Sequence[Reserved]) -> None:
    """Give back what was set aside."""
    for one in reserved:
        one.meter.out -= one.got
        one.meter.left += one.got


def apply(reserved: Sequence[Reserved], granted: Granted, now_ns: int) -> None:
    """Take what was granted, or give back what was set aside. Raises: OverLimit."""
    lacking = [one for one in reserved if one.got < one.units]
    if lacking and not granted.units:
        undo(reserved)
        short = lacking[granted.short]
        raise refused(short.meter, short.units, short.units - short.got, granted.wait_ns, now_ns)
    for one, units in zip(lacking, granted.units, strict=True):
        one.meter.granted(one.units - one.got, units)
    complete(reserved)


def refused(meter: Meter, units: int, need: int, wait_ns: int, now_ns: int) -> OverLimit:
    """The refusal of a request; the next ones are told the same for a moment, unasked."""
    if not meter.each_ns:
        return over(meter, units, BACK_IN_S, now_ns)
    meter.shut_need = need
    meter.opens_ns = now_ns + wait_ns
    meter.shut_until_ns = now_ns + min(wait_ns, SHUT_NS)
    return over(meter, units, wait_ns / 1e9, now_ns)


class Near:
    """Takes from counters that answer at once."""

    def __init__(self, counters: NearCounters, now_ns: Callable[[], int]) -> None:
        self.counters = counters
        self._now_ns = now_ns
        self._touched: set[Meter] = set()

    def take(self, takings: Sequence[Taking]) -> None:
        """Raises: OverLimit; CountersAway. Then nothing was taken."""
        now_ns = self._now_ns()
        reserved = reserve(takings, now_ns)
        lacking = [one for one in reserved if one.got < one.units]
        wants = [one.meter.want(at, one.units - one.got) for at, one in enumerate(lacking)]
        try:
            standings, granted = self.counters.ask_now([one.meter.told() for one in lacking], (wants,))
        except BaseException:
            undo(reserved)
            raise
        for one, standing in zip(lacking, standings, strict=True):
            one.meter.heard(standing, now_ns)
            self._touched.add(one.meter)
        apply(reserved, granted[0], now_ns)

    def tend(self) -> None:
        """Tell what passed, and give back what lies idle. Raises: CountersAway."""
        meters = list(self._touched)
        for start in range(0, len(meters), AT_A_TIME):
            some = meters[start : start + AT_A_TIME]
            give_back(some)
            now_ns = self._now_ns()
            standings, _ = self.counters.ask_now([meter.told() for meter in some], ())
            for meter, standing in zip(some, standings, strict=True):
                meter.heard(standing, now_ns)
                if not meter.holds:
                    self._touched.discard(meter)


def give_back(meters: Sequence[Meter]) -> None:
    """Keep nothing ahead of what nobody took since the last time."""
    for meter in meters:
        if meter.idle:
            meter.left = 0
        meter.idle = True
