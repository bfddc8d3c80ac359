"""The port `AuditStore`, on every store: one contract."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct
from receipts import receipt, receipt_id
from servers import Postgres

from antiphon.control.audit_chain import chained, root_at
from antiphon.control.merkle import BATCH, root_of
from antiphon.core.audit import Event
from antiphon.core.audit_store import AuditStore, Checkpoint, Grown
from antiphon.core.error import StoreError
from antiphon.core.objects import Edit, Objects
from antiphon.store.audit import RECEIPT, noted
from antiphon.store.audit_postgres import PostgresAudit
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.database import Batch, Database, Row
from antiphon.store.objects_postgres import PostgresObjects
from antiphon.store.objects_sqlite import SqliteObjects
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.sqlite import SqliteDatabase


class Kept(Struct):
    """One database, as all who use it see it."""

    audit: AuditStore
    database: Database
    objects: Objects


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "sqlite":
        database: Database = SqliteDatabase(tmp_path)
        made = Kept(SqliteAudit(tmp_path), database, SqliteObjects(tmp_path))
    else:
        server: Postgres = request.getfixturevalue("postgres")
        place = server.place()
        database = PostgresDatabase(place)
        made = Kept(PostgresAudit(place), database, PostgresObjects(place))
    with closing(database), closing(made.audit), closing(made.objects):
        yield made


def event(number: int, tenant: str = "acme") -> Event:
    return Event(tenant=tenant, kind="test", by="key/app", at_ns=number, about=f"thing/{number}")


def numbers(store: AuditStore, tenant: str = "acme") -> list[int]:
    return [int(msgspec.json.decode(one.body)["at_ns"]) for one in store.links(tenant, 0, 10_000)]


def test_what_was_noted_is_chained_once_and_in_order(store: Kept) -> None:
    for number in range(5):
        store.audit.note(event(number))
    store.audit.note(event(9, "other"))

    assert store.audit.grow(chained, 3) == 3
    assert store.audit.grow(chained, 100) == 3
    assert store.audit.grow(chained, 100) == 0

    assert numbers(store.audit) == [0, 1, 2, 3, 4]
    assert [(one.tenant, one.size) for one in store.audit.heads()] == [("acme", 5), ("other", 1)]
    assert [one.seq for one in store.audit.links("acme", 3, 1)] == [3]


def test_what_fails_chains_nothing_and_comes_again(store: Kept) -> None:
    store.audit.note(event(1))

    def fails(*_: object) -> Grown:
        raise StoreError("no")

    with pytest.raises(StoreError):
        store.audit.grow(fails, 10)
    assert store.audit.heads() == []
    assert store.audit.grow(chained, 10) == 1


def test_a_receipt_is_chained_by_its_stored_text_and_once_though_it_was_shipped_twice(store: Kept) -> None:
    body = msgspec.json.encode(receipt(1))
    row = Row(id=receipt_id(1), tenant="acme", at_ns=1, outcome="ok", body=body)
    told = ("acme", RECEIPT, receipt_id(1), None)
    store.database.write(Batch(rows=[row], notes=[told, told]))
    store.audit.grow(chained, 10)
    store.database.write(Batch(rows=[row], notes=[told]))
    store.audit.grow(chained, 10)

    (found,) = store.audit.about(receipt_id(1), 10)
    said = msgspec.json.decode(found.body)
    assert said["detail"]["digest"] == sha256(body).hexdigest()
    assert (said["kind"], said["about"], said["detail"]["outcome"]) == ("receipt", receipt_id(1), "ok")
    assert len(store.audit.links("acme", 0, 10)) == 1


def test_changes_of_objects_become_events_by_themselves(store: Kept) -> None:
    for number, action in enumerate(("create", "delete")):
        edit = Edit(
            kind="key",
            name="app",
            tenant="acme",
            action=action,
            expects=number,
            spec=b"{}" if not number else None,
            after=b"{}",
        )
        store.objects.edit(edit, "key/boss", 7 + number)

    assert store.audit.grow(chained, 10) == 2
    assert store.audit.grow(chained, 10) == 0

    first, second = (msgspec.json.decode(one.body) for one in store.audit.about("key/app", 10))
    assert (first["kind"], first["by"], first["at_ns"], first["detail"]["action"]) == (
        "admin.change",
        "key/boss",
        "7",
        "create",
    )
    assert second["detail"]["action"] == "delete"


def test_batches_give_the_root_at_every_size(store: Kept) -> None:
    size = 2 * BATCH + 3
    store.database.write(Batch(notes=[noted(event(number)) for number in range(size)]))
    while store.audit.grow(chained, 200):
        pass

    bodies = [one.body for one in store.audit.links("acme", 0, size)]
    assert len(store.audit.batches("acme")) == 2
    for one in (1, BATCH - 1, BATCH, BATCH + 1, size):
        assert root_at(store.audit, "acme", one) == root_of(bodies[:one])
    assert root_at(store.audit, "acme", size + 1) is None


def test_checkpoints_stay_and_are_told_apart_until_they_are_exported(store: Kept) -> None:
    first = Checkpoint(tenant="acme", size=1, at_ns=5, note=b"one")
    store.audit.put_checkpoint(first)
    store.audit.put_checkpoint(Checkpoint(tenant="acme", size=2, at_ns=6, note=b"two"))
    store.audit.put_checkpoint(Checkpoint(tenant="acme", size=1, at_ns=9, note=b"another"))

    assert store.audit.unexported(10) == [first, Checkpoint(tenant="acme", size=2, at_ns=6, note=b"two")]
    store.audit.put_checkpoint(Checkpoint(tenant="acme", size=1, at_ns=5, note=b"one", exported=True))

    assert [one.size for one in store.audit.unexported(10)] == [2]
    assert [(one.size, one.exported) for one in store.audit.checkpoints("acme", 10)] == [(2, False), (1, True)]
    assert store.audit.checkpoints("nobody", 10) == []
