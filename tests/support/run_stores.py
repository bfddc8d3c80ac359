"""Runs for tests of what keeps them, and the stores themselves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread

import psycopg
import pytest
from msgspec.structs import replace
from servers import Postgres

from antiphon.agents.sealed import SealedRuns
from antiphon.core.principal import Principal
from antiphon.core.run import Mail, Run
from antiphon.core.run_store import RunStore
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.postgres_link import PostgresPlace
from antiphon.store.runs_postgres import PostgresRuns
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.schema_runs import FORWARD
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.local import LocalSealer

ALICE = Principal(tenant="acme", key="k", user="alice", roles=("caller",))


def run(number: int, **more: object) -> Run:
    said = {"id": f"{number:04}", "tenant": "acme", "agent": "clerk", "version": "1", "principal": ALICE}
    made = Run(**{**said, "created_ns": number, "input": b"\x00in", **more})  # type: ignore[arg-type]
    return made if made.root else replace(made, root=made.id)


def mail(number: int, to: int, kind: str = "answer", **more: object) -> Mail:
    said = {"id": f"m{number}", "run": f"{to:04}", "tenant": "acme", "kind": kind, "at_ns": number, "by": "user/bob"}
    return Mail(**{**said, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run_place(postgres: Postgres) -> PostgresPlace:
    """A database whose tables are there."""
    place = postgres.place()
    PostgresDatabase(place).close()
    return place


@pytest.fixture(params=["sqlite", "postgres", "sealed"], name="store")
def run_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunStore]:
    if request.param == "postgres":
        place: PostgresPlace = request.getfixturevalue("run_place")
        emptied(place)
        made: RunStore = PostgresRuns(place)
    else:
        SqliteDatabase(tmp_path).close()
        made = SqliteRuns(tmp_path)
        if request.param == "sealed":
            made = SealedRuns(made, LocalSealer(tmp_path / "local.key"))
    yield made
    made.close()


def emptied(place: PostgresPlace) -> None:
    """Leave no run, and nothing of one."""
    tables = [f'"{line.split()[2]}"' for line in FORWARD.splitlines() if line.startswith("CREATE TABLE")]
    with psycopg.connect(place.url.reveal(), autocommit=True) as database:
        for table in tables:
            database.execute(f"DELETE FROM {table}".encode())


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """What each of so many threads gave, that begin together."""
    at, given = Barrier(count), [None] * count

    def one(number: int) -> None:
        at.wait()
        given[number] = work(number)  # type: ignore[call-overload]

    threads = [Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(given)
