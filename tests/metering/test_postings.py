"""What receipts are booked as, from the journal to the accounts."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from receipts import halves, receipt, receipt_id

from antiphon.core.bank import Want
from antiphon.core.budget import Account, Measure, Span
from antiphon.core.ledger import Balance, Holds
from antiphon.core.receipt import Attempt, Receipt
from antiphon.core.usage import Usage
from antiphon.metering.journal import FileJournal
from antiphon.metering.postings import Tried, postings, slot_length_ns, uses
from antiphon.metering.shipping import Shipper
from antiphon.store.bank_postgres import PostgresBank
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.database import Known
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.postgres_link import PostgresPlace
from antiphon.store.sqlite import FILE, SqliteDatabase

HOUR_NS = 3_600_000_000_000
NOW_NS = 1_000 * HOUR_NS
HOLDS = Holds(id="h" * 36, accounts=(("usd|acme|", 5), ("tok|acme|", 0), ("req|acme|", 5)))
MEASURES: dict[str, Measure] = {"usd|acme|": "money", "tok|acme|": "tokens", "req|acme|": "requests"}


def account(key: str, start_ns: int) -> Account:
    span = Span(start_ns=start_ns) if start_ns else Span(start_ns=0, rolling_ns=24 * HOUR_NS)
    return Account(key=key, tenant="acme", budget=key.split("|", maxsplit=1)[0], measure=MEASURES[key], span=span)


def want(key: str, start_ns: int, like: int = 10_000) -> Want:
    return Want(account=account(key, start_ns), limit=1_000_000, hard=True, granted=0, need=like, like=like)


def attempt(number: int, **fields: Any) -> Attempt:
    known = {
        "deployment": "mini",
        "provider": "openai",
        "model": "m",
        "ticket": f"w-0001-{number}",
        "holds": HOLDS.id,
        "held_nano_usd": 500,
        "held_tokens": 50,
        "requests": 1,
        "cost_nano_usd": 100,
        "usage": Usage(input_tokens=7, output_tokens=3),
        "price": "p1",
    }
    return Attempt(**{**known, **fields})


def asked(number: int, *attempts: Attempt, outcome: str = "ok") -> Receipt:
    return receipt(number, outcome, at_ns=NOW_NS + number, attempts=attempts)


class Money:
    """A worker's journal, the bank, and the shipper between them."""

    def __init__(self, directory: Path, place: PostgresPlace | None) -> None:
        self.directory = directory
        self.place = place
        self.database = SqliteDatabase(directory) if place is None else PostgresDatabase(place)
        self.bank = SqliteBank(directory) if place is None else PostgresBank(place)
        self.journal = FileJournal(directory, "w-0001")
        self.shipper = Shipper(directory, self.database)
        self.bank.grant("w-0001", [want(*name) for name in HOLDS.accounts], NOW_NS)
        self.journal.held(HOLDS)

    def close(self) -> None:
        for one in (self.journal, self.bank, self.database):
            one.close()

    def die(self) -> None:
        self.journal.close()

    def balances(self) -> dict[str, tuple[int, int]]:
        found = self.bank.balances(MEASURES, NOW_NS)
        assert all(isinstance(one, Balance) and one.tenant == "acme" for one in found)
        return {one.account.split("|")[0]: (one.spent, one.held) for one in found}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.place is None:
            with closing(sqlite3.connect(self.directory / FILE)) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self.place.url.reveal()) as connection:
            return connection.execute(query.encode()).fetchall()

    def entries(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT id, kind, money_nano_usd, tokens, requests FROM ledger ORDER BY id")


@pytest.fixture(params=["sqlite", "postgres"])
def money(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Money]:
    place = request.getfixturevalue("postgres").place() if request.param == "postgres" else None
    with closing(Money(tmp_path, place)) as one:
        yield one


def test_what_was_used_is_booked_once_on_every_account_and_drawn_from_the_leases(money: Money) -> None:
    money.journal.opened(*halves(asked(1, attempt(1, open=True, cost_nano_usd=None, usage=None), outcome="running")))
    money.shipper.step()
    assert money.balances() == {"usd": (0, 10_000), "tok": (0, 10_000), "req": (0, 10_000)}

    money.journal.closed(*halves(asked(1, attempt(1))))
    money.shipper.step()
    money.shipper.step()

    assert money.balances() == {"usd": (100, 9_900), "tok": (10, 9_990), "req": (1, 9_999)}
    assert money.entries() == [("w-0001-1", "settled", 100, 10, 1)]


def test_each_ticket_of_a_request_is_an_entry_and_attempts_without_one_are_none(money: Money) -> None:
    tries = [
        attempt(1, cost_nano_usd=40, assumed=True, usage=None),
        attempt(2, requests=0),
        attempt(3, requests=0, cost_nano_usd=None),
        attempt(4, ticket=""),
        attempt(5, holds="", requests=0),
    ]
    money.journal.closed(*halves(asked(1, *tries)))
    money.shipper.step()

    assert money.entries() == [
        ("w-0001-1", "assumed", 40, 0, 1),
        ("w-0001-2", "settled", 100, 10, 0),
        ("w-0001-3", "settled", None, 10, 0),
        ("w-0001-5", "settled", 100, 10, 0),
    ]
    assert money.balances() == {"usd": (140, 9_860), "tok": (20, 9_980), "req": (1, 9_999)}


def test_an_entry_says_whose_use_it_was_and_who_is_owed_for_it(money: Money) -> None:
    money.journal.closed(*halves(asked(1, attempt(1, overrun_nano_usd=9, started_us=3))))
    money.shipper.step()

    entry = money.database.posting("w-0001-1")
    assert entry is not None
    assert (entry.debit, entry.credit, entry.tenant) == ("tenant/acme", "provider/openai/mini", "acme")
    assert (entry.receipt, entry.holds, entry.price) == (receipt_id(1), HOLDS.id, "p1")
    assert (entry.at_ns, entry.overrun_nano_usd) == (NOW_NS + 1 + 3000, 9)
    assert money.database.posting("w-0001-2") is None


def test_a_dead_worker_has_its_open_tickets_booked_at_what_they_held_and_its_leases_freed(money: Money) -> None:
    settled, still = attempt(1), attempt(2, open=True, cost_nano_usd=None, usage=None, requests=0)
    money.journal.opened(*halves(asked(1, settled, still, outcome="running")))
    money.shipper.step()
    money.die()
    money.shipper.step()
    money.shipper.step()

    assert money.entries() == [("w-0001-1", "settled", 100, 10, 1), ("w-0001-2", "died", 500, 50, 0)]
    assert money.balances() == {"usd": (600, 0), "tok": (60, 0), "req": (1, 0)}
    assert money.rows("SELECT count(*) FROM leases") == money.rows("SELECT count(*) FROM holders") == [(0,)]


def test_a_worker_that_ended_well_gives_its_leases_back_also_when_another_shipper_finds_it(money: Money) -> None:
    money.journal.closed(*halves(asked(1, attempt(1))))
    money.die()

    Shipper(money.directory, money.database).step()

    assert money.balances() == {"usd": (100, 0), "tok": (10, 0), "req": (1, 0)}


def test_a_living_worker_keeps_what_it_holds_though_it_says_nothing(money: Money) -> None:
    money.shipper.step()
    money.shipper.step()

    assert money.balances() == {"usd": (0, 10_000), "tok": (0, 10_000), "req": (0, 10_000)}


def test_use_beyond_a_lease_counts_as_spent_and_frees_nothing_that_others_hold(money: Money) -> None:
    money.bank.grant("w-0002", [want("usd|acme|", 5, 700)], NOW_NS)
    money.journal.closed(*halves(asked(1, attempt(1, cost_nano_usd=10_500))))
    money.shipper.step()

    assert money.rows("SELECT spent, held FROM accounts WHERE key = 'usd|acme|'") == [(10_500, 0)]


def test_what_is_in_the_ledger_is_not_booked_again_after_a_restore(money: Money) -> None:
    money.journal.closed(*halves(asked(1, attempt(1))))
    money.shipper.step()
    money.journal.closed(*halves(asked(1, attempt(1))))
    money.journal.closed(*halves(asked(2, attempt(2))))
    money.journal.closed(*halves(asked(2, attempt(2))))
    money.shipper.step()

    assert money.balances()["usd"] == (200, 9_800)
    assert [entry[0] for entry in money.entries()] == ["w-0001-1", "w-0001-2"]


def test_a_shipper_that_never_saw_the_holds_asks_the_database_for_them(money: Money) -> None:
    money.shipper.step()
    money.journal.closed(*halves(asked(1, attempt(1))))

    Shipper(money.directory, money.database).step()

    assert money.balances()["usd"] == (100, 9_900)


def test_an_account_that_is_not_there_is_told_of_and_the_entry_stands(
    money: Money, caplog: pytest.LogCaptureFixture
) -> None:
    money.journal.closed(*halves(asked(1, attempt(1, holds="x" * 36))))
    money.shipper.step()

    assert [one.getMessage() for one in caplog.records] == ["ledger.account_missing"]
    assert len(money.entries()) == 1


def test_an_account_that_comes_later_is_booked_on_from_then_on(money: Money) -> None:
    """Requests may be let through while the store is away, before there is an account."""
    late = Holds(id="l" * 36, accounts=(("late|acme|", 5),))
    account = Account(key="late|acme|", tenant="acme", budget="late", measure="money", span=Span(start_ns=5))
    money.journal.held(late)
    money.journal.closed(*halves(asked(1, attempt(1, holds=late.id))))
    money.shipper.step()

    money.bank.grant("w-0001", [Want(account=account, limit=1000, hard=True, granted=0, need=9, like=9)], NOW_NS)
    money.journal.closed(*halves(asked(2, attempt(2, holds=late.id))))
    money.shipper.step()

    (balance,) = money.bank.balances([account.key], NOW_NS)
    assert balance.spent == 100


def test_a_budget_for_all_time_that_is_made_a_rolling_one_counts_by_its_slots_at_once(money: Money) -> None:
    name, holds = "turns|acme|", Holds(id="t" * 36, accounts=(("turns|acme|", 0),))
    total = Account(key=name, tenant="acme", budget="turns", measure="money", span=Span(start_ns=0))
    rolling = replace(total, span=Span(start_ns=0, rolling_ns=HOUR_NS))
    money.journal.held(holds)
    for number, account in enumerate((total, rolling)):
        money.bank.grant("w-0001", [Want(account=account, limit=1000, hard=True, granted=0, need=9, like=9)], NOW_NS)
        money.journal.closed(*halves(asked(number, attempt(number, holds=holds.id))))
        money.shipper.step()

    (balance,) = money.bank.balances([name], NOW_NS)
    assert balance.spent == 100


def test_use_of_a_rolling_window_leaves_it_slot_by_slot(money: Money) -> None:
    money.journal.closed(*halves(asked(1, attempt(1))))
    late = replace(asked(2, attempt(2)), at_ns=NOW_NS + 3 * HOUR_NS)
    money.journal.closed(*halves(late))
    money.shipper.step()

    def spent(after_h: float) -> int:
        (found,) = money.bank.balances(["tok|acme|"], NOW_NS + int(after_h * HOUR_NS))
        return found.spent

    assert [spent(after) for after in (3, 24, 24.5, 27, 27.5)] == [20, 20, 10, 10, 0]
    assert money.database.purge(NOW_NS + int(24.5 * HOUR_NS)) == 0
    assert money.rows("SELECT sum(spent) FROM slots") == [(10,)]


def test_slots_are_a_sixtieth_of_the_window_in_whole_seconds() -> None:
    lengths = [slot_length_ns(seconds * 10**9) // 10**9 for seconds in (1, 60, 61, 100, 3600, 86_400)]

    assert lengths == [1, 1, 2, 2, 60, 1440]


def test_what_many_entries_come_to_is_summed_up_by_account() -> None:
    known = Known("acme", "money", 0), Known("acme", "tokens", 60 * 10**9)
    tries = [
        msgspec.convert(
            {"deployment": "d", "provider": "p", "ticket": f"t{n}", "holds": "h", "cost_nano_usd": n}, Tried
        )
        for n in (1, 2, 3)
    ]
    entries = [*postings("r", "acme", 10**9, tries), *postings("r", "acme", 10**9 + 5, [tries[0]])]

    found = uses("w", entries, lambda _: (("a", 1, known[0]), ("b", 0, known[1])))

    assert [(use.key, use.amount) for use in found] == [("a", 7)], "nothing is booked where nothing was used"
