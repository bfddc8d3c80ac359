"""The ports `Database` and `Reader`, on every store: one contract."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from receipts import halves, receipt, receipt_id
from servers import Postgres

from antiphon.core.bank import Bank, Want
from antiphon.core.budget import Account, Span
from antiphon.core.error import StoreError
from antiphon.core.kept import Entry
from antiphon.core.ledger import Posting
from antiphon.core.receipt import Receipt
from antiphon.store.bank_postgres import PostgresBank
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.database import LAG_NS, AlreadyBooked, Batch, Database, Known, Lapsed, Reader, Row, Use
from antiphon.store.postgres import PostgresDatabase, PostgresReader
from antiphon.store.sqlite import SqliteDatabase, SqliteReader

DAY_NS = 86_400_000_000_000
MAY_NS = int(datetime(2026, 5, 20, tzinfo=UTC).timestamp()) * 10**9
JUNE_NS = int(datetime(2026, 6, 20, tzinfo=UTC).timestamp()) * 10**9


class Store:
    """One database, opened as often as a test likes."""

    def __init__(
        self, database: Callable[[], Database], reader: Callable[[], Reader], bank: Callable[[], Bank]
    ) -> None:
        self.open_database, self.open_reader, self.open_bank = database, reader, bank
        self.database, self.reader, self.bank = database(), reader(), bank()

    def close(self) -> None:
        self.bank.close()
        self.database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        made = Store(lambda: SqliteDatabase(tmp_path), lambda: SqliteReader(tmp_path), lambda: SqliteBank(tmp_path))
    else:
        server: Postgres = request.getfixturevalue("postgres")
        place = server.place()
        made = Store(lambda: PostgresDatabase(place), lambda: PostgresReader(place), lambda: PostgresBank(place))
    with closing(made):
        yield made
        if isinstance(made.reader, PostgresReader):
            made.reader.close()


def id_of(at_ns: int, number: int = 0) -> str:
    text = f"{at_ns // 1_000_000:012x}"
    return f"{text[:8]}-{text[8:]}-7{number:03x}-8000-000000000000"


def row(number: int, outcome: str = "ok", tenant: str = "acme") -> Row:
    body = msgspec.json.encode(receipt(number, outcome))
    return Row(id=receipt_id(number), tenant=tenant, at_ns=number, outcome=outcome, body=body)


def aged(at_ns: int, number: int = 0, outcome: str = "ok") -> Row:
    return Row(id=id_of(at_ns, number), tenant="acme", at_ns=at_ns, outcome=outcome, body=b"{}")


def posting(number: int, at_ns: int = MAY_NS, **fields: Any) -> Posting:
    known = {
        "kind": "settled",
        "tenant": "acme",
        "receipt": "r",
        "holds": "h1",
        "debit": "tenant/acme",
        "credit": "provider/p/d",
    }
    return Posting(
        id=f"w-{number}", at_ns=at_ns, **{**known, "money_nano_usd": number, "tokens": 2, "requests": 1, **fields}
    )


def account(key: str, **span: int) -> Account:
    return Account(key=key, tenant="acme", budget="b", measure="money", span=Span(**{"start_ns": 5, **span}))


def grant(store: Store, holder: str, *accounts: Account, amount: int = 100) -> None:
    wants = [Want(account=one, limit=10**9, hard=True, granted=0, need=amount, like=amount) for one in accounts]
    store.bank.grant(holder, wants, MAY_NS)


def stands(store: Store, key: str, now_ns: int = MAY_NS) -> tuple[int, int]:
    (found,) = store.bank.balances([key], now_ns)
    return found.spent, found.held


# --- receipts


def test_a_running_receipt_becomes_final_once_and_may_say_more_while_it_runs(store: Store) -> None:
    database = store.database
    database.write(Batch(rows=[row(1, "running"), row(2, "running")]))
    more = msgspec.structs.replace(row(2, "running"), body=b'{"more":1}', tenant="other")
    database.write(Batch(rows=[row(1, "ok"), more]))
    database.write(Batch(rows=[row(1, "failed"), row(1, "running")]))

    assert database.receipt(receipt_id(1)) == row(1).body
    assert database.receipt(receipt_id(2)) == more.body
    assert database.receipt(receipt_id(3)) is None


def test_a_receipt_goes_on_with_its_basis_and_one_without_it_is_told_of(store: Store) -> None:
    told, tail = halves(receipt(1))
    body = msgspec.json.encode(told)
    rows = [
        Row(id=receipt_id(1), tenant="acme", at_ns=1, outcome="ok", body=body, basis="b1"),
        Row(id=receipt_id(2), tenant="acme", at_ns=2, outcome="ok", body=b"{}", basis="lost"),
    ]
    store.database.write(Batch(rows=rows[:1], bases=[("b1", tail)]))
    store.database.write(Batch(bases=[("b1", b"another"), ("b2", b"second")]))

    for one in (store.database, store.reader):
        assert one.receipt(receipt_id(1)) == body[:-1] + tail
        assert [one.basis(basis) for basis in ("b1", "b2", "b3")] == [tail, b"second", None]

    if isinstance(store.database, SqliteDatabase):
        store.database._db.execute("PRAGMA foreign_keys = OFF")
    store.database.write(Batch(rows=rows[1:]))
    for one in (store.database, store.reader):
        with pytest.raises(StoreError, match="basis lost"):
            one.receipt(receipt_id(2))


def test_a_reader_sees_what_is_committed(store: Store) -> None:
    store.database.write(Batch(rows=[row(1), row(3, tenant="other"), row(2)], positions={"w": 5}))
    many = [aged(MAY_NS, number) for number in range(250)]
    store.database.write(Batch(rows=many))

    assert list(store.reader.newest())[-3:] == [row(3).body, row(2).body, row(1).body]
    assert len(list(store.reader.newest())) == 253
    assert store.reader.last("other") == row(3).body
    assert store.reader.last("nobody") is None
    assert store.reader.positions() == {"w": 5}


def test_receipts_between_two_ids_are_found_the_newest_first(store: Store) -> None:
    rows = [row(1), row(2, "failed"), row(3, tenant="globex"), row(4, "running"), row(5)]
    store.database.write(Batch(rows=rows))
    told, tail = halves(receipt(6))
    basis = Row(id=receipt_id(6), tenant="acme", at_ns=6, outcome="ok", body=msgspec.json.encode(told), basis="b")
    store.database.write(Batch(rows=[basis], bases=[("b", tail)]))
    between = store.reader.between

    def found(*asked: Any) -> list[str]:
        return [msgspec.json.decode(body)["id"] for body in between(*asked)]

    def ids(*numbers: int) -> list[str]:
        return [receipt_id(number) for number in numbers]

    assert found("", "~", 10) == ids(6, 5, 4, 3, 2, 1)
    assert found("", "~", 2) == ids(6, 5)
    assert found(receipt_id(2), receipt_id(5), 10) == ids(4, 3, 2), "the first is in it, the last is not"
    assert found("", "~", 10, "globex") == ids(3)
    assert found("", "~", 10, "acme", "ok") == ids(6, 5, 1)
    assert found("", "~", 10, None, "running") == ids(4)
    assert found("", "~", 10, "no\0body") == []
    assert msgspec.json.decode(between("", "~", 1)[0], type=Receipt) == receipt(6)


def test_ids_that_tell_no_time_are_kept_too(store: Store) -> None:
    odd = [msgspec.structs.replace(row(1), id=name) for name in ("odd", "ffffffff-ffff-7000-8000-000000000000")]
    store.database.write(Batch(rows=odd, contents=[("odd", "acme", b"sealed")]))

    assert [store.reader.receipt(one.id) for one in odd] == [row(1).body] * 2
    assert store.reader.content("odd") == b"sealed"


def test_content_is_kept_once(store: Store) -> None:
    store.database.write(Batch(contents=[(receipt_id(1), "acme", b"first")]))
    store.database.write(Batch(contents=[(receipt_id(1), "acme", b"second")]))

    assert store.reader.content(receipt_id(1)) == b"first"
    assert store.reader.content(receipt_id(2)) is None


def test_who_runs_and_how_far_the_journal_is_shipped_are_known(store: Store) -> None:
    database = store.database
    database.write(Batch(began=[(receipt_id(1), "w1"), (receipt_id(2), "w2")], positions={"a": 10, "b": 20}))
    database.write(Batch(began=[(receipt_id(1), "w1")], ended=[receipt_id(2), receipt_id(3)], positions={"a": 30}))
    database.forget(["b", "c"])

    assert database.running() == {receipt_id(1): "w1"}
    assert database.positions() == {"a": 30}


def entry(number: int, **fields: Any) -> Entry:
    return Entry(**{"key": f"k{number}", "tenant": "t", "at_ns": 10, "until_ns": 100, "sealed": b"s", **fields})


def test_what_callers_left_is_found_until_it_is_deleted_or_over(store: Store) -> None:
    database, reader = store.database, store.reader
    database.write(Batch(kept=[entry(1), entry(2, part_of="k1"), entry(3, until_ns=500)]))
    assert sorted(one.key for one in reader.kept(["k1", "k2", "k9"])) == ["k1", "k2"]
    assert reader.kept_parts("k1") == [entry(2, part_of="k1")]

    database.write(Batch(kept=[entry(1, at_ns=20, sealed=b"")]))
    database.write(Batch(kept=[entry(1, at_ns=30), entry(2, part_of="k1", at_ns=30)]))

    assert reader.kept(["k1"])[0].gone
    assert reader.kept_parts("k1") == []
    assert database.purge(100) == 1
    assert [one.key for one in reader.kept(["k1", "k3"])] == ["k3"]


# --- money


def test_a_batch_is_written_whole_or_not_at_all(store: Store) -> None:
    bad = msgspec.structs.replace(row(2), body=None)

    with pytest.raises(StoreError, match="can't be written"):
        store.database.write(Batch(rows=[row(1), bad], postings=[posting(1)], positions={"w": 7}))

    assert store.database.receipt(receipt_id(1)) is None
    assert store.database.posting("w-1") is None
    assert store.database.positions() == {}
    store.database.write(Batch(rows=[row(1)]))


def test_an_entry_comes_back_as_it_was_written(store: Store) -> None:
    full = posting(2, money_nano_usd=None, overrun_nano_usd=7, price="p", kind="correction", corrects="w-1", note="why")
    store.database.write(Batch(postings=[posting(1), full]))

    assert [store.database.posting(f"w-{number}") for number in (1, 2, 3)] == [posting(1), full, None]


def test_a_batch_with_entries_that_are_in_the_ledger_is_refused_whole_and_they_are_named(store: Store) -> None:
    grant(store, "w", account("a"))
    store.database.write(Batch(postings=[posting(1), posting(2)]))

    uses = [Use("w", "a", 5, "acme", 50)]
    with pytest.raises(AlreadyBooked) as caught:
        store.database.write(Batch(rows=[row(1)], postings=[posting(2), posting(3)], uses=uses))

    assert caught.value.ids == {"w-2"}
    assert store.database.posting("w-3") is None
    assert store.database.receipt(receipt_id(1)) is None
    assert stands(store, "a") == (0, 100)


def test_holds_and_accounts_are_known_to_whoever_asks(store: Store) -> None:
    grant(store, "w", account("a"), account("r", start_ns=0, rolling_ns=60))
    store.database.write(Batch(holds=[("h1", "acme", b"one"), ("h2", "acme", b"two")]))
    store.database.write(Batch(holds=[("h1", "acme", b"other")]))

    assert store.database.holds(["h1", "h2", "h3"]) == {"h1": b"one", "h2": b"two"}
    assert store.database.accounts([("a", 5), ("r", 0), ("a", 6)]) == {
        ("a", 5): Known("acme", "money", 0),
        ("r", 0): Known("acme", "money", 60),
    }
    assert store.database.accounts([]) == store.database.holds([]) == {}


def test_use_is_booked_with_what_it_is_of_and_frees_what_it_was_held_by(store: Store) -> None:
    grant(store, "w", account("a"), account("b"))
    grant(store, "v", account("a"))
    uses = [Use("w", "a", 5, "acme", 30), Use("w", "b", 5, "acme", 150), Use("", "a", 5, "acme", -5)]
    store.database.write(Batch(postings=[posting(1)], uses=uses))

    assert stands(store, "a") == (25, 170)
    assert stands(store, "b") == (150, 0)


def test_a_released_holder_is_forgotten_and_holds_nothing(store: Store) -> None:
    grant(store, "w", account("a"), account("b"))
    grant(store, "v", account("a"))
    assert store.database.holders() == {"v", "w"}

    store.database.write(Batch(uses=[Use("w", "a", 5, "acme", 30)], released=["w", "unknown"]))

    assert store.database.holders() == {"v"}
    assert (stands(store, "a"), stands(store, "b")) == ((30, 100), (0, 0))


def test_receipts_entries_and_accounts_go_when_they_are_old_and_none_before(store: Store) -> None:
    ended = account("old", end_ns=MAY_NS + DAY_NS)
    grant(store, "w", ended, account("still", end_ns=JUNE_NS + 90 * DAY_NS))
    store.database.write(Batch(released=["w"]))
    grant(store, "v", account("leased", end_ns=MAY_NS + DAY_NS))
    store.database.write(
        Batch(
            rows=[aged(MAY_NS), aged(MAY_NS, 1), aged(JUNE_NS)],
            contents=[(id_of(MAY_NS), "acme", b"may"), (id_of(JUNE_NS), "acme", b"june")],
            postings=[posting(1), posting(2, JUNE_NS)],
        )
    )
    database = store.database
    assert database.retain(0, 0, 10) == Lapsed()
    assert database.retain(MAY_NS - 30 * DAY_NS, MAY_NS - 30 * DAY_NS, 10) == Lapsed()
    middle_ns = JUNE_NS - 10 * DAY_NS

    for _ in range(3):
        database.retain(middle_ns, middle_ns, 2)

    assert [database.receipt(id_of(at_ns)) for at_ns in (MAY_NS, JUNE_NS)] == [None, b"{}"]
    assert [store.reader.content(id_of(at_ns)) for at_ns in (MAY_NS, JUNE_NS)] == [None, b"june"]
    assert [database.posting(f"w-{number}") for number in (1, 2)] == [None, posting(2, JUNE_NS)]
    assert set(database.accounts([("old", 5), ("still", 5), ("leased", 5)])) == {("still", 5), ("leased", 5)}
    database.write(Batch(rows=[aged(MAY_NS, 2)], postings=[posting(3)]))
    assert database.posting("w-3") == posting(3), "a record that comes late is taken"


def test_accounts_without_an_end_go_when_nobody_asked_for_them_for_long(store: Store) -> None:
    endless = [account(name, start_ns=0) for name in ("idle", "asked", "leased")]
    rolling = [account(name, start_ns=0, rolling_ns=10 * DAY_NS) for name in ("roll", "rolling")]
    grant(store, "w", *endless[:2], *rolling, account("ends", end_ns=JUNE_NS + DAY_NS))
    asked = [
        Want(account=one, limit=10**9, hard=True, granted=100, need=0, like=100) for one in (endless[1], rolling[1])
    ]
    store.bank.grant("w", asked, JUNE_NS)
    store.database.write(Batch(released=["w"]))
    grant(store, "v", endless[2])
    names = [("idle", 0), ("asked", 0), ("leased", 0), ("roll", 0), ("rolling", 0), ("ends", 5)]

    def left(unused_ns: int) -> set[str]:
        for _ in range(8):
            store.database.retain(0, 1, 2, unused_ns)
        return {key for key, _ in store.database.accounts(names)}

    assert left(0) == left(MAY_NS) == {key for key, _ in names}
    assert left(MAY_NS + DAY_NS) == {"asked", "leased", "roll", "rolling", "ends"}
    assert left(JUNE_NS) == {"asked", "leased", "rolling", "ends"}
    assert left(JUNE_NS + 11 * DAY_NS) == {"leased", "ends"}
    store.database.retain(0, 0, 10, JUNE_NS + 99 * DAY_NS)
    assert stands(store, "leased") == (0, 100)


def test_what_records_name_goes_when_it_was_not_said_for_long_a_few_rows_at_a_time(store: Store) -> None:
    database, ids = store.database, ["h1", "h2", "h3", "h4"]
    said = [(one, "acme", b"x") for one in ids]
    database.write(Batch(bases=[(one, b"x") for one in ids], holds=said, postings=[posting(1), posting(2, holds="h2")]))
    between_ns = time.time_ns()
    database.write(Batch(bases=[("h1", b"x")], holds=said[:1]))
    until_ns = between_ns + LAG_NS

    early = database.retain(between_ns, between_ns, 10)
    assert (early.bases, early.holds) == (0, 0)
    found = [database.retain(until_ns, until_ns, 2) for _ in range(3)]

    assert [(one.bases, one.holds) for one in found] == [(2, 2), (1, 1), (0, 0)]
    assert set(database.holds(ids)) == {"h1"}
    assert [database.basis(one) for one in ids] == [b"x", None, None, None]
    again = posting(3, time.time_ns(), holds="h2")
    database.write(Batch(holds=said[1:2], postings=[again]))
    assert database.posting("w-3") == again, "what is said anew is known again"


def test_receipts_that_run_still_are_kept(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database:
        database.write(Batch(rows=[aged(MAY_NS, 0, "running"), aged(MAY_NS, 1)]))

        assert database.retain(JUNE_NS, 0, 100) == Lapsed(receipts=1)
        assert database.receipt(id_of(MAY_NS)) == b"{}"
