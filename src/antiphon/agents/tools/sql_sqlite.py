"""SQLite files as tools' databases."""

import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.sql_port import Asking, Rows, SqlPlace, taken

_STEPS = 2000
"""Of SQLite's virtual machine between two looks at the time: well under a millisecond."""
_DENIED = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})
_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"})
_VALUE_BYTES = 16_777_216


class SqliteSql(SqlPlace):
    """One file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, asking: Asking) -> Rows:
        values = {name: _bound(name, value) for name, value in asking.values.items()}
        with self._opened(asking) as database:
            try:
                cursor = database.execute(asking.sql, values)
                if cursor.description is None:
                    database.commit()
                    return Rows(changed=cursor.rowcount)
                rows = taken([str(one[0]) for one in cursor.description], cursor, asking)
                cursor.close()
                database.commit()
                return rows
            except sqlite3.Error as error:
                raise _failure(error, asking) from error

    def tables(self, limit_s: float) -> dict[str, list[str]]:
        asking = _asking_tables(limit_s)
        rows = self.ask(asking)
        found: dict[str, list[str]] = {}
        for table, column, kind in rows.rows:
            found.setdefault(str(table), []).append(f"{column} {kind}".strip())
        return found

    @contextmanager
    def _opened(self, asking: Asking) -> Generator[sqlite3.Connection]:
        mode = "rw" if asking.write else "ro"
        until_s = time.monotonic() + asking.limit_s
        try:
            address = f"file:{quote(str(self._path.absolute()))}?mode={mode}"
            database = sqlite3.connect(address, uri=True, timeout=min(asking.limit_s, 5.0))
        except sqlite3.Error as error:
            raise ToolFailed("unavailable", f"The database can't be opened: {error}", retryable=True) from error
        try:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE_BYTES)
            if not asking.write:
                database.execute("PRAGMA query_only = 1")
            database.set_authorizer(_authorized)
            database.set_progress_handler(lambda: asking.stop.is_set() or time.monotonic() > until_s, _STEPS)
            yield database
        except sqlite3.Error as error:
            raise _failure(error, asking) from error
        finally:
            database.close()


def _authorized(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """No other files, and of pragmas those that describe tables."""
    if action in _DENIED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in _PRAGMAS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() == "load_extension":
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _bound(name: str, value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise ToolFailed("invalid_arguments", f"`{name}` is too large for the database.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ToolFailed("invalid_arguments", f"`{name}` has to be a text, a number, true, false or null.")


def _failure(error: sqlite3.Error, asking: Asking) -> ToolFailed:
    said = str(error)
    if "interrupted" in said:
        return ToolFailed("timeout", f"The statement took longer than {asking.limit_s:.3g} s; narrow it.")
    if "locked" in said or "busy" in said:
        return ToolFailed("unavailable", "The database is locked by another.", retryable=True)
    if "readonly" in said or "not authorized" in said or "prohibited" in said:
        return ToolFailed("refused", f"The database refuses it: {said}")
    return ToolFailed("failed", f"The database says: {said}")


def _asking_tables(limit_s: float) -> Asking:
    sql = (
        "SELECT m.name, p.name, p.type FROM sqlite_schema m JOIN pragma_table_info(m.name) p "
        "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.cid"
    )
    return Asking(
        sql=sql, values={}, write=False, rows=5000, result_bytes=1_048_576, limit_s=limit_s, stop=threading.Event()
    )
