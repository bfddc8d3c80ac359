"""Runs in Postgres, shared by all gateways that use the database."""

from collections.abc import Callable
from typing import TypeVar

from antiphon.store.asking_postgres import PostgresAsk
from antiphon.store.postgres_link import Database, Links, PostgresPlace
from antiphon.store.runs_kept import KeptRuns

T = TypeVar("T")


class PostgresLinks:
    """Connections that the threads of one process share, opened when they are needed."""

    def __init__(self, place: PostgresPlace) -> None:
        self._links = Links(place)

    def run(
        self, work: Callable[[PostgresAsk], T], *, writes: bool = False, soft: bool = False, lock: int | None = None
    ) -> T:
        """As `runs_kept.Asking`."""

        def within(database: Database) -> T:
            if soft:
                database.execute("SET LOCAL synchronous_commit TO off")
            if lock is not None:
                database.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
            return work(PostgresAsk(database))

        return self._links.run(within, "written") if writes else self._links.run(within)

    def close(self) -> None:
        self._links.close()


class PostgresRuns(KeptRuns):
    """Any thread may ask."""

    def __init__(self, place: PostgresPlace) -> None:
        """`place` holds a database whose tables are up to date."""
        super().__init__(PostgresLinks(place))
