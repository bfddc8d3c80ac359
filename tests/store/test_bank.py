"""The bank, on every store: one contract."""

import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from fakes.bank import BookBank
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.bank import Bank, Grant, Want
from antiphon.core.budget import Account, Span
from antiphon.core.secret import Secret
from antiphon.store.bank_postgres import PostgresBank
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.database import Batch, Database, Use
from antiphon.store.granting import SCARCE_NS, State, grant
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.postgres_link import PostgresPlace
from antiphon.store.sqlite import SqliteDatabase
from antiphon.store.upkeep import Upkeep
from antiphon.store.upkeep_postgres import PostgresUpkeep
from antiphon.store.upkeep_sqlite import SqliteUpkeep

NOW_NS = 10**18
DAY_NS = 86_400_000_000_000
ROLLING = Span(start_ns=0, rolling_ns=DAY_NS)


CALENDAR = Span(start_ns=7)


def account(name: str = "b", span: Span = CALENDAR) -> Account:
    return Account(key=f"{name}|acme|", tenant="acme", budget=name, measure="money", span=span)


def want(
    granted: int, need: int, like: int, *, limit: int = 1000, hard: bool = True, of: Account | None = None
) -> Want:
    return Want(account=of or account(), limit=limit, hard=hard, granted=granted, need=need, like=like)


class Store:
    """A bank, and what the shipper does to its accounts."""

    def __init__(
        self, bank: Bank, book: Callable[[str, Account, int, int], None], release: Callable[[str], None]
    ) -> None:
        self.bank = bank
        self.book = book
        self.release = release

    def grant(self, holder: str, *wants: Want, now_ns: int = NOW_NS) -> list[Grant]:
        return self.bank.grant(holder, wants, now_ns)

    def stands(self, of: Account | None = None, now_ns: int = NOW_NS) -> tuple[int, int]:
        (found,) = self.bank.balances([(of or account()).key], now_ns)
        return found.spent, found.held


def booking(database: Database) -> Callable[[str, Account, int, int], None]:
    def book(holder: str, of: Account, amount: int, at_ns: int) -> None:
        length_ns = of.span.rolling_ns // 60
        slot_ns = at_ns // length_ns * length_ns if length_ns else 0
        use = Use(holder, of.key, of.span.start_ns, of.tenant, amount, slot_ns, length_ns)
        database.write(Batch(uses=[use]))

    return book


def in_memory() -> Store:
    bank = BookBank()
    return Store(
        bank,
        lambda holder, of, amount, at_ns: bank.post(holder, (of.key, of.span.start_ns), amount, at_ns),
        bank.release,
    )


class Two(NamedTuple):
    """A database and a bank in one store."""

    database: Database
    bank: Bank


def opened(kind: str, request: pytest.FixtureRequest, directory: Path) -> Two:
    if kind == "sqlite":
        return Two(SqliteDatabase(directory), SqliteBank(directory))
    place = request.getfixturevalue("postgres").place()
    return Two(PostgresDatabase(place), PostgresBank(place))


def upkeep_of(two: Two, directory: Path) -> Upkeep:
    return PostgresUpkeep(two.bank._link.place) if isinstance(two.bank, PostgresBank) else SqliteUpkeep(directory)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield in_memory()
        return
    two = opened(request.param, request, tmp_path)
    with closing(two.database), closing(two.bank):
        yield Store(two.bank, booking(two.database), lambda holder: two.database.write(Batch(released=[holder])))


def test_what_is_needed_is_granted_and_held(store: Store) -> None:
    (granted,) = store.grant("w1", want(0, 100, 100))

    assert (granted.granted, granted.spent, granted.held, granted.scarce) == (100, 0, 100, False)
    assert store.stands() == (0, 100)


def test_an_ask_that_is_repeated_is_granted_once(store: Store) -> None:
    store.grant("w1", want(0, 100, 100))

    assert store.grant("w1", want(0, 100, 100))[0].granted == 100, "the answer was lost"
    assert store.grant("w1", want(100, 100, 100))[0].granted == 100
    assert store.stands() == (0, 100)


