"""Connections to Postgres: none of them waits for longer than it may."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from msgspec import Struct
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from antiphon.core.error import StoreError
from antiphon.core.secret import Secret
from antiphon.store.postgres_tls import secured, unproven

T = TypeVar("T")
Database = Connection[tuple[Any, ...]]
READ = "read"
NAMED = "antiphon/"
"""What connections are named by in `pg_stat_activity`, with the gateway's name behind it: so it is seen who is connected."""


class PostgresPlace(Struct, frozen=True, kw_only=True):
    """Where the database is, and for how long it is waited for."""

    url: Secret
    """`postgresql://user:password@host:port/database?…`."""
    home: str = ""
    """Names this gateway among those that share the database: lasts as long as its data directory."""
    connections: int = 4
    """Most that readers of one process open."""
    connect_timeout_s: float = 3.0
    statement_timeout_s: float = 10.0
    ca_file: str | None = None
    """PEM file of authorities, in place of the system's."""
    insecure: bool = False
    """A server elsewhere needs no TLS, or need not prove its name."""


def readable(url: str) -> bool:
    """Whether a text is an address of a Postgres. What is wrong with it isn't told, as that may quote the password."""
    try:
        conninfo_to_dict(url)
    except psycopg.Error:
        return False
    return "\0" not in url


def why_open(url: str, *, insecure: bool) -> str:
    """What is wrong with how a readable address says that TLS is to be used; empty: nothing."""
    return unproven(conninfo_to_dict(url), insecure=insecure)


def connect(place: PostgresPlace) -> Database:
    """Open a connection that commits each statement by itself. Raises: StoreError."""
    timeout_ms = int(place.statement_timeout_s * 1000)
    try:
        said = conninfo_to_dict(place.url.reveal())
    except psycopg.Error:  # what it says may quote the password
        raise StoreError(
            "storage.url is no address of a Postgres; write postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None
    said = secured(said, ca_file=place.ca_file, insecure=place.insecure)
    try:
        options = " ".join(
            (
                str(said.get("options") or ""),
                f"-c statement_timeout={timeout_ms}",
                f"-c lock_timeout={timeout_ms}",
                f"-c idle_in_transaction_session_timeout={6 * timeout_ms}",
                "-c timezone=UTC",
            )
        ).strip()
        # A peer that has vanished is noticed too, not only a statement that takes long.
        said |= {
            "options": options,
            "connect_timeout": max(2, round(place.connect_timeout_s)),
            "tcp_user_timeout": timeout_ms,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "application_name": f"{NAMED}{place.home}",
        }
        return psycopg.connect(make_conninfo("", **said), autocommit=True)
    except psycopg.Error as error:
        raise StoreError(f"the database can't be reached: {_reason(error)}") from error


class Link:
    """One connection, opened when it is needed and again when it broke. One thread at a time uses it."""

    def __init__(self, place: PostgresPlace) -> None:
        self.place = place
        self._turn = threading.Lock()
        self._db: Database | None = None

    def run(self, work: Callable[[Database], T], what: str) -> T:
        """Do something in one transaction. Raises: StoreError, with what can't be done."""
        with self._turn:
            if self._db is None or self._db.closed:
                self._db = connect(self.place)
            database = self._db
            try:
                with database.transaction():
                    return work(database)
            except psycopg.Error as error:
                if database.closed or database.broken or isinstance(error, psycopg.OperationalError):
                    self._let_go()
                raise StoreError(f"the database can't be {what}: {_reason(error)}") from error
            except BaseException:
                if database.broken:
                    self._let_go()
                raise

    @property
    def opened(self) -> bool:
        """A connection is kept."""
        return self._db is not None

    def _let_go(self) -> None:
        database, self._db = self._db, None
        if database is not None:
            database.close()

    def close(self) -> None:
        with self._turn:
            self._let_go()


class Links:
    """Connections that the threads of one process share."""

    def __init__(self, place: PostgresPlace) -> None:
        self._place = place
        self._free: list[Link] = []
        self._room = threading.BoundedSemaphore(place.connections)
        self._turn = threading.Lock()

    @contextmanager
    def taken(self) -> Generator[Link]:
        """A connection for as long as it is used. Raises: StoreError, when none gets free in time."""
        if not self._room.acquire(timeout=self._place.statement_timeout_s):
            raise StoreError(
                f"all {self._place.connections} connections to the database are taken; raise storage.postgres.connections"
            )
        try:
            with self._turn:
                link = self._free.pop() if self._free else Link(self._place)
            try:
                yield link
            finally:
                with self._turn:
                    self._free.append(link)
        finally:
            self._room.release()

    def run(self, work: Callable[[Database], T], what: str = READ) -> T:
        """As `Link.run`, on a connection that is free.

        What only reads is done once more where a connection that was kept turns out to be broken: the database may have
        been away and be back.
        """
        with self.taken() as link:
            kept = link.opened
            try:
                return link.run(work, what)
            except StoreError:
                if what != READ or not kept or link.opened:
                    raise
                return link.run(work, what)

    def close(self) -> None:
        with self._turn:
            for link in self._free:
                link.close()
            self._free.clear()


def _reason(error: psycopg.Error) -> str:
    """What the database says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
