"""Workers, a bank and a shipper in any order: no hard budget is overshot, and no lease is lost."""

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from fakes.bank import BookBank
from fakes.clock import StoppedClock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from antiphon.core.bank import Grant
from antiphon.core.budget import Account, Budget, Window
from antiphon.core.deployment import Deployment
from antiphon.core.error import StoreError
from antiphon.core.money import NanoUsd
from antiphon.core.principal import Principal
from antiphon.core.request import Lineage
from antiphon.core.ticket import Bound, Short, Tab, Ticket, Whose
from antiphon.core.usage import Usage
from antiphon.metering.escrow import Escrow
from antiphon.metering.purse import Purse
from antiphon.metering.settings import MeteringSettings
from antiphon.metering.tickets import EscrowTickets
from antiphon.metering.wallet import Asked

DAY = Window(period="day", timezone="Europe/Berlin")
ROLLING = Window(period="rolling", rolling_s=120)
BUDGETS = (
    Budget(name="all", measure="money", limit=200, window=Window(period="total"), scopes=(), shared=True),
    Budget(name="team-day", measure="tokens", limit=150, window=DAY, scopes=("team",), alerts=(0.5, 1.0)),
    Budget(name="calls", measure="requests", limit=6, window=DAY, scopes=("team", "provider")),
    Budget(name="lately", measure="money", limit=120, window=ROLLING, scopes=("user",)),
    Budget(name="run", measure="money", limit=100, window=Window(period="total"), scopes=("run",)),
    Budget(name="watch", measure="money", limit=50, window=DAY, scopes=("end_user",), at_cap="shadow"),
)
PEOPLE = (
    Principal(tenant="acme", key="a", user="ann", team="red"),
    Principal(tenant="acme", key="b", user="bob", team="red"),
    Principal(tenant="ltd", key="c", user="cec"),
)
DEPLOYMENTS = (
    Deployment(name="one", provider="here", model="m"),
    Deployment(name="two", provider="there", model="m"),
)
RUNS = ("", "a", "a/b", "a/b/c")
START_NS = 1_774_700_000_000_000_000  # a day before the clocks change in Berlin


@dataclass
class Taken:
    ticket: Ticket
    lines: list[tuple[Purse, int]]


@dataclass
class Worker:
    name: str
    tickets: EscrowTickets
    tabs: list[Tab] = field(default_factory=list)
    open: list[Taken] = field(default_factory=list)
    settled: list[Ticket] = field(default_factory=list)
    unshipped: list[tuple[Purse, int, int]] = field(default_factory=list)
    asked: Asked | None = None
    reply: list[Grant] | None = None

    @property
    def wallet(self):
        return self.tickets._escrow.wallet


@dataclass
class Truth:
    """What was really used of an account."""

    account: Account
    used: list[tuple[int, int]] = field(default_factory=list)
    overrun: int = 0
    limit: int = 0
    """The highest that there was."""

    def within(self, now_ns: int) -> int:
        length = self.account.span.rolling_ns
        return sum(amount for at, amount in self.used if not length or at > now_ns - length)