def test_no_more_than_the_limit_is_held_and_booked_together(store: Store) -> None:
    store.grant("w1", want(0, 600, 600))
    store.book("w1", account(), 500, NOW_NS)

    assert store.grant("w2", want(0, 401, 401))[0].granted == 0
    assert store.grant("w2", want(0, 400, 400))[0].granted == 400
    assert store.grant("w3", want(0, 1, 1))[0].granted == 0
    assert store.stands() == (500, 500)


def test_whoever_likes_more_than_they_need_gets_less_the_nearer_the_cap_is(store: Store) -> None:
    first = store.grant("w1", want(0, 10, 10_000))[0].granted
    second = store.grant("w2", want(0, 10, 10_000))[0].granted

    assert 10 <= second < first < 1000
    assert store.grant("w1", want(first, first + 300, 10_000))[0].granted >= first + 300, (
        "a need is met while it can be"
    )


def test_an_unmet_need_makes_the_account_scarce_for_a_while(store: Store) -> None:
    store.grant("w1", want(0, 900, 900))

    assert store.grant("w2", want(0, 200, 200))[0].scarce
    assert store.grant("w1", want(900, 900, 900))[0].scarce
    assert not store.grant("w1", want(900, 900, 900), now_ns=NOW_NS + SCARCE_NS)[0].scarce


def test_what_is_given_back_is_free_for_others(store: Store) -> None:
    store.grant("w1", want(0, 1000, 1000))
    store.book("w1", account(), 100, NOW_NS)

    assert store.grant("w1", want(1000, 0, 300))[0].granted == 300
    assert store.stands() == (100, 200)
    assert store.grant("w2", want(0, 700, 700))[0].granted == 700


def test_a_lease_that_the_holder_forgot_is_told_and_not_taken_away(store: Store) -> None:
    store.grant("w1", want(0, 100, 100))

    assert store.grant("w1", want(0, 0, 0))[0].granted == 100
    assert store.stands() == (0, 100)


def test_soft_accounts_are_granted_whatever_the_limit_says(store: Store) -> None:
    assert store.grant("w1", want(0, 5000, 6000, hard=False))[0].granted == 6000
    assert store.stands() == (0, 6000)


def test_a_raised_limit_holds_at_once_and_a_lowered_one_takes_nothing_back(store: Store) -> None:
    store.grant("w1", want(0, 1000, 1000))

    assert store.grant("w2", want(0, 500, 500, limit=1500))[0].granted == 500
    assert store.grant("w1", want(1000, 1000, 1200, limit=100))[0].granted == 1000


def test_use_moves_from_held_to_spent_and_what_goes_beyond_the_lease_is_spent_too(store: Store) -> None:
    store.grant("w1", want(0, 100, 100))
    store.grant("w2", want(0, 50, 50))

    store.book("w1", account(), 60, NOW_NS)
    assert store.stands() == (60, 90)
    store.book("w1", account(), 70, NOW_NS)
    assert store.stands() == (130, 50)
    assert store.grant("w1", want(100, 140, 140))[0].granted == 140
    assert store.stands() == (130, 60), "of the larger lease most is used already"


def test_a_released_holder_holds_nothing_and_what_it_used_stays(store: Store) -> None:
    store.grant("w1", want(0, 500, 500))
    store.book("w1", account(), 200, NOW_NS)

    store.release("w1")

    assert store.stands() == (200, 0)
    assert store.grant("w2", want(0, 800, 800))[0].granted == 800


def test_many_accounts_are_asked_for_in_one_call_and_each_has_its_own(store: Store) -> None:
    others = [account(f"b{number}") for number in range(5)]

    granted = store.grant("w1", *(want(0, number, number, of=one) for number, one in enumerate(others)))

    assert [one.granted for one in granted] == [0, 1, 2, 3, 4]
    assert store.bank.balances(["b9|acme|"], NOW_NS) == []


