"""What counts a request's use: budgets by tickets, limits by slots and holds. One per worker."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from antiphon.core.deployment import Deployment
from antiphon.core.error import AntiphonError, OverLimit
from antiphon.core.money import NanoUsd
from antiphon.core.ticket import Bound, Short, Tab, Ticket, Whose
from antiphon.core.usage import Usage
from antiphon.metering import rates_slot
from antiphon.metering.holding import Holding
from antiphon.metering.rates import Rates
from antiphon.metering.rates_slot import NO_SLOT, Hold, Slot
from antiphon.metering.soft import Capped
from antiphon.metering.tickets import EscrowTickets


class Counted(Struct, eq=False):
    """One request's use while it runs."""

    counting: "Counting"
    tab: Tab
    stream: bool
    slot: Slot
    downgrade_to: str = ""
    """The tier or the model that a budget at its cap leads it to."""
    budget: str = ""
    """That budget."""
    refused: bool = False
    """It got no place."""

    @property
    def notes(self) -> list[str]:
        """What its receipt should tell."""
        return self.tab.notes

    def lines(self, dialect: str) -> bytes:
        """Header lines that tell the caller how its limits stand."""
        rates, wall_ns = self.counting.rates, self.counting.now_ns
        if self.refused:
            return rates.lines_of(self.tab.whose, dialect, wall_ns, stream=self.stream)
        return rates.lines(self.slot, dialect, wall_ns)

    def end(self) -> None:
        """The request is over. Harmless when it was over before."""
        if not self.slot.over:
            self.counting.rates.leave(self.slot)


class Settled(Protocol):
    """An attempt that has ended, as far as it is counted."""

    ticket: Ticket
    hold: Hold | None
    cost_nano_usd: NanoUsd | None
    answered: bool
    forfeit: bool
    unsent: bool
    error: AntiphonError | None
    overrun_nano_usd: int


class Wanting(Exception):
    """Not all that an attempt needs is at hand: `Counting.refill` waits for it. No answer to a caller."""

    def __init__(self, budget: Short | None = None, limit: rates_slot.Short[Hold] | None = None) -> None:
        super().__init__("not all is at hand")
        self.budget = budget
        self.limit = limit


class Counting:
    """Counts by the definitions that hold at the moment; with none of them it is not asked."""

    def __init__(self, tickets: EscrowTickets, rates: Rates, now_ns: Callable[[], int]) -> None:
        """`now_ns`: UTC, nanoseconds since the epoch."""
        self.tickets = tickets
        self.rates = rates
        self.now_ns = now_ns
        self.on = False
        """There is something to count by."""

    def open(self, whose: Whose, *, stream: bool) -> Counted:
        """What is to be begun."""
        return Counted(self, self.tickets.open(whose), stream, NO_SLOT)

    async def begin(
        self, counted: Counted, until_s: float, *, leads: bool = False, first: Sequence[Deployment] = ()
    ) -> None:
        """Take a request's place under its limits, and see what soft budgets want.

        Args:
            until_s: When waiting has no use any more, on the loop's clock.
            leads: It is a shared call, whose requests have their own places.
            first: Those that its first attempt may go to.
        Raises: OverLimit, Unavailable, BadRequest, BudgetExceeded, StoreError, DeadlineExceeded.
        """
        if not leads:
            try:
                slot = self.rates.admit(counted.tab.whose, stream=counted.stream)
                counted.slot = await self.rates.refill(slot, until_s) if isinstance(slot, rates_slot.Short) else slot
            except OverLimit:
                counted.refused = True
                raise
        if self.tickets.softens:
            try:
                await self._soften(counted, until_s, first)
            except BaseException:
                counted.end()
                raise

    async def steer(self, counted: Counted, until_s: float, first: Sequence[Deployment]) -> None:
        """See what soft budgets of those want whom a request's first attempt may go to. Raises: as `begin`."""
        if self.tickets.steers and not counted.downgrade_to:
            await self._soften(counted, until_s, first)

    async def _soften(self, counted: Counted, until_s: float, first: Sequence[Deployment]) -> None:
        """Find where a budget at its cap leads a request; none leads one away from what it leads to."""
        for deployment in (None, *first) if self.tickets.steers else (None,):
            for one in await self._capped(counted.tab, deployment, until_s):
                stays = deployment is not None and deployment.tier == one.downgrade_to
                if one.at_cap == "downgrade" and not stays:
                    counted.downgrade_to, counted.budget = one.downgrade_to, one.budget
                    return

    async def _capped(self, tab: Tab, deployment: Deployment | None, until_s: float) -> tuple[Capped, ...]:
        while True:
            try:
                return self.tickets.state(tab, deployment)
            except Short as short:
                await self.tickets.refill(short, until_s)

    def take(
        self, counted: Counted, deployment: Deployment, bound: Bound, ready: Hold | None = None
    ) -> tuple[Ticket, Hold]:
        """Hold what an attempt needs, all of it or nothing.

        Args:
            ready: What `refill` got for it.
        Raises: Wanting; BudgetExceeded, OverLimit, Unavailable, BadRequest.
        """
        try:
            ticket = self.tickets.reserve(counted.tab, deployment, bound)
        except Short as short:
            raise Wanting(budget=short) from None
        if ready is not None:
            return ticket, ready
        try:
            hold = self.rates.hold(counted.slot, deployment, bound)
        except AntiphonError:
            self.tickets.give_back(counted.tab, ticket)
            raise
        if isinstance(hold, rates_slot.Short):
            self.tickets.give_back(counted.tab, ticket)
            raise Wanting(limit=hold)
        return ticket, hold

    async def hold(self, counted: Counted, bound: Bound, until_s: float) -> Holding:
        """Hold the bound of a run of several attempts. Raises: BudgetExceeded, StoreError, DeadlineExceeded."""
        while True:
            try:
                return self.tickets.hold(counted.tab, bound)
            except Short as short:
                await self.tickets.refill(short, until_s)

    async def refill(self, wanting: Wanting, until_s: float) -> Hold | None:
        """Wait until it is worth taking again. Returns: what a limit has given meanwhile.

        Raises: BudgetExceeded, StoreError, OverLimit, Unavailable, DeadlineExceeded.
        """
        if wanting.budget is not None:
            await self.tickets.refill(wanting.budget, until_s)
        return None if wanting.limit is None else await self.rates.refill(wanting.limit, until_s)

    def unused(self, hold: Hold) -> None:
        """Give back what no attempt was made with."""
        self.rates.settle(hold, 0, 0)

    def settle(self, counted: Counted, attempt: Settled, usage: Usage | None) -> None:
        """Count what an attempt used instead of what it held, once. Raises: ValueError, when it was counted before."""
        ticket, cost = attempt.ticket, attempt.cost_nano_usd
        if attempt.unsent:
            self.tickets.give_back(counted.tab, ticket)
            if attempt.hold is not None:
                self.unused(attempt.hold)
            return
        if attempt.forfeit:
            self.tickets.forfeit(ticket)
        else:
            self.tickets.settle(ticket, usage, cost)
        if attempt.hold is not None:
            into, out = (None, None) if usage is None else (usage.input_tokens, usage.output_tokens)
            if usage is None and not attempt.answered and attempt.error is not None:
                into = out = 0
            self.rates.settle(attempt.hold, into, out)
        if cost is not None and ticket.bound_nano_usd is not None and cost > ticket.bound_nano_usd:
            attempt.overrun_nano_usd = cost - ticket.bound_nano_usd
