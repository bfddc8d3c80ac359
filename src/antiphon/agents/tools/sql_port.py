"""What tools need of a database."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from msgspec import Struct

from antiphon.agents.tools.text import json_size


class Asking(Struct, frozen=True, kw_only=True):
    """One statement, and what it may take."""

    sql: str
    """With `:NAME` for values."""
    values: Mapping[str, Any]
    write: bool
    rows: int
    result_bytes: int
    limit_s: float
    free: bool = False
    """A model wrote it: no superuser runs it, who could read the server's files."""
    stop: threading.Event
    """Set by whoever no longer waits."""


class Rows(Struct, frozen=True, kw_only=True):
    """What came of it."""

    columns: Sequence[str] = ()
    """Empty where there are no rows, and the database doesn't say."""
    rows: Sequence[Sequence[Any]] = ()
    more: bool = False
    changed: int | None = None
    """How many rows it changed; None: it gives rows."""


class SqlPlace(ABC):
    """A database. Methods block; each call has a connection of its own, so that none leaves anything to the next."""

    @abstractmethod
    def ask(self, asking: Asking) -> Rows:
        """Raises: ToolFailed."""

    @abstractmethod
    def tables(self, limit_s: float) -> dict[str, list[str]]:
        """Columns with their types, by table. Raises: ToolFailed."""


def taken(columns: Sequence[str], rows: Iterable[Sequence[Any]], asking: Asking) -> Rows:
    """Rows as far as they may come back, as JSON has them."""
    kept: list[list[Any]] = []
    size = 0
    for row in rows:
        plain = [as_json(one) for one in row]
        size += json_size(plain)
        if len(kept) == asking.rows or size > asking.result_bytes or asking.stop.is_set():
            return Rows(columns=_told_apart(columns), rows=kept, more=True)
        kept.append(plain)
    return Rows(columns=_told_apart(columns), rows=kept)


def _told_apart(columns: Sequence[str]) -> list[str]:
    """Names of columns, each once."""
    out: list[str] = []
    for name in columns:
        out.append(name if name not in out else f"{name}_{len(out) + 1}")
    return out


_SIMPLE = (type(None), bool, int, float, str)
_WRITTEN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Decimal, str),
    (datetime, datetime.isoformat),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, lambda value: value.total_seconds()),
    ((bytes, memoryview, bytearray), lambda value: f"({len(value)} bytes)"),
)


def as_json(value: Any) -> Any:
    """A value of a database as JSON: exact numbers and times as texts, bytes by their length."""
    if isinstance(value, _SIMPLE):
        return value
    if isinstance(value, list | tuple):
        return [as_json(one) for one in cast("Sequence[Any]", value)]
    if isinstance(value, dict):
        return {str(name): as_json(one) for name, one in cast("dict[Any, Any]", value).items()}
    for kind, write in _WRITTEN:
        if isinstance(value, kind):
            return write(value)
    return str(value)
