"""Rate limits on the path: what a request may take of all limits that it falls under, or of none.

    slot = rates.admit(whose, stream=…)         # requests, and requests and streams at once
    hold = rates.hold(slot, deployment, bound)  # before each attempt: tokens, and what counts by deployment
    rates.settle(hold, input_tokens, output_tokens)
    rates.leave(slot)                           # once, however the request ends

Units come from counters that all workers share. A worker takes some ahead, so most requests ask nobody. Counters on the
same machine are asked at once where they must be. Those of a cluster are a round trip away: then a `Short` comes back
in place of what was to be taken, and `refill` waits for it.

Tokens are held by their estimate, and flow off once they are settled to what was used.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from weakref import WeakValueDictionary

from antiphon.core.counters import Counters, CountersAway, NearCounters
from antiphon.core.deployment import Deployment
from antiphon.core.error import DeadlineExceeded, OverLimit, Unavailable
from antiphon.core.limit import Limit
from antiphon.core.ticket import Bound, Whose
from antiphon.metering.counters_memory import MemoryCounters
from antiphon.metering.rates_far import Far
from antiphon.metering.rates_find import Plans
from antiphon.metering.rates_lines import lines
from antiphon.metering.rates_meter import Meter
from antiphon.metering.rates_slot import NO_HOLD, NO_SLOT, Hold, Short, Slot, T, Taking
from antiphon.metering.rates_take import Near

TEND_S = 0.25
"""How often counters of this machine are told what passed, and given back what lies idle."""


class Rates:
    """One worker's limits."""

    def __init__(
        self,
        counters: NearCounters | Counters,
        now_ns: Callable[[], int],
        *,
        workers: int = 1,
        replicas: int = 1,
        refused: Callable[[OverLimit], None] | None = None,
    ) -> None:
        """Limits nothing until `become`.

        Args:
            counters: `NearCounters` of this machine, or a cluster's.
            now_ns: A steady clock.
            workers: Of each replica; with `replicas` it says how small this worker's part is while counters are away.
            refused: Told of each refusal.
        """
        self._now_ns = now_ns
        self._parts = workers * replicas
        self._alone = Near(MemoryCounters(now_ns), now_ns)
        self._near = Near(counters, now_ns) if isinstance(counters, NearCounters) else None
        self.far = None if isinstance(counters, NearCounters) else Far(counters, now_ns)
        self._counters = counters
        self._lowers = counters if isinstance(counters, NearCounters) and workers > 1 else None
        self._meters: WeakValueDictionary[str, Meter] = WeakValueDictionary()
        self._spares: WeakValueDictionary[str, Meter] = WeakValueDictionary()
        """This worker's own parts, for while the counters are away."""
        self._plans: Plans | None = None
        self._refused = refused

    @property
    def away(self) -> bool:
        """The cluster's counters could not be asked the last time; limits do as their `when_away` says."""
        return self.far is not None and self.far.away

    def become(self, limits: Sequence[Limit]) -> None:
        """Take over these limits. What was taken of those that stay goes on counting."""
        named = {(limit.kind, limit.name): limit for limit in limits}
        for meter in [*self._meters.values(), *self._spares.values()]:
            now = named.get((meter.limit.kind, meter.limit.name))
            if now is not None and now != meter.limit:
                meter.become(now)
        self._plans = Plans(limits, self._meter) if limits else None

    def admit(self, whose: Whose, *, stream: bool) -> Slot | Short[Slot]:
        """Take a request's place. What comes back is left once, or given to `refill`.

        Raises: OverLimit (429, with `retry_after_s`); Unavailable; BadRequest, when it falls under too many.
        """
        plans = self._plans
        if plans is None:
            return NO_SLOT
        plan = plans.of(whose)
        part = plan.arrival
        if part.passing:
            meters = part.meters(whose, self._meter, stream=stream)
        else:
            meters = part.known if stream else part.plain
        slot = Slot(whose, plan, meters, stream=stream)
        for meter in meters:
            if not meter.left:
                return self._take([(one, 1) for one in meters], slot)
        for meter in meters:
            meter.left -= 1
            meter.idle = False
            if meter.passes:
                meter.passed += 1
            else:
                meter.out += 1
        return slot

    def hold(self, slot: Slot, deployment: Deployment, bound: Bound) -> Hold | Short[Hold]:
        """Take what an attempt needs, as its bound estimates. What comes back is settled once, or given to `refill`.

        Raises: as `admit`.
        """
        plan, whose = slot.plan, slot.whose
        if plan is None or whose is None:
            return NO_HOLD
        part = plan.attempt(deployment, self._meter)
        if part.passing:
            meters = part.meters(whose, self._meter, stream=slot.stream)
        else:
            meters = part.known if slot.stream else part.plain
        if not meters:
            return NO_HOLD
        into, out = bound.likely_input_tokens, bound.likely_output_tokens
        amounts = (1, into + out, into, out, 1, 1)  # by place of the kind
        slot.tokens = meters
        takings: list[Taking] = []
        is_short = False
        for meter in meters:
            units = amounts[meter.what]
            takings.append((meter, units))
            if meter.left < units:
                is_short = True
        hold = Hold(takings)
        if is_short:
            return self._take(takings, hold)
        for meter, units in takings:
            meter.left -= units
            meter.idle = False
            if meter.passes:
                meter.passed += units
            else:
                meter.out += units
        return hold

    def settle(self, hold: Hold, input_tokens: int | None, output_tokens: int | None) -> None:
        """Count what an attempt used, cached input included; None: as much as was estimated.

        Raises: ValueError, when it was settled before.
        """
        if hold is NO_HOLD:
            return
        if hold.over:
            raise ValueError("a hold is settled once")
        hold.over = True
        into, out = input_tokens, output_tokens
        total = None if into is None or out is None else into + out
        used = (None, total, into, out)
        for meter, units in hold.takings:
            if meter.counts:
                actual = used[meter.what]
                meter.settle(units, units if actual is None else actual)
            elif not meter.passes:
                meter.back(units)

    def leave(self, slot: Slot) -> None:
        """The request is over. Raises: ValueError, when it was left before."""
        if slot is NO_SLOT:
            return
        if slot.over:
            raise ValueError("a slot is left once")
        slot.over = True
        for meter in slot.meters:
            if not meter.passes:
                meter.back(1)

    async def refill(self, short: Short[T], until_s: float) -> T:
        """Wait until what is short has come.

        Args:
            until_s: Seconds on the loop's clock at which waiting has no use any more.
        Raises: as `admit`; DeadlineExceeded.
        """
        far = self.far
        if far is None:
            raise ValueError("only counters of a cluster are waited for")
        try:
            async with asyncio.timeout_at(until_s):
                await far.take(short.takings)
        except CountersAway:
            self._apart(short.takings, short.made)
        except TimeoutError:
            raise DeadlineExceeded("the time of the request was over before its limits were known") from None
        except OverLimit as error:
            self._tell(error)
            raise
        return short.made

    def lines(self, slot: Slot, dialect: str, wall_ns: Callable[[], int]) -> bytes:
        """Header lines that tell the caller how its limits stand, in its dialect; empty where none applies.

        Far from a limit they are up to `rates_lines.KEPT_NS` old.

        Args:
            wall_ns: Tells UTC, nanoseconds since the epoch.
        """
        plan = slot.plan
        return b"" if plan is None else plan.lines.of(slot.meters, slot.tokens, dialect, self._now_ns(), wall_ns)

    def lines_of(self, whose: Whose, dialect: str, wall_ns: Callable[[], int], *, stream: bool) -> bytes:
        """The same for a request that was refused, so that it has no slot. Raises: BadRequest."""
        if self._plans is None:
            return b""
        meters = self._plans.of(whose).arrival.meters(whose, self._meter, stream=stream)
        return lines(meters, dialect, self._now_ns(), wall_ns)

    async def run(self) -> None:
        """Keep the counters told, for as long as the worker lives. Ends when cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self.far is not None:
                tasks.create_task(self.far.run())
            while True:
                await asyncio.sleep(TEND_S)
                self.tend()

    def tend(self) -> None:
        """Tell counters of this machine what passed, and give back what lies idle."""
        with suppress(CountersAway):  # it is told next time
            self._alone.tend()
            if self._near is not None:
                self._near.tend()

    async def end(self) -> None:
        """Give back what was taken ahead. `run` and all requests have ended; `close` comes next."""
        if self.far is not None:
            await self.far.end()

    def close(self) -> None:
        """Let go of the counters."""
        self._counters.close()

    def _take(self, takings: list[Taking], made: T) -> T | Short[T]:
        """Take what isn't all at hand."""
        try:
            if self._near is not None:
                self._near.take(takings)
            elif self.far is not None and not self.far.away:
                return Short(made, takings)
            else:
                raise CountersAway("they could not be asked a moment ago")
        except CountersAway:
            self._apart(takings, made)
        except OverLimit as error:
            self._tell(error)
            raise
        return made

    def _apart(self, takings: Sequence[Taking], made: Slot | Hold) -> None:
        """Take while the counters are away: by each limit's `when_away`. Raises: OverLimit, Unavailable."""
        mine: list[Taking] = []
        for meter, units in takings:
            if meter.left >= units or self._near is not None or meter.limit.when_away == "local":
                mine.append((meter, units) if meter.left >= units else self._part(meter, units))
            elif meter.limit.when_away == "refuse":
                raise Unavailable(
                    f"the counters of the limit {meter.limit.name} can't be asked; try again", retry_after_s=1.0
                )
        try:
            self._alone.take(mine)
        except OverLimit as error:
            self._tell(error)
            raise
        made.became(mine)

    def _part(self, meter: Meter, units: int) -> Taking:
        """This worker's own part of a limit; what needs more than all of it takes all."""
        spare = self._spares.get(meter.key)
        if spare is None:
            spare = self._spares[meter.key] = Meter(meter.key, meter.limit, parts=self._parts)
        return spare, min(units, spare.most)

    def _meter(self, key: str, limit: Limit) -> Meter:
        meter = self._meters.get(key)
        if meter is None:
            meter = self._meters[key] = Meter(key, limit, near=self._lowers)
        return meter

    def _tell(self, error: OverLimit) -> None:
        if self._refused is not None:
            self._refused(error)
