"""The port `VaultStore`, on every store: one contract."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct
from receipts import receipt, receipt_id
from servers import Postgres

from antiphon.core.ids import first_id
from antiphon.core.request import Lineage
from antiphon.core.vault_store import EVERYBODY, Content, DataKey, Hold, TenantKey, VaultStore
from antiphon.store.database import Batch, Database, Reader, Row
from antiphon.store.postgres import PostgresDatabase, PostgresReader
from antiphon.store.sqlite import SqliteDatabase, SqliteReader
from antiphon.store.vault_postgres import PostgresVault
from antiphon.store.vault_sqlite import SqliteVault

ALICE, BOB = "a1" * 16, "b0" * 16


class Kept(Struct):
    """One database, as all who use it see it."""

    vault: VaultStore
    database: Database
    reader: Reader
    directory: Path | None


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "sqlite":
        made = Kept(SqliteVault(tmp_path), SqliteDatabase(tmp_path), SqliteReader(tmp_path), tmp_path)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        place = server.place()
        database = PostgresDatabase(place)
        made = Kept(PostgresVault(place), database, PostgresReader(place), None)
    with closing(made.database), closing(made.vault), closing(made.reader):
        yield made


def key(number: int, owner: str = ALICE, at_ns: int = 10, tenant: str = "acme") -> DataKey:
    return DataKey(id=f"{number:032x}", tenant=tenant, owner=owner, at_ns=at_ns, wrapped=b"WRAPPED%d" % number)


def tenant_key(wrapped: bytes = b"one", scope: str = "", tenant: str = "acme") -> TenantKey:
    return TenantKey(tenant=tenant, scope=scope, wrapped=wrapped, wrapper="file/x/y", at_ns=5)


def hold(number: int, **fields: str) -> Hold:
    return Hold(id=f"h{number}", tenant="acme", by="key/boss", at_ns=number, **fields)


def put(store: Kept, number: int, owner: str = ALICE, until_ns: int = 0, session: str = "") -> str:
    one = msgspec.structs.replace(receipt(number), lineage=Lineage(session=session))
    row = Row(id=one.id, tenant="acme", at_ns=number, outcome="ok", body=msgspec.json.encode(one))
    store.database.write(Batch(rows=[row], contents=[Content(one.id, "acme", b"sealed", owner, until_ns)]))
    return one.id


def test_of_two_that_give_a_tenant_a_key_the_first_counts(store: Kept) -> None:
    assert store.vault.tenant_key("acme", ["", "file/x"]) is None
    first = store.vault.add_tenant_key(tenant_key(b"one"))

    assert store.vault.add_tenant_key(tenant_key(b"two")) == first
    other = store.vault.add_tenant_key(tenant_key(b"own", "file/x"))
    assert store.vault.tenant_key("acme", ["file/x", ""]) == other
    assert store.vault.tenant_key("acme", ["file/z", ""]) == first
    assert store.vault.tenant_keys() == [first, other]


def test_a_tenants_key_is_wrapped_anew_unless_it_changed_meanwhile(store: Kept) -> None:
    old, new = tenant_key(b"old", "file/x"), tenant_key(b"new")
    store.vault.add_tenant_key(old)

    assert store.vault.rewrap(old, new)
    assert not store.vault.rewrap(old, tenant_key(b"late"))
    assert store.vault.tenant_keys() == [new]
    store.vault.add_tenant_key(old)
    assert not store.vault.rewrap(old, new)  # there is one already


def test_data_keys_come_back_and_once_written_stay_as_they_are(store: Kept) -> None:
    store.vault.add_keys([key(1), key(2)])
    store.database.write(Batch(keys=[key(3), msgspec.structs.replace(key(1), wrapped=b"other")]))

    found = store.vault.keys([key(number).id for number in (1, 3, 9)])
    assert found == {key(1).id: key(1), key(3).id: key(3)}


def test_what_is_erased_is_gone_and_late_records_of_it_do_not_bring_it_back(store: Kept) -> None:
    store.vault.add_keys([key(1), key(2, BOB), key(3, ALICE, tenant="other")])

    assert store.vault.erase("acme", ALICE, 20) == 1
    store.database.write(Batch(keys=[key(4, at_ns=20), key(5, at_ns=21), key(6, BOB)]))

    assert set(store.vault.keys([key(number).id for number in range(7)])) == {key(number).id for number in (2, 3, 5, 6)}
    assert store.vault.erased(key(4, at_ns=20))
    assert not store.vault.erased(key(5, at_ns=21))
    (one,) = store.vault.erasures(0)
    assert (one.tenant, one.owner, one.at_ns) == ("acme", ALICE, 20)
    assert store.vault.erasures(one.number) == []
    if store.directory is not None:
        assert b"WRAPPED1" not in b"".join(file.read_bytes() for file in store.directory.iterdir())


def test_a_whole_tenant_is_erased_with_its_own_key(store: Kept) -> None:
    store.vault.add_tenant_key(tenant_key())
    store.vault.add_keys([key(1), key(2, BOB), key(3, tenant="other")])

    assert store.vault.erase("acme", EVERYBODY, 20) == 2
    assert store.vault.tenant_key("acme", [""]) is None
    assert list(store.vault.keys([key(number).id for number in (1, 2, 3)])) == [key(3).id]


def test_content_that_was_wiped_is_empty_and_stays_so(store: Kept) -> None:
    one = put(store, 1)

    assert store.vault.wipe("acme", [one, receipt_id(2)]) == 1
    put(store, 2)  # comes later, out of a journal

    assert store.reader.content(one) == b""
    assert store.reader.content(receipt_id(2)) == b""
    assert store.vault.wipe("other", [one]) == 0


def test_receipts_of_a_session_are_found(store: Kept) -> None:
    mine = [put(store, 1, session="s-1"), put(store, 3, session="s-1")]
    put(store, 2, session="s-11")

    assert store.vault.of_session("acme", "s-1") == mine
    assert store.vault.of_session("other", "s-1") == []


def test_content_whose_time_is_over_is_dropped_but_not_what_is_held(store: Kept) -> None:
    ids = [
        put(store, 1, until_ns=100),
        put(store, 2, owner=BOB, until_ns=100),
        put(store, 3, until_ns=100, session="s-1"),
        put(store, 4, until_ns=101),
        put(store, 5),
        put(store, 6, until_ns=100),
    ]
    for number, fields in enumerate(({"owner": BOB}, {"session": "s-1"}, {"receipt": ids[5]})):
        store.vault.hold(hold(number, **fields))

    assert store.vault.lapse(100, 0, 10) == 1
    assert [store.reader.content(one) is not None for one in ids] == [False, True, True, True, True, True]

    assert store.vault.lift("h0") == hold(0, owner=BOB)
    assert store.vault.lift("h0") is None
    assert store.vault.lapse(100, 0, 10) == 1
    assert store.reader.content(ids[1]) is None


def test_content_older_than_a_time_is_dropped_so_many_at_once(store: Kept) -> None:
    ids = [put(store, number) for number in range(3)]
    second_ns = 1_790_000_000_000_000_000
    assert all(one < first_id(second_ns // 1_000_000) for one in ids)
    store.vault.hold(hold(1))

    assert store.vault.lapse(1, second_ns, 10) == 0
    store.vault.lift("h1")
    assert store.vault.lapse(1, second_ns, 2) == 2
    assert store.vault.lapse(1, second_ns, 2) == 1


def test_holds_are_listed_by_tenant(store: Kept) -> None:
    first, second = hold(1, owner=ALICE), msgspec.structs.replace(hold(2), tenant="other", note="why")
    store.vault.hold(second)
    store.vault.hold(first)

    assert store.vault.holds() == [first, second]
    assert store.vault.holds("other") == [second]
