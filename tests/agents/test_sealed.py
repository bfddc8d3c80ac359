"""What runs say is sealed where it is stored, and gone once its key is."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from run_stores import ALICE, mail, run

from antiphon.agents.sealed import SealedRuns
from antiphon.core.run import Intent, Memory, Run, RunEvent, Wait
from antiphon.core.run_store import Asked
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import FILE, SqliteDatabase
from antiphon.store.vault_sqlite import SqliteVault
from antiphon.vault.envelope import Envelope, Ports
from antiphon.vault.local import LocalSealer
from antiphon.vault.make import wrappers
from antiphon.vault.settings import VaultSettings

SECRET = b"the patient is called Miller"


def envelope(directory: Path) -> Envelope:
    """Of a process of its own."""
    local, store = directory / "local.key", SqliteVault(directory)
    ports = Ports(
        store=store,
        wrappers=wrappers(VaultSettings(), local),
        local=LocalSealer(local),
        now_ns=time.time_ns,
        now_s=time.monotonic,
        keep=lambda key: store.add_keys([key]),
        waiting=lambda key_id: None,
    )
    return Envelope(ports, VaultSettings())


def sealed(directory: Path) -> SealedRuns:
    return SealedRuns(SqliteRuns(directory), envelope(directory))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    SqliteDatabase(tmp_path).close()
    return tmp_path


def said(number: int) -> Run:
    shown = Wait(kind="question", key="k", shown=SECRET.decode())
    return run(number, status="waiting", input=SECRET, state=SECRET, result=SECRET, wait=shown)


def fill(store: SealedRuns, number: int) -> None:
    """All that can say something of a run."""
    name = f"{number:04}"
    store.begin(run(number, input=SECRET))
    store.save(said(number), 1, ["queued"])
    store.post(mail(1, number, body=SECRET, key="k"))
    store.tell([RunEvent(run=name, seq=1, at_ns=1, kind="text", body=SECRET)])
    store.intend(Intent(run=name, step="1", tool="t", digest="d", owner="w", at_ns=1))
    store.came(name, "1", SECRET, "w")
    store.put("acme", f"context/{name}", "h", SECRET)


def read(store: SealedRuns, number: int) -> list[bytes | None]:
    """The same, as another process reads it."""
    name = f"{number:04}"
    found, value = store.one(name), store.value("acme", f"context/{name}", "h", 0)
    assert found is not None
    assert found.wait is not None
    assert value is not None
    intent = store.intend(Intent(run=name, step="1", tool="t", digest="d", owner="w", at_ns=1))
    return [
        found.input,
        found.state,
        found.result,
        found.wait.shown.encode(),
        store.mail(name)[0].body,
        store.told(name, 0)[0].body,
        intent.outcome,
        value[0],
    ]


def test_all_that_a_run_says_is_sealed_and_read_by_another_process(directory: Path) -> None:
    with closing(sealed(directory)) as store:
        fill(store, 1)
        store.remember(
            Memory(id="m", tenant="acme", agent="clerk", scope="user", owner="alice", text=SECRET, created_ns=1)
        )
    with closing(sqlite3.connect(directory / FILE)) as database:
        assert SECRET not in b"".join(str(line).encode() for line in database.iterdump())
    assert not any(SECRET in file.read_bytes() for file in directory.iterdir())
    with closing(sealed(directory)) as other:
        assert read(other, 1) == [SECRET] * 8
        assert other.page(Asked())[0] == other.due(1, 9)[0] == said(1)
        assert other.memories("acme", "clerk", [("user", "alice")], 0)[0].text == SECRET


def test_what_is_sealed_opens_only_in_its_own_place(directory: Path) -> None:
    with closing(sealed(directory)) as store:
        fill(store, 1)
    with closing(sqlite3.connect(directory / FILE)) as database, database:
        database.execute("UPDATE runs SET input = state")
    with closing(sealed(directory)) as store, pytest.raises(Exception, match=r"can.t be opened|was changed"):
        store.one("0001")


def test_what_was_erased_reads_as_empty_and_what_is_others_is_left(directory: Path) -> None:
    bob = replace(ALICE, user="bob")
    with closing(sealed(directory)) as store:
        fill(store, 1)
        fill(store, 2)
        store.begin(run(3, principal=bob, input=SECRET))
    vault, keys = SqliteVault(directory), envelope(directory)
    assert vault.erase("acme", keys.owner("acme", "user/alice"), time.time_ns())
    with closing(sealed(directory)) as store:
        assert read(store, 1) == read(store, 2) == [b""] * 8
        other = store.one("0003")
        assert other is not None
        assert other.input == SECRET
