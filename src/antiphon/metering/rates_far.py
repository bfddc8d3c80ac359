"""Asks counters that are a round trip away: for all requests that wait at once, one call at a time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from antiphon.core.counters import Counters, CountersAway, Granted, Want
from antiphon.metering.rates_meter import Meter
from antiphon.metering.rates_slot import Taking
from antiphon.metering.rates_take import AT_A_TIME, Reserved, apply, give_back, reserve, undo

TELL_S = 0.2
"""How often is told what passed and given back what lies idle, while something does."""
RENEW_S = 2.0
"""How often is told what is held and didn't change, so that it isn't taken for a dead worker's."""


class _Waiting:
    """A request that waits for the counters."""

    __slots__ = ("done", "takings")

    def __init__(self, takings: Sequence[Taking], done: "asyncio.Future[None]") -> None:
        self.takings = takings
        self.done = done


class Far:
    """One worker's asking. `run` is a task that lives as long as the worker."""

    def __init__(self, counters: Counters, now_ns: Callable[[], int]) -> None:
        self._counters = counters
        self._now_ns = now_ns
        self._waiting: list[_Waiting] = []
        self._touched: set[Meter] = set()
        self._wake = asyncio.Event()
        self._renewed_ns = 0

    @property
    def away(self) -> bool:
        """They could not be asked the last time. Requests don't wait to see whether they can again: `tell` finds out."""
        return self._counters.away

    async def take(self, takings: Sequence[Taking]) -> None:
        """Wait until the units are granted. Raises: OverLimit; CountersAway. Then nothing was taken."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(takings, done))
        self._wake.set()
        try:
            await done
        except asyncio.CancelledError:
            if done.done() and not done.cancelled() and done.exception() is None:  # both came at once
                _give_back(takings)
            raise

    async def run(self) -> None:
        """Ask whenever somebody waits, and tell now and then. Ends when cancelled."""
        while True:
            try:
                async with asyncio.timeout(TELL_S):
                    await self._wake.wait()
            except TimeoutError:
                await self.tell()
            self._wake.clear()
            while self._waiting:
                waiting, self._waiting = self._waiting[:AT_A_TIME], self._waiting[AT_A_TIME:]
                try:
                    await self._serve(waiting)
                finally:
                    _forsake(waiting)

    async def tell(self) -> None:
        """Tell what changed, and give back what lies idle. What can't be told now is told later."""
        now_ns = self._now_ns()
        renews = now_ns - self._renewed_ns >= RENEW_S * 1e9
        meters = [meter for meter in self._touched if renews or meter.left or meter.passed]
        if not meters and self.away:
            await self._look()
        if renews:
            self._renewed_ns = now_ns
        for start in range(0, len(meters), AT_A_TIME):
            some = meters[start : start + AT_A_TIME]
            give_back(some)
            try:
                await self._ask(some, [])
            except CountersAway:
                return
            self._touched.difference_update([meter for meter in some if not meter.holds])

    async def end(self) -> None:
        """Give back all that isn't in use: the worker ends."""
        for meter in self._touched:
            meter.idle = True
        self._renewed_ns = -int(RENEW_S * 1e9)
        await self.tell()

    async def _look(self) -> None:
        """Find out whether they are back."""
        with suppress(CountersAway):
            await self._counters.ask([], [])

    async def _serve(self, waiting: Sequence[_Waiting]) -> None:
        """One call for all that wait."""
        meters: dict[Meter, int] = {}
        groups: list[list[Want]] = []
        asking: list[tuple[_Waiting, list[Reserved]]] = []
        for one in waiting:
            try:
                reserved = reserve(one.takings, self._now_ns())
            except Exception as error:  # noqa: BLE001 - it is the waiting request's
                _fail(one, error)
                continue
            asking.append((one, reserved))
            lacking = [part for part in reserved if part.got < part.units]
            groups.append(
                [part.meter.want(meters.setdefault(part.meter, len(meters)), part.units - part.got) for part in lacking]
            )
        groups = _ahead_once(groups)
        if not asking:
            return
        try:
            granted = await self._ask(list(meters), groups)
        except BaseException as error:
            for one, reserved in asking:
                undo(reserved)
                _fail(one, error if isinstance(error, CountersAway) else CountersAway("the counters failed"))
            if isinstance(error, CountersAway):
                return
            raise
        for (one, reserved), answer in zip(asking, granted, strict=True):
            self._hand(one, reserved, answer)

    def _hand(self, one: _Waiting, reserved: Sequence[Reserved], granted: Granted) -> None:
        try:
            apply(reserved, granted, self._now_ns())
        except Exception as error:  # noqa: BLE001 - the same
            _fail(one, error)
            return
        if one.done.done():  # nobody waits any more
            _give_back(one.takings)
        else:
            one.done.set_result(None)

    async def _ask(self, meters: Sequence[Meter], groups: Sequence[Sequence[Want]]) -> list[Granted]:
        """Raises: CountersAway."""
        if not meters:
            return [Granted(()) for _ in groups]
        self._touched.update(meters)
        standings, granted = await self._counters.ask([meter.told() for meter in meters], groups)
        now_ns = self._now_ns()
        for meter, standing in zip(meters, standings, strict=True):
            meter.heard(standing, now_ns)
        return granted


def _ahead_once(groups: Sequence[Sequence[Want]]) -> list[list[Want]]:
    """Only the last request that wants of a key takes ahead: the others need what that would keep from them."""
    last = {want.at: number for number, wants in enumerate(groups) for want in wants}
    return [
        [want if last[want.at] == number else Want(want.at, want.need, want.need, want.passes) for want in wants]
        for number, wants in enumerate(groups)
    ]


def _give_back(takings: Sequence[Taking]) -> None:
    """Undo what was taken for somebody who has gone; what passed has passed."""
    for meter, units in takings:
        if not meter.passes:
            meter.back(units)


def _fail(one: _Waiting, error: BaseException) -> None:
    if not one.done.done():
        one.done.set_exception(error)


def _forsake(waiting: Sequence[_Waiting]) -> None:
    """Nobody is left to wait for a task that ends."""
    for one in waiting:
        _fail(one, CountersAway("the counters are asked no more"))
