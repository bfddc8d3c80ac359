"""Refills purses in the background, so that holding budget costs no round trip on the path.

The method is escrow (O'Neil 1986, "The Escrow Transactional Method", ACM TODS 11(4)): a part of an account is set aside for
a worker, which uses it without asking again. All that is wanted is asked in one call, in one thread, so that a holder's
asks never overlap.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from msgspec import Struct

from antiphon.core.bank import Bank
from antiphon.core.budget import Account, Budget
from antiphon.core.clock import Clock
from antiphon.core.error import OverLimit, StoreError
from antiphon.core.ticket import Tab
from antiphon.metering.purse import Purse
from antiphon.metering.settings import MeteringSettings
from antiphon.metering.wallet import Asked, Wallet

Alert = Callable[[Budget, Account, float, float], None]
"""Told of a threshold: the budget, the account, the part of the limit that is used, the threshold."""
log = logging.getLogger("antiphon.escrow")
MOST_WAITING = 10_000
"""Requests of one worker that wait for the bank at a time."""
SWEEP_S = 0.25
FIRST_REST_S, LAST_REST_S = 0.05, 1.0
"""Between two asks of a store that is away: at first, and at most."""
STUCK_S = 0.5
"""A store that takes longer to answer counts as away, until it answers."""
STOP_ROUNDS = 5


class Waiter(Struct, kw_only=True, eq=False):
    """A request that waits until a purse can cover it."""

    purse: Purse
    amount: int
    done: "asyncio.Future[bool]"
    """True: reserve again; False: the account has no room, whoever gives back."""


class Escrow:
    """One per worker. Everything but `start`, `wait` and `stop` returns at once."""

    def __init__(
        self,
        bank: Bank,
        holder: str,
        clock: Clock,
        settings: MeteringSettings,
        *,
        alert: Alert | None = None,
        now_s: Callable[[], float] | None = None,
        thread: Executor | None = None,
    ) -> None:
        """Args:
        holder: The worker's name in the journal.
        alert: Told each threshold of a budget that is passed, on the loop.
        now_s: The steady clock that deadlines are on; None: the clock's.
        thread: Where the bank is asked; None: in a thread of its own.
        """
        self._bank = bank
        self._holder = holder
        self.now_ns = clock.now_ns
        self.now_s = now_s or clock.steady_s
        self.wait_s = settings.wait_s
        self.serves = settings.when_store_away == "serve"
        self.away = False
        """The store could not be asked the last time."""
        self._rest_s = 0.0
        self._rested_s = 0.0
        """The store is not asked before this time."""
        self._sweeps_s = 0.0
        self._kicked = asyncio.Event()
        self._alert = alert
        self.wallet = Wallet(term_s=settings.lease_term_s, kick=self._kicked.set)
        self._waiters: dict[Purse, dict[Waiter, None]] = {}
        self._waiting = 0
        self._thread = thread or ThreadPoolExecutor(1, thread_name_prefix="escrow")
        self._task: asyncio.Task[None] | None = None
        self._asked_s: float | None = None
        """When the ask that runs was begun."""
        self.asks = 0

    @property
    def waiting(self) -> int:
        return self._waiting

    def start(self) -> None:
        """Begin to look after the purses, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="escrow")

    async def stop(self, within_s: float = 5.0) -> None:
        """Give back all that isn't open; what the store can't take is freed when this worker's journal has been read."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            async with asyncio.timeout(within_s):
                await self._return_all()
        except (StoreError, TimeoutError) as error:
            log.warning("escrow.not_returned", extra={"error": str(error) or "the store took too long"})
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _return_all(self) -> None:
        for _ in range(STOP_ROUNDS):
            if not self.wallet.give_back(self.now_ns()):
                return
            while asked := self.wallet.ask(self.now_ns(), self.now_s()):
                await self._exchange(asked)

    # --- requests that wait

    async def wait(self, tab: Tab, purse: Purse, amount: int, until_s: float) -> bool:
        """Wait until a purse can cover an amount, or it is known that it can't.

        Returns: whether reserving is worth another try.
        Raises: StoreError, when the store is away and nothing may be used that no lease covers; OverLimit, when too
            many wait.
        """
        now_s = self.now_s()
        if tab.patience_s is None:
            tab.patience_s = now_s + self.wait_s
        if purse.left >= amount or purse.gone:
            return True
        if self.away and (self.serves or not purse.budget.hard):
            tab.unbacked = self.serves
            return True
        if self._surely_none(purse, amount, now_s):
            return False
        if self._waiting >= MOST_WAITING:
            raise OverLimit(f"{MOST_WAITING} requests wait for their budgets already", retry_after_s=1)
        waiter = Waiter(purse=purse, amount=amount, done=asyncio.get_running_loop().create_future())
        self._join(waiter)
        again = False
        try:
            async with asyncio.timeout(max(0.0, min(until_s, tab.patience_s) - now_s)):
                again = await waiter.done
        except TimeoutError:
            again = self._goes_on(purse)
        finally:
            self._leave(waiter)
            if not again and waiter.done.done() and not waiter.done.cancelled() and waiter.done.result():
                self.wake(purse)  # it was its turn, and it left: the next one's, then
        tab.unbacked = tab.unbacked or (again and self.away and self.serves)
        return again

    def _goes_on(self, purse: Purse) -> bool:
        """Whether a request that waited long enough may go on without a lease. Raises: StoreError."""
        if self._asked_s is not None and self.now_s() - self._asked_s >= STUCK_S:
            self.away = True
        if self.away and (self.serves or not purse.budget.hard):
            return True
        if self.away or not purse.known:
            raise StoreError("the store that budgets are kept in can't be reached, and no lease covers this; try again")
        return False

    def _surely_none(self, purse: Purse, amount: int, now_s: float) -> bool:
        """The bank said a moment ago that what is booked leaves no room."""
        if not purse.known or now_s >= purse.refused_s:
            return False
        return purse.seen.spent + amount > purse.budget.limit_at(self.now_ns())

    def _join(self, waiter: Waiter) -> None:
        purse = waiter.purse
        self._waiters.setdefault(purse, {})[waiter] = None
        self._waiting += 1
        purse.waiting += 1
        least, whole = purse.wanted
        purse.wanted = (min(least or waiter.amount, waiter.amount), whole + waiter.amount)
        self.wallet.thin(purse, waiter.amount)

    def _leave(self, waiter: Waiter) -> None:
        purse = waiter.purse
        waiters = self._waiters[purse]
        del waiters[waiter]
        self._waiting -= 1
        if not waiters:
            del self._waiters[purse]
        if waiter.done.cancelled():  # else it was counted off when it was woken
            purse.waiting -= 1
            least, whole = purse.wanted
            purse.wanted = (least, whole - waiter.amount) if purse.waiting else (0, 0)

    def _woken(self, purse: Purse) -> None:
        """Count those that go on waiting."""
        amounts = [waiter.amount for waiter in self._waiters.get(purse, ()) if not waiter.done.done()]
        purse.waiting = len(amounts)
        purse.wanted = (min(amounts), sum(amounts)) if amounts else (0, 0)

    def wake(self, purse: Purse, *, answered: bool = False) -> None:
        """A purse has more: whoever it is enough for goes on, first come, first served.

        Args:
            answered: The bank said how the account stands: whoever surely gets none goes on too.
        """
        room, now_s = purse.left, self.now_s()
        for waiter in self._waiters.get(purse, ()):
            if waiter.done.done():
                continue
            if room >= waiter.amount or purse.leaving:
                room -= waiter.amount
                waiter.done.set_result(True)
            elif answered and self._surely_none(purse, waiter.amount, now_s):
                waiter.done.set_result(False)
        self._woken(purse)

    def _wake_unbacked(self) -> None:
        for purse, waiters in self._waiters.items():
            if self.serves or not purse.budget.hard:
                for waiter in waiters:
                    if not waiter.done.done():
                        waiter.done.set_result(True)
                self._woken(purse)

    # --- the bank

    async def _run(self) -> None:
        while True:
            try:
                await self._turn()
            except Exception:  # a failure of one turn must not end them all
                log.exception("escrow.failed")
                self._rested_s = self.now_s() + LAST_REST_S

    async def _turn(self) -> None:
        """Wait until there is something to do, and do it."""
        now_s = self.now_s()
        due_s = self.wallet.due_s(now_s)
        next_s = self._sweeps_s if due_s is None else min(self._sweeps_s, max(due_s, self._rested_s))
        if next_s > now_s:
            self._kicked.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(next_s - now_s):
                    await self._kicked.wait()
            now_s = self.now_s()
        if now_s >= self._sweeps_s:
            self._sweeps_s = now_s + SWEEP_S
            self.wallet.sweep(self.now_ns(), now_s)
            for purse in [purse for purse in self._waiters if purse.leaving]:
                self.wake(purse)
        if now_s >= self._rested_s:
            await self._ask(now_s)

    async def _ask(self, now_s: float) -> None:
        asked = self.wallet.ask(self.now_ns(), now_s)
        if not asked:
            return
        try:
            await self._exchange(asked)
        except StoreError as error:
            self._rest_s = min(LAST_REST_S, self._rest_s * 2 or FIRST_REST_S)
            self._rested_s = self.now_s() + self._rest_s
            if not self.away:
                self.away = True
                log.error("escrow.store_away", extra={"error": error.message})
            self._wake_unbacked()
            return
        if self.away:
            self.away = False
            log.info("escrow.store_back")
        self._rest_s = self._rested_s = 0.0
        for purse, _ in asked:
            if purse.waiting:
                self.wake(purse, answered=True)

    async def _exchange(self, asked: Asked) -> None:
        """Ask, and count with the answer. Raises: StoreError."""
        self.asks += 1
        self._asked_s = self.now_s()
        wants = [want for _, want in asked]
        now_ns = self.now_ns()
        try:
            grants = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._bank.grant, self._holder, wants, now_ns
            )
        except StoreError:
            self.wallet.lost(asked)
            raise
        except asyncio.CancelledError:
            self.wallet.lost(asked)
            raise
        except Exception as error:  # a bank that fails in another way must not end the task
            self.wallet.lost(asked)
            log.exception("escrow.failed")
            raise StoreError(f"the bank failed: {type(error).__name__}") from error
        finally:
            self._asked_s = None
        alarms = self.wallet.answered(asked, grants, now_ns, self.now_s())
        if self._alert is not None:
            for alarm in alarms:
                self._alert(*alarm)
