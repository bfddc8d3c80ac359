"""Postgres as tools' database. psycopg is asked for when one is used: extra `postgres`."""

import threading
from importlib import import_module
from typing import Any

from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.sql_port import Asking, Rows, SqlPlace, taken
from antiphon.agents.tools.sql_words import dollars
from antiphon.core.error import BadRequest, StoreError
from antiphon.core.secret import Secret

_TABLES = """
    SELECT table_schema || '.' || table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, ordinal_position
"""
_LOOK_S = 0.05
"""How often it is looked whether anybody still waits."""


class PostgresSql(SqlPlace):
    """One server's database, as one user."""

    def __init__(self, url: str, *, ca_file: str | None = None, insecure: bool = False) -> None:
        """Raises: BadRequest."""
        try:
            self._driver: Any = import_module("psycopg")
            self._link: Any = import_module("antiphon.store.postgres_link")
        except ImportError:
            raise BadRequest("psycopg isn't installed; run: pip install 'antiphon[postgres]'") from None
        if not self._link.readable(url):
            raise BadRequest("sql.url is no address of a Postgres; write postgresql://USER:PASSWORD@HOST/DATABASE")
        why = self._link.why_open(url, insecure=insecure)
        if why:
            raise BadRequest(f"sql.url: {why}")
        self._url, self._ca_file, self._insecure = Secret(url), ca_file, insecure

    def ask(self, asking: Asking) -> Rows:
        driver = self._driver
        database = self._connected(asking.limit_s)
        over = threading.Event()
        watching = threading.Thread(target=_watch, args=(database, asking.stop, over), daemon=True)
        watching.start()
        try:
            if asking.free and database.info.parameter_status("is_superuser") != "off":
                raise ToolFailed(
                    "refused", "The tool's database user is a superuser; it needs one with the least rights."
                )
            database.autocommit = False
            database.read_only = not asking.write
            with driver.RawCursor(database) as cursor:
                rows = self._rows(cursor, asking)
            if asking.write:
                database.commit()
            else:
                database.rollback()
            return rows
        except driver.Error as error:
            raise _failure(error, asking) from error
        finally:
            over.set()
            watching.join()
            database.close()

    def _rows(self, cursor: Any, asking: Asking) -> Rows:
        """Rows as they come: what is too much is never fetched. The extended protocol takes one statement alone."""
        names = list(asking.values)
        sql, values = dollars(asking.sql, names), [asking.values[name] for name in names]
        if asking.write:
            cursor.execute(sql, values, prepare=True)
            if cursor.description is None:
                return Rows(changed=cursor.rowcount)
            return taken([one.name for one in cursor.description], cursor, asking)
        stream = cursor.stream(sql, values)
        try:
            first = next(stream, None)
            columns = [one.name for one in cursor.description or ()]
            return taken(columns, _with(first, stream), asking)
        finally:
            stream.close()

    def tables(self, limit_s: float) -> dict[str, list[str]]:
        asking = Asking(
            sql=_TABLES,
            values={},
            write=False,
            rows=5000,
            result_bytes=1_048_576,
            limit_s=limit_s,
            stop=threading.Event(),
        )
        found: dict[str, list[str]] = {}
        for table, column, kind in self.ask(asking).rows:
            found.setdefault(str(table).removeprefix("public."), []).append(f"{column} {kind}")
        return found

    def _connected(self, limit_s: float) -> Any:
        place = self._link.PostgresPlace(
            url=self._url,
            home="tools",
            connect_timeout_s=min(limit_s, 5.0),
            statement_timeout_s=max(limit_s, 0.001),
            ca_file=self._ca_file,
            insecure=self._insecure,
        )
        try:
            return self._link.connect(place)
        except StoreError as error:
            raise ToolFailed(
                "unavailable", f"The database can't be reached: {error.message}", retryable=True
            ) from error


def _with(first: Any, rest: Any) -> Any:
    if first is not None:
        yield first
        yield from rest


def _watch(database: Any, stop: threading.Event, over: threading.Event) -> None:
    """Cancel the statement as soon as nobody waits for it any more."""
    while not over.wait(_LOOK_S):
        if stop.is_set():
            database.cancel()
            return


def _failure(error: Any, asking: Asking) -> ToolFailed:
    state, said = error.sqlstate or "", str(error).strip().splitlines()[0] if str(error).strip() else "it broke off"
    if state == "57014":
        return ToolFailed("timeout", f"The statement took longer than {asking.limit_s:.3g} s; narrow it.")
    if state in {"25006", "42501"}:
        return ToolFailed("refused", f"The database refuses it: {said}")
    if not state or state[:2] in {"08", "53", "57"}:
        return ToolFailed("unavailable", f"The database broke off: {said}", retryable=True, unknown=asking.write)
    if state in {"40001", "40P01"}:
        return ToolFailed("unavailable", f"The database asks to try again: {said}", retryable=True)
    return ToolFailed("failed", f"The database says: {said}")