class Machine(RuleBasedStateMachine):
    @initialize(workers=st.integers(1, 3))
    def begin(self, workers: int) -> None:
        self.clock = StoppedClock(START_NS)
        self.bank = BookBank()
        self.budgets = BUDGETS
        self.lives = 0
        self.truth: dict[tuple[str, int], Truth] = {}
        self.mine: dict[Purse, int] = defaultdict(int)
        """What was used out of each purse."""
        self.workers = [self.born() for _ in range(workers)]

    def born(self) -> Worker:
        self.lives += 1
        escrow = Escrow(self.bank, f"w-{self.lives}", self.clock, MeteringSettings(lease_term_s=30))
        return Worker(f"w-{self.lives}", EscrowTickets(f"w-{self.lives}", escrow, self.budgets))

    def worker(self, at: int) -> Worker:
        return self.workers[at % len(self.workers)]

    def limit(self, account: Account) -> int:
        return next(one.limit for one in self.budgets if one.name == account.budget)

    # --- requests

    @rule(
        at=st.integers(0, 9),
        who=st.sampled_from(PEOPLE),
        run=st.sampled_from(RUNS),
        end_user=st.sampled_from(("", "x", "y")),
    )
    def open_tab(self, at: int, who: Principal, run: str, end_user: str) -> None:
        worker = self.worker(at)
        whose = Whose(principal=who, model="m", route="m", end_user=end_user, lineage=Lineage(run=run))
        worker.tabs.append(worker.tickets.open(whose))

    @precondition(lambda self: any(worker.tabs for worker in self.workers))
    @rule(
        at=st.integers(0, 9),
        tab=st.integers(0, 99),
        deployment=st.sampled_from(DEPLOYMENTS),
        money=st.integers(0, 90),
        tokens=st.integers(1, 60),
        helped=st.booleans(),
    )
    def reserve(self, at: int, tab: int, deployment: Deployment, money: int, tokens: int, helped: bool) -> None:
        """Also a retry, or a hedge beside a ticket that is open."""
        worker = self.worker(at)
        if not worker.tabs:
            return
        bound = Bound(
            money_nano_usd=NanoUsd(money),
            tokens=tokens,
            likely_nano_usd=money // 2,
            likely_input_tokens=tokens // 3,
            likely_output_tokens=tokens // 3,
        )
        chosen = worker.tabs[tab % len(worker.tabs)]
        before = {purse: (purse.open, purse.left) for purse in worker.wallet.purses}
        for _ in range(6 if helped else 1):
            try:
                ticket = worker.tickets.reserve(chosen, deployment, bound)
            except Short as short:
                assert {purse: (purse.open, purse.left) for purse in before} == before
                if helped and worker.asked is None:
                    short.purse.waiting, short.purse.wanted = 1, (short.amount, short.amount)
                    self.exchange(worker)
                    short.purse.waiting, short.purse.wanted = 0, (0, 0)
                    before = {purse: (purse.open, purse.left) for purse in worker.wallet.purses}
                continue
            group, held = worker.tickets._open[ticket.id]
            lines = [(purse, held[place]) for purse, place in group.lines]
            assert list(ticket.holds.accounts if ticket.holds else ()) == sorted(
                (purse.account.key, purse.account.span.start_ns) for purse, _ in lines
            )
            proven = {"money": money, "tokens": tokens, "requests": ticket.requests}
            assert all(held == proven[purse.budget.measure] for purse, held in lines if purse.budget.hard)
            worker.open.append(Taken(ticket, lines))
            return

    @precondition(lambda self: any(worker.open for worker in self.workers))
    @rule(at=st.integers(0, 9), which=st.integers(0, 99), how=st.sampled_from(("nothing", "below", "equal", "above")))
    def settle(self, at: int, which: int, how: str) -> None:
        """Also a cancelled request: it used nothing."""
        worker = self.worker(at)
        if not worker.open:
            return
        taken = worker.open.pop(which % len(worker.open))
        ticket = taken.ticket
        factor = {"nothing": 0, "below": 0.4, "equal": 1, "above": 1.3}[how]
        bound_money, bound_tokens = ticket.bound_nano_usd or 0, ticket.held_tokens
        cost, tokens = int(bound_money * factor), int(bound_tokens * factor)
        self.booked(worker, taken, {"money": cost, "tokens": tokens, "requests": ticket.requests})
        worker.tickets.settle(ticket, Usage(input_tokens=tokens), cost)
        worker.settled.append(ticket)

    def booked(self, worker: Worker, taken: Taken, used: dict[str, int]) -> None:
        for purse, held in taken.lines:
            amount, account = used[purse.account.measure], purse.account
            truth = self.truth.setdefault((account.key, account.span.start_ns), Truth(account))
            truth.used.append((self.clock.at_ns, amount))
            truth.overrun += max(0, amount - held)
            self.mine[purse] += amount
            worker.unshipped.append((purse, amount, self.clock.at_ns))

    @precondition(lambda self: any(worker.settled for worker in self.workers))
    @rule(at=st.integers(0, 9), which=st.integers(0, 99))
    def settle_again(self, at: int, which: int) -> None:
        worker = self.worker(at)
        if worker.settled:
            with pytest.raises(ValueError, match="not open"):
                worker.tickets.settle(worker.settled[which % len(worker.settled)], Usage(), 1)

    # --- the bank

    @rule(
        at=st.integers(0, 9), who=st.sampled_from(PEOPLE), amounts=st.lists(st.integers(5, 60), min_size=2, max_size=6)
    )
    def rush(self, at: int, who: Principal, amounts: list[int]) -> None:
        """Many requests at once, of which some are answered in between."""
        for step, amount in enumerate(amounts):
            self.open_tab(at + step, who, "a/b", "")
            tabs = self.worker(at + step).tabs
            self.reserve(at + step, len(tabs) - 1, DEPLOYMENTS[step % 2], amount, amount, True)
            if step % 2:
                self.settle(at + step, 99, "equal")

    @rule(
        at=st.integers(0, 9),
        who=st.sampled_from(PEOPLE),
        amounts=st.lists(st.integers(5, 60), min_size=1, max_size=6),
        lost=st.sampled_from(("", "before", "reply")),
    )
    def reserve_while_the_bank_is_asked(self, at: int, who: Principal, amounts: list[int], lost: str) -> None:
        worker = self.worker(at)
        self.sweep(at)
        if worker.asked is None:
            self.ask_only(worker, lost)
        for amount in amounts:
            self.open_tab(at, who, "a/b", "")
            self.reserve(at, len(worker.tabs) - 1, DEPLOYMENTS[0], amount, amount, False)
        self.no_hard_budget_is_overshot()
        self.answer_only(worker)

    @rule(
        at=st.integers(0, 9),
        who=st.sampled_from(PEOPLE),
        amount=st.integers(5, 40),
        lost=st.sampled_from(("", "before", "reply")),
    )
    def come_back_after_a_while(self, at: int, who: Principal, amount: int, lost: str) -> None:
        worker = self.worker(at)
        for _ in range(2):
            self.open_tab(at, who, "a/b", "")
            self.reserve(at, len(worker.tabs) - 1, DEPLOYMENTS[0], amount, amount, True)
            self.settle(at, len(worker.open) - 1, "equal")
            self.clock.at_ns += 31 * 10**9
            self.sweep(at)
            if worker.asked is None:
                self.ask_only(worker, lost)
            self.answer_only(worker)

    @rule(at=st.integers(0, 9), lost=st.sampled_from(("", "", "before", "reply")))
    def ask(self, at: int, lost: str) -> None:
        worker = self.worker(at)
        if worker.asked is None:
            self.ask_only(worker, lost)

    def ask_only(self, worker: Worker, lost: str = "") -> None:
        now_ns, now_s = self.clock.now_ns(), self.clock.steady_s()
        worker.asked = worker.wallet.ask(now_ns, now_s)
        self.bank.away, self.bank.loses_replies = lost == "before", lost == "reply"
        for _, want in worker.asked:
            truth = self.truth.setdefault((want.account.key, want.account.span.start_ns), Truth(want.account))
            truth.limit = max(truth.limit, want.limit)
        try:
            worker.reply = self.bank.grant(worker.name, [want for _, want in worker.asked], now_ns)
        except StoreError:
            worker.reply = None
        self.bank.away = self.bank.loses_replies = False

    @precondition(lambda self: any(worker.asked is not None for worker in self.workers))
    @rule(at=st.integers(0, 9))
    def answer(self, at: int) -> None:
        worker = self.worker(at)
        if worker.asked is not None:
            self.answer_only(worker)

    def answer_only(self, worker: Worker) -> None:
        asked, reply = worker.asked, worker.reply
        assert asked is not None
        worker.asked = worker.reply = None
        if reply is None:
            worker.wallet.lost(asked)
        else:
            worker.wallet.answered(asked, reply, self.clock.now_ns(), self.clock.steady_s())

    def exchange(self, worker: Worker) -> None:
        self.ask_only(worker)
        self.answer_only(worker)

    @rule(at=st.integers(0, 9))
    def sweep(self, at: int) -> None:
        self.worker(at).wallet.sweep(self.clock.now_ns(), self.clock.steady_s())

    @rule(at=st.integers(0, 9))
    def ship(self, at: int) -> None:
        self.shipped(self.worker(at))

    def shipped(self, worker: Worker) -> None:
        for purse, amount, at_ns in worker.unshipped:
            self.bank.book(purse.account)
            self.bank.post(worker.name, (purse.account.key, purse.account.span.start_ns), amount, at_ns)
        worker.unshipped.clear()

    # --- the world

    @rule(seconds=st.sampled_from((0.05, 0.3, 1, 5, 31, 121, 3600, 86_400)))
    def time_passes(self, seconds: float) -> None:
        self.clock.at_ns += int(seconds * 1e9)

    @rule(at=st.integers(0, 9))
    def crash(self, at: int) -> None:
        """Its journal is read to the end: what was open is booked at what it held, then its leases are free."""
        at %= len(self.workers)
        worker = self.workers[at]
        for taken in worker.open:
            ticket = taken.ticket
            for purse, held in taken.lines:  # the journal says what is held on hard accounts
                said = {"money": ticket.held_nano_usd, "tokens": ticket.held_tokens, "requests": ticket.requests}
                assert said[purse.account.measure] == held or not purse.budget.hard
            self.booked(
                worker,
                taken,
                {"money": ticket.held_nano_usd, "tokens": ticket.held_tokens, "requests": ticket.requests},
            )
        worker.open.clear()
        self.shipped(worker)
        self.bank.release(worker.name)
        self.workers[at] = self.born()

    @rule(which=st.integers(0, 5), percent=st.sampled_from((0, 50, 100, 150)), everywhere=st.booleans())
    def limit_changes(self, which: int, percent: int, everywhere: bool) -> None:
        """At a reload; some workers hear of it later."""
        changed = replace(BUDGETS[which], limit=max(1, BUDGETS[which].limit * percent // 100))
        self.budgets = tuple(changed if one.name == changed.name else one for one in self.budgets)
        for worker in self.workers if everywhere else self.workers[:1]:
            worker.tickets.arrange(self.budgets)

    @rule(which=st.integers(0, 5))
    def budget_goes_and_comes(self, which: int) -> None:
        for worker in self.workers:
            worker.tickets.arrange([one for one in self.budgets if one.name != BUDGETS[which].name])
            worker.tickets.arrange(self.budgets)

    # --- what always holds

    @invariant()
    def a_lease_is_what_was_used_and_is_open_and_left(self) -> None:
        for worker in getattr(self, "workers", ()):
            open_on: dict[Purse, int] = defaultdict(int)
            for taken in worker.open:
                for purse, held in taken.lines:
                    open_on[purse] += held
            for purse in worker.wallet.purses:
                assert not purse.gone
                assert purse.open == open_on.pop(purse, 0)
                assert purse.tickets == sum(purse is one for taken in worker.open for one, _ in taken.lines)
                assert purse.used == self.mine[purse]
                truth = self.truth.get((purse.account.key, purse.account.span.start_ns))
                assert purse.left >= 0 or not purse.budget.hard or (truth and truth.overrun)
                book = self.bank.books.get((purse.account.key, purse.account.span.start_ns))
                lease = book.leases.get(worker.name) if book else None
                if (purse.account.key, purse.account.span.start_ns) not in worker.wallet._ending:
                    assert purse.granted <= (lease.granted - lease.ended if lease else 0)
            assert not any(open_on.values()), "a purse was put away although something is open"

    @invariant()
    def no_hard_budget_is_overshot(self) -> None:
        open_on: dict[tuple[str, int], int] = defaultdict(int)
        for worker in getattr(self, "workers", ()):
            for taken in worker.open:
                for purse, held in taken.lines:
                    open_on[purse.account.key, purse.account.span.start_ns] += held
        hard = {one.name for one in BUDGETS if one.hard}
        for spot, truth in getattr(self, "truth", {}).items():
            if truth.account.budget in hard:
                true = truth.within(self.clock.at_ns) + open_on[spot] - truth.overrun
                assert true <= truth.limit
                book = self.bank.books.get(spot)
                assert true <= (book.booked(self.clock.at_ns) + book.held if book else 0), "the bank knows of less"

    def teardown(self) -> None:
        """Everything ends: all is booked, and nothing is held."""
        if not hasattr(self, "workers"):
            return
        for worker in self.workers:
            while worker.open:
                self.settle(self.workers.index(worker), 0, "below")
            if worker.asked is not None:
                self.answer_only(worker)
            self.shipped(worker)
            for _ in range(5):
                if not worker.wallet.give_back(self.clock.now_ns()):
                    break
                self.clock.at_ns += 10**9
                self.exchange(worker)
            assert all(purse.left < 0 for purse in worker.wallet.purses)
        for spot, book in self.bank.books.items():
            assert book.held == 0, spot
            assert book.spent == sum(amount for _, amount in self.truth.get(spot, Truth(book.account)).used)


Machine.TestCase.settings = settings(
    max_examples=120, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestEscrow = Machine.TestCase
