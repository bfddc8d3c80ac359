import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fakes.bank import BookBank
from fakes.inline import Inline
from fakes.loop import run_virtually
from receipts import ALICE

from antiphon.core.budget import Account, Budget, Raise, Window
from antiphon.core.clock import Clock
from antiphon.core.deployment import Deployment
from antiphon.core.error import BudgetExceeded, OverLimit, StoreError
from antiphon.core.money import NanoUsd
from antiphon.core.request import Lineage
from antiphon.core.ticket import Bound, Short, Tab, Ticket, Whose
from antiphon.core.usage import Usage
from antiphon.metering import escrow as escrow_module
from antiphon.metering.escrow import Escrow
from antiphon.metering.settings import MeteringSettings
from antiphon.metering.tickets import EscrowTickets

NS = 1_000_000_000
START_NS = 1_767_225_600 * NS
"""2026-01-01T00:00:00Z"""
ONE = Deployment(name="one", provider="here", model="m", tier="fast")
USE = Usage(input_tokens=1)
MONTH = Window(period="month")


class LoopClock(Clock):
    """The running loop's time, from the start of 2026 on."""

    def now_ns(self) -> int:
        return START_NS + int(self.steady_s() * NS)

    def steady_s(self) -> float:
        return asyncio.get_running_loop().time()


class House:
    """One bank, and workers that come and go."""

    def __init__(self) -> None:
        self.bank = BookBank()
        self.alerts: list[tuple[str, str, float]] = []

    @asynccontextmanager
    async def worker(self, *budgets: Budget, name: str = "w-1", **settings: Any):
        def alert(budget: Budget, account: Account, fraction: float, threshold: float) -> None:
            self.alerts.append((budget.name, account.key, threshold))

        escrow = Escrow(self.bank, name, LoopClock(), MeteringSettings(**settings), alert=alert, thread=Inline())
        escrow.start()
        try:
            yield EscrowTickets(name, escrow, budgets)
        finally:
            await escrow.stop()

    def balance(self, key: str) -> tuple[int, int]:
        """Booked and held."""
        (found,) = self.bank.balances([key], START_NS)
        return found.spent, found.held


def budget(limit: int, **more: Any) -> Budget:
    return Budget(**{"name": "b", "measure": "money", "limit": limit, "window": MONTH, **more})


def whose(**more: Any) -> Whose:
    return Whose(principal=ALICE, model="m", route="m", **more)


def bound(money: int | None = 10, tokens: int | None = 10) -> Bound:
    return Bound(
        money_nano_usd=None if money is None else NanoUsd(money),
        tokens=tokens,
        likely_nano_usd=5,
        likely_input_tokens=2,
        likely_output_tokens=3,
    )


async def take(tickets: EscrowTickets, tab: Tab | None = None, most: Bound | None = None, for_s: float = 60) -> Ticket:
    """Reserve as a caller does."""
    tab = tab or tickets.open(whose())
    until_s = asyncio.get_running_loop().time() + for_s
    while True:
        try:
            return tickets.reserve(tab, ONE, most or bound())
        except Short as short:
            await tickets.refill(short, until_s)