def test_the_accounts_of_a_budget_are_listed_in_order_page_by_page(store: Store) -> None:
    span = account().span
    mine = [
        Account(key=f"b|acme|{name}", tenant="acme", budget="b", measure="money", span=span) for name in ("x", "a", "m")
    ]
    shared = Account(key="b||", tenant="", budget="b", measure="money", span=span)
    store.grant("w1", *(want(0, 1, 1, of=one) for one in (*mine, shared, account("b2"), account("a"), account("b-"))))

    assert store.bank.accounts("b", "", 9) == ["b|acme|a", "b|acme|m", "b|acme|x", "b||"]
    assert store.bank.accounts("b", "b|acme|a", 2) == ["b|acme|m", "b|acme|x"]
    assert store.bank.accounts("nobody", "", 9) == []


def test_windows_of_one_account_stand_beside_each_other(store: Store) -> None:
    first = account(span=Span(start_ns=NOW_NS - 10, end_ns=NOW_NS))
    second = account(span=Span(start_ns=NOW_NS, end_ns=NOW_NS + 10))
    store.grant("w1", want(0, 1000, 1000, of=first))

    assert store.grant("w1", want(0, 1000, 1000, of=second))[0].granted == 1000


def test_what_was_used_in_a_rolling_window_is_free_once_it_is_over(store: Store) -> None:
    rolling = account(span=ROLLING)
    store.grant("w1", want(0, 1000, 1000, of=rolling))
    store.book("w1", rolling, 600, NOW_NS)
    store.book("w1", rolling, 400, NOW_NS + DAY_NS // 2)

    def granted(after_ns: int) -> int:
        return store.grant("w2", want(0, 600, 600, of=rolling), now_ns=NOW_NS + after_ns)[0].granted

    assert granted(DAY_NS - 1) == 0
    assert store.stands(rolling, NOW_NS + DAY_NS - 1) == (1000, 0)
    assert granted(DAY_NS + DAY_NS // 60) == 600
    assert store.stands(rolling, NOW_NS + DAY_NS + DAY_NS // 60) == (400, 600)


def ended(used: int) -> Want:
    return Want(account=account(), limit=1000, hard=True, granted=100, need=0, like=used, ends=True)


def test_a_rolling_window_that_is_made_longer_counts_what_it_reaches_back_to(store: Store) -> None:
    short, long = account(span=Span(start_ns=0, rolling_ns=DAY_NS // 24)), account(span=ROLLING)
    store.grant("w", want(0, 700, 700, of=short))
    store.book("w", short, 700, NOW_NS)
    later_ns = NOW_NS + DAY_NS // 12

    (now,) = store.grant("x", want(0, 400, 400, of=short), now_ns=later_ns)
    assert (now.granted, now.spent) == (400, 0)
    (now,) = store.grant("y", want(0, 400, 400, of=long), now_ns=later_ns)
    assert (now.granted, now.spent, now.held) == (0, 700, 400)


def test_a_lease_that_ends_is_begun_from_nothing_and_its_use_is_held_until_it_is_booked(store: Store) -> None:
    store.grant("w1", want(0, 100, 100))

    for _ in range(2):
        assert store.grant("w1", ended(70))[0].granted == 0
        assert store.stands() == (0, 70)
    assert store.grant("w1", want(0, 30, 30))[0].granted == 30
    store.book("w1", account(), 70, NOW_NS)

    assert store.stands() == (70, 30)
    store.book("w1", account(), 30, NOW_NS)
    store.grant("w1", Want(account=account(), limit=1000, hard=True, granted=30, need=0, like=30, ends=True))
    assert store.stands() == (100, 0)
    assert store.grant("w1", want(0, 0, 0))[0].granted == 0, "nothing is left of the lease"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_lease_that_ended_and_is_booked_whole_takes_no_room(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    two = opened(kind, request, tmp_path)
    book = booking(two.database)
    with closing(two.database), closing(two.bank):
        for booked_first in (True, False):
            two.bank.grant("w1", [want(0, 100, 100)], NOW_NS)
            if booked_first:
                book("w1", account(), 70, NOW_NS)
            two.bank.grant("w1", [ended(70)], NOW_NS)
            if not booked_first:
                book("w1", account(), 70, NOW_NS)

            where = upkeep_of(two, tmp_path)
            assert where.audit().leased == {}


@given(
    spent=st.integers(0, 2000), held=st.integers(0, 2000), others=st.integers(0, 50), granted=st.integers(0, 500),
    known=st.integers(0, 500), need=st.integers(0, 1500), like=st.integers(0, 3000), scarce=st.booleans(),
)  # fmt: skip
@settings(max_examples=500, deadline=None)
def test_a_hard_grant_is_nothing_or_what_is_needed_and_never_more_than_is_free(
    spent: int, held: int, others: int, granted: int, known: int, need: int, like: int, scarce: bool
) -> None:
    state = State(spent=spent, held=held + granted, others=others, granted=granted)
    state.scarce_until_ns = NOW_NS + 1 if scarce else 0
    one = want(min(known, granted), need, max(like, need))

    answer = grant(state, one, NOW_NS)

    more = answer.granted - granted
    assert more <= max(0, 1000 - spent - held - granted)
    assert more <= 0 or answer.granted >= need
    assert state.held == held + answer.granted


def place_of(url: str, home: str) -> PostgresPlace:
    return PostgresPlace(url=Secret(url), home=home)


def hammer(where: Path | tuple[str, str], holder: str, seed: int, results: "multiprocessing.Queue[int]") -> None:
    """A worker that asks for two accounts, in any order, and gives back at random. Tells what it has in the end."""
    chance = random.Random(seed)
    has = {"b": 0, "c": 0}
    with closing(SqliteBank(where) if isinstance(where, Path) else PostgresBank(place_of(*where))) as bank:
        for _ in range(100):
            names = chance.sample(sorted(has), 2)
            wants: list[Want] = []
            for name in names:
                like = max(0, has[name] + chance.randint(-60, 90))
                need = min(like, has[name] + chance.randint(0, 50))
                wants.append(want(has[name], need, like, limit=3000, of=account(name)))
            for name, answer in zip(names, bank.grant(holder, wants, NOW_NS), strict=True):
                assert answer.spent + answer.held <= 3000
                has[name] = answer.granted
    results.put(has["b"])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_processes_that_hammer_one_account_never_get_more_than_its_limit(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    two = opened(kind, request, tmp_path)
    place = two.bank._link.place if isinstance(two.bank, PostgresBank) else None
    where = tmp_path if place is None else (place.url.reveal(), place.home)
    fork = multiprocessing.get_context("forkserver")
    results = fork.Queue()
    workers = [fork.Process(target=hammer, args=(where, f"w{n}", n, results)) for n in range(4)]
    for worker in workers:
        worker.start()
    totals = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()

    with closing(two.database), closing(two.bank):
        (balance,) = two.bank.balances([account().key], NOW_NS)
    assert balance.held == sum(totals) <= 3000
    assert balance.held > 1500, "they had most of it"


def test_a_threshold_is_told_by_one_alone(store: Store) -> None:
    other = account(span=Span(start_ns=8))
    store.grant("w1", want(0, 1, 1), want(0, 1, 1, of=other))
    assert store.bank.announce(account(), 0.5, NOW_NS)
    assert not store.bank.announce(account(), 0.5, NOW_NS)
    assert store.bank.announce(account(), 0.8, NOW_NS)
    assert not store.bank.announce(account(), 0.5, NOW_NS + DAY_NS)
    assert store.bank.announce(other, 0.5, NOW_NS), "each window has its own"


def test_of_a_rolling_window_it_is_told_again_when_it_has_passed(store: Store) -> None:
    rolling = account(span=ROLLING)
    store.grant("w1", want(0, 1, 1, of=rolling))
    assert store.bank.announce(rolling, 0.8, NOW_NS)
    assert not store.bank.announce(rolling, 0.5, NOW_NS + DAY_NS - 1)
    assert store.bank.announce(rolling, 0.5, NOW_NS + DAY_NS)


def test_nothing_is_told_of_an_account_that_nobody_used(store: Store) -> None:
    assert not store.bank.announce(account("nobody"), 0.5, NOW_NS)