def story(tell: Callable[[House], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that is told on a loop whose time is virtual."""

    def test() -> None:
        run_virtually(tell(House()))

    test.__name__ = tell.__name__
    return test


@story
async def test_a_first_ticket_waits_for_the_bank_and_the_next_ones_do_not(house: House) -> None:
    async with house.worker(budget(1_000_000)) as tickets:
        first = await take(tickets)
        asks = len(house.bank.asked)

        second = tickets.reserve(tickets.open(whose()), ONE, bound())

        assert (first.held_nano_usd, second.held_nano_usd, asks) == (10, 10, 1)
        tickets.settle(first, USE, 3)
        tickets.settle(second, USE, 3)


@story
async def test_a_budget_that_cannot_cover_a_request_is_named_with_how_it_stands(house: House) -> None:
    async with house.worker(budget(25)) as tickets:
        held = [await take(tickets), await take(tickets)]
        with pytest.raises(BudgetExceeded) as caught:
            await take(tickets)
        for ticket in held:
            tickets.settle(ticket, USE, 10)

    assert (caught.value.budget, caught.value.left_nano_usd, caught.value.said_status) == ("b", 5, 402)
    assert caught.value.message == (
        "the budget b (tenant acme) has 0.000000005 USD left of 0.000000025 USD for this month, until "
        "2026-02-01T00:00:00Z, and this request may use 0.00000001 USD; spent 0 USD, leased to workers for requests "
        "0.00000002 USD; ask for less, or come back then"
    )


@story
async def test_a_request_at_the_cap_waits_no_longer_than_it_may(house: House) -> None:
    async with house.worker(budget(10), wait_s=2.0) as tickets:
        held = await take(tickets)
        loop = asyncio.get_running_loop()
        waited = []
        for for_s in (60.0, 0.5):
            began_s = loop.time()
            with pytest.raises(BudgetExceeded):
                await take(tickets, for_s=for_s)
            waited.append(round(loop.time() - began_s, 3))
        tickets.settle(held, USE, 10)

    assert waited == [2.0, 0.5]


@story
async def test_what_a_settled_ticket_leaves_goes_to_whoever_waits(house: House) -> None:
    async with house.worker(budget(10)) as tickets:
        held = await take(tickets)
        waiting = asyncio.create_task(take(tickets, most=bound(6)))
        await asyncio.sleep(0.1)
        assert not waiting.done()

        tickets.settle(held, USE, 4)

        began_s = asyncio.get_running_loop().time()
        tickets.settle(await waiting, USE, 6)
        assert asyncio.get_running_loop().time() == began_s


@story
async def test_what_another_worker_holds_idle_comes_back_within_the_wait(house: House) -> None:
    async with house.worker(budget(100), name="w-1") as one, house.worker(budget(100), name="w-2") as two:
        one.settle(await take(one), USE, 5)
        assert house.balance("b|acme|acme")[1] > 10

        ticket = await take(two, most=bound(90))

        assert ticket.held_nano_usd == 90
        two.settle(ticket, USE, 90)


@story
async def test_whose_turn_it_was_and_who_left_lets_the_next_one_go_on(house: House) -> None:
    async with house.worker(budget(10), wait_s=5) as tickets:
        held = await take(tickets)
        leaves, stays = asyncio.create_task(take(tickets)), asyncio.create_task(take(tickets))
        await asyncio.sleep(0.1)

        tickets.settle(held, USE, 0)
        leaves.cancel()  # in the turn of the loop in which it was woken

        tickets.settle(await stays, USE, 10)
        assert leaves.cancelled()


@story
async def test_booked_use_that_leaves_no_room_is_refused_at_once_and_does_not_flood_the_bank(house: House) -> None:
    async with house.worker(budget(100)) as tickets:
        tickets.settle(await take(tickets, most=bound(100)), USE, 100)
        house.bank.post("w-1", ("b|acme|acme", START_NS), 100, START_NS)
        asks, began_s = len(house.bank.asked), asyncio.get_running_loop().time()

        for _ in range(50):
            with pytest.raises(BudgetExceeded):
                await take(tickets)

        assert asyncio.get_running_loop().time() == began_s
        assert len(house.bank.asked) - asks == 1


@story
async def test_a_higher_limit_is_taken_at_once(house: House) -> None:
    async with house.worker(budget(10)) as tickets:
        held = await take(tickets)
        waiting = asyncio.create_task(take(tickets))
        await asyncio.sleep(0.01)

        tickets.arrange([budget(20)])

        began_s = asyncio.get_running_loop().time()
        tickets.settle(await waiting, USE, 10)
        assert asyncio.get_running_loop().time() == began_s
        tickets.settle(held, USE, 10)


@story
async def test_a_raise_counts_until_its_time_is_over(house: House) -> None:
    raised = budget(10, raises=(Raise(amount=10, until_ns=START_NS + 100 * NS),))
    async with house.worker(raised) as tickets:
        tickets.settle(await take(tickets, most=bound(15)), USE, 15)
        await asyncio.sleep(100)
        with pytest.raises(BudgetExceeded, match=r"of 0\.00000001 USD"):
            await take(tickets, most=bound(1))


@story
async def test_an_idle_lease_goes_back_after_its_term(house: House) -> None:
    async with house.worker(budget(1_000_000), lease_term_s=30) as tickets:
        tickets.settle(await take(tickets), USE, 3)
        await asyncio.sleep(20)
        assert house.balance("b|acme|acme") == (0, 10 + 80)

        await asyncio.sleep(20)

        assert house.balance("b|acme|acme") == (0, 3)
        assert len(tickets._escrow.wallet) == 0
        tickets.settle(await take(tickets), USE, 4)
        house.bank.post("w-1", ("b|acme|acme", START_NS), 7, START_NS)
    assert house.balance("b|acme|acme") == (7, 0)


@story
async def test_stopping_gives_back_what_is_not_open(house: House) -> None:
    async with house.worker(budget(1_000_000)) as tickets:
        settled, _open = await take(tickets), await take(tickets)
        tickets.settle(settled, USE, 3)

    assert house.balance("b|acme|acme") == (0, 3 + 10)


@story
async def test_the_next_window_has_an_account_of_its_own(house: House) -> None:
    async with house.worker(budget(10, window=Window(period="hour"))) as tickets:
        late = await take(tickets)
        await asyncio.sleep(3600)

        ticket = await take(tickets)

        assert ticket.holds is not None
        assert late.holds is not None
        assert ticket.holds.accounts == (("b|acme|acme", START_NS + 3600 * NS),)
        assert ticket.holds.id != late.holds.id
        tickets.settle(late, USE, 10)
        tickets.settle(ticket, USE, 10)
        await asyncio.sleep(2)
    assert [book.held for book in house.bank.books.values()] == [10, 10]


@story
async def test_a_request_that_waits_goes_on_in_the_next_window(house: House) -> None:
    async with house.worker(budget(10, window=Window(period="hour")), wait_s=60) as tickets:
        await asyncio.sleep(3590)
        late = await take(tickets)
        ticket = await take(tickets)
        assert 3600 <= asyncio.get_running_loop().time() <= 3601
        tickets.settle(late, USE, 10)
        tickets.settle(ticket, USE, 10)


# --- the store away


@story
async def test_leases_in_hand_are_used_while_the_store_is_away_and_then_it_is_503(house: House) -> None:
    async with house.worker(budget(1_000_000)) as tickets:
        tickets.settle(await take(tickets), USE, 0)
        house.bank.away = True
        served = 0
        while tickets._escrow.wallet.purses[0].left >= 10:
            await take(tickets)
            served += 1
        with pytest.raises(StoreError, match="can't be reached"):
            await take(tickets)

        assert served == 9  # the lease was for 80 beside the first ticket
        house.bank.away = False
        await asyncio.sleep(2)
        await take(tickets)


@story
async def test_an_operator_may_have_requests_served_while_the_store_is_away(house: House) -> None:
    async with house.worker(budget(1_000_000), when_store_away="serve") as tickets:
        house.bank.away = True
        tab = tickets.open(whose())
        tickets.settle(await take(tickets, tab), USE, 7)
        assert tab.notes == ["budget_unbacked: b could not be asked, as the store is away"]

        house.bank.away = False
        await asyncio.sleep(2)
        tickets.settle(await take(tickets), USE, 1)
        house.bank.post("w-1", ("b|acme|acme", START_NS), 8, START_NS)
    assert house.balance("b|acme|acme") == (8, 0)


@story
async def test_a_lost_reply_loses_no_budget(house: House) -> None:
    async with house.worker(budget(100)) as tickets:
        house.bank.loses_replies = True
        with pytest.raises(StoreError):
            await take(tickets)
        assert house.balance("b|acme|acme")[1] > 0
        house.bank.loses_replies = False
        await asyncio.sleep(2)
        tickets.settle(await take(tickets, most=bound(100)), USE, 100)
    assert house.balance("b|acme|acme") == (0, 100)


class Stuck(Executor):
    """Never does what it is given."""

    def submit(self, fn, /, *args, **kwargs):
        return Future()


@story
async def test_a_store_that_does_not_answer_is_a_store_that_is_away(house: House) -> None:
    async with house.worker(budget(100, name="soft", at_cap="shadow")) as soft, house.worker(budget(100)) as hard:
        for tickets in (soft, hard):
            tickets._escrow._thread = Stuck()
        with pytest.raises(StoreError):
            await take(hard)
        soft.settle(await take(soft), USE, 1)
        assert asyncio.get_running_loop().time() == 2.0
        for tickets in (soft, hard):
            tickets._escrow._thread = Inline()


@story
async def test_all_accounts_that_are_new_are_asked_for_at_once(house: House) -> None:
    scopes = ("tenant", "key", "model", "route", "provider", "deployment")
    async with house.worker(*(budget(1_000, name=scope, scopes=(scope,)) for scope in scopes)) as tickets:
        tickets.settle(await take(tickets), USE, 5)
        assert [len(wants) for wants in house.bank.asked] == [6]


@story
async def test_a_soft_budget_refuses_nothing_while_the_store_is_away(house: House) -> None:
    async with house.worker(budget(10, at_cap="shadow")) as tickets:
        house.bank.away = True
        tickets.settle(await take(tickets), USE, 7)


def test_a_bank_that_breaks_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def tell(house: House) -> None:
        async with house.worker(budget(100)) as tickets:
            grant, house.bank.grant = house.bank.grant, None  # type: ignore[method-assign]
            with pytest.raises(StoreError):
                await take(tickets)
            house.bank.grant = grant  # type: ignore[method-assign]
            await asyncio.sleep(2)
            tickets.settle(await take(tickets), USE, 1)

    with caplog.at_level(logging.ERROR, "antiphon.escrow"):
        run_virtually(tell(House()))
    assert "escrow.failed" in [record.message for record in caplog.records]


def test_no_more_wait_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escrow_module, "MOST_WAITING", 2)

    async def tell(house: House) -> None:
        async with house.worker(budget(10)) as tickets:
            await take(tickets)
            waiting = [asyncio.create_task(take(tickets)) for _ in range(2)]
            await asyncio.sleep(0.1)
            with pytest.raises(OverLimit, match="2 requests wait"):
                await take(tickets)
            for task in waiting:
                task.cancel()
            assert [type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == [
                asyncio.CancelledError
            ] * 2
            assert tickets._escrow.waiting == 0

    run_virtually(tell(House()))


# --- soft budgets


@story
async def test_each_threshold_is_told_once(house: House) -> None:
    async with house.worker(budget(100, alerts=(0.5, 0.8, 1.0))) as tickets:
        tickets.settle(await take(tickets, most=bound(60)), USE, 60)
        await asyncio.sleep(3)
        assert house.alerts == [("b", "b|acme|acme", 0.5)]
        tickets.settle(await take(tickets, most=bound(40)), USE, 40)
        await asyncio.sleep(3)
    assert [threshold for _, _, threshold in house.alerts] == [0.5, 0.8, 1.0]


@story
async def test_a_shadow_budget_notes_what_it_would_have_refused(house: House) -> None:
    async with house.worker(budget(10, at_cap="shadow")) as tickets:
        notes = []
        for _ in range(3):
            tab = tickets.open(whose())
            tickets.settle(await take(tickets, tab), USE, 5)
            notes.append(tab.notes)
    assert notes == [[], [], ["budget_shadow: b would have refused it"]]


@story
async def test_a_budget_at_its_cap_throttles_requests_and_no_retries(house: House) -> None:
    async with house.worker(budget(5, at_cap="throttle", throttle_per_minute=6)) as tickets:
        tickets.settle(await take(tickets), USE, 5)
        tab = tickets.open(whose())
        tickets.settle(await take(tickets, tab), USE, 5)
        tickets.settle(await take(tickets, tab), USE, 5)

        with pytest.raises(OverLimit) as caught:
            await take(tickets)

        assert (caught.value.said_code, caught.value.retry_after_s) == ("budget_throttled", pytest.approx(10))
        await asyncio.sleep(10)
        tickets.settle(await take(tickets), USE, 5)


@story
async def test_a_throttled_request_whose_ticket_is_given_back_keeps_its_turn(house: House) -> None:
    """A limit that has to be waited for gives the ticket back, and the same request takes another."""
    async with house.worker(budget(5, at_cap="throttle", throttle_per_minute=6)) as tickets:
        tickets.settle(await take(tickets), USE, 5)
        tab = tickets.open(whose())
        tickets.give_back(tab, await take(tickets, tab))

        tickets.settle(await take(tickets, tab), USE, 5)

        with pytest.raises(OverLimit):
            await take(tickets)


@story
async def test_a_budget_at_its_cap_says_where_requests_go_instead(house: House) -> None:
    down = budget(5, at_cap="downgrade", downgrade_to="fast")
    async with house.worker(down, budget(10, name="hard")) as tickets:
        tab = tickets.open(whose())
        with pytest.raises(Short) as short:
            tickets.state(tab)
        await tickets.refill(short.value, 60)
        assert tickets.state(tab) == ()

        tickets.settle(await take(tickets), USE, 5)

        (capped,) = tickets.state(tab)
        assert (capped.budget, capped.at_cap, capped.downgrade_to) == ("b", "downgrade", "fast")


@story
async def test_a_soft_budget_that_counts_by_tier_is_told_once_it_is_known_who_is_asked(house: House) -> None:
    async with house.worker(budget(5, at_cap="downgrade", downgrade_to="fast", scopes=("tier",))) as tickets:
        tickets.settle(await take(tickets), USE, 5)
        tab = tickets.open(whose())

        assert tickets.state(tab) == ()
        assert [one.account for one in tickets.state(tab, ONE)] == ["b|acme|fast"]


# --- what is held


@story
async def test_what_nothing_bounds_is_held_on_no_hard_budget(house: House) -> None:
    async with house.worker(budget(100), budget(100, name="t", measure="tokens")) as tickets:
        tab = tickets.open(whose())
        for most, name in ((bound(money=None), "b"), (bound(tokens=None), "t")):
            with pytest.raises(BudgetExceeded) as caught:
                tickets.reserve(tab, ONE, most)
            assert (caught.value.said_code, caught.value.budget) == ("budget_unbounded", name)


@story
async def test_a_budget_may_allow_what_is_unpriced_and_books_what_it_cost(house: House) -> None:
    async with house.worker(budget(100, unpriced="allow")) as tickets:
        ticket = await take(tickets, most=bound(money=None))
        assert ticket.held_nano_usd == 0
        tickets.settle(ticket, USE, 60)
        with pytest.raises(BudgetExceeded):
            await take(tickets, most=bound(50))


@story
async def test_what_a_ticket_without_a_hold_cost_is_made_up_for_after_any_time(house: House) -> None:
    async with house.worker(budget(100, unpriced="allow"), lease_term_s=5) as tickets:
        tickets.settle(await take(tickets), USE, 1)
        long = await take(tickets, most=bound(money=None))
        await asyncio.sleep(20)

        tickets.settle(long, USE, 60)

        await asyncio.sleep(20)
        house.bank.post("w-1", ("b|acme|acme", START_NS), 61, START_NS)
        tickets.settle(await take(tickets, most=bound(39)), USE, 39)
        with pytest.raises(BudgetExceeded):
            await take(tickets, most=bound(1))


@story
async def test_a_budget_that_goes_and_comes_back_goes_on_where_it_was(house: House) -> None:
    async with house.worker(budget(100)) as tickets:
        open_then = await take(tickets, most=bound(60))
        tickets.arrange([])
        uncounted = await take(tickets, most=bound(90))
        assert uncounted.holds is None
        await asyncio.sleep(1)
        tickets.arrange([budget(100)])
        with pytest.raises(BudgetExceeded):
            await take(tickets, most=bound(50))
        tickets.settle(await take(tickets, most=bound(40)), USE, 40)
        tickets.settle(open_then, USE, 60)
        tickets.settle(uncounted, USE, 90)


@story
async def test_a_request_is_counted_once_however_often_it_is_tried(house: House) -> None:
    async with house.worker(budget(1, measure="requests")) as tickets:
        tab = tickets.open(whose())
        first, again = await take(tickets, tab), await take(tickets, tab)
        assert (first.requests, again.requests) == (1, 0)
        for ticket in (first, again):
            tickets.settle(ticket, None, None)
        with pytest.raises(BudgetExceeded, match="1 requests"):
            await take(tickets)


@story
async def test_what_was_used_beyond_the_bound_is_made_up_for(house: House) -> None:
    async with house.worker(budget(100)) as tickets:
        tickets.settle(await take(tickets, most=bound(10)), USE, 95)
        with pytest.raises(BudgetExceeded) as caught:
            await take(tickets, most=bound(10))
        assert caught.value.left_nano_usd == 5
        tickets.settle(await take(tickets, most=bound(5)), USE, 5)


@story
async def test_either_all_budgets_hold_or_none(house: House) -> None:
    async with house.worker(budget(1_000), budget(5, name="small", scopes=("key",))) as tickets:
        with pytest.raises(BudgetExceeded, match="small"):
            await take(tickets)
        assert [purse.open for purse in tickets._escrow.wallet.purses] == [0, 0]
        assert tickets.outstanding == 0


@story
async def test_a_run_inside_a_run_draws_from_both(house: House) -> None:
    async with house.worker(budget(20, scopes=("run",), window=Window(period="total"))) as tickets:
        inner = tickets.open(whose(lineage=Lineage(run="a/b")))
        tickets.settle(await take(tickets, inner, bound(20)), USE, 15)
        with pytest.raises(BudgetExceeded, match="run a"):
            await take(tickets, tickets.open(whose(lineage=Lineage(run="c", parent="a"))), bound(10))
        tickets.settle(await take(tickets, tickets.open(whose(lineage=Lineage(run="c"))), bound(10)), USE, 10)


def test_with_no_budgets_nothing_is_asked() -> None:
    async def tell(house: House) -> None:
        async with house.worker() as tickets:
            assert not tickets.counting
            ticket = tickets.reserve(tickets.open(whose()), ONE, bound(money=None))
            assert (ticket.holds, ticket.requests, ticket.tenant, ticket.deployment) == (None, 1, "acme", "one")
            tickets.settle(ticket, USE, 3)
            with pytest.raises(ValueError, match="not open"):
                tickets.settle(ticket, USE, 3)
        assert (tickets.taken, tickets.settled, tickets.spent, house.bank.asked) == (1, 1, 3, [])

    run_virtually(tell(House()))
