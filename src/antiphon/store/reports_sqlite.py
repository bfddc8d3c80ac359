"""Spend and rows of a time out of the live database: SQLite sums up JSON by itself, and hardly needs Python's lock."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

from antiphon.core.error import StoreError
from antiphon.core.ledger import Posting
from antiphon.core.spend import By, Lines, Question
from antiphon.store.live import Live, span
from antiphon.store.parquet_rows import Row, read
from antiphon.store.reports_sql import free, lines, slow, statement
from antiphon.store.sqlite import BUSY_TIMEOUT_S, FILE

STEPS = 20_000
"""Of SQLite's machine between two looks at the time, which take Python's lock: some tenths of a millisecond."""
_HOUR_NS = 3_600_000_000_000
_OF_BASIS: Mapping[str, str] = {
    "team": "$.principal.team",
    "department": "$.principal.department",
    "user": "$.principal.user",
    "key": "$.principal.key",
    "tags": "$.principal.tags",
    "model": "$.asked",
    "route": "$.plan.route",
    "endpoint": "$.endpoint",
}
"""What many receipts have in common: read once for all."""
_SAID = ", ".join(f"json_extract(said, '{path}') AS \"{name}\"" for name, path in _OF_BASIS.items())
_EITHER = ", ".join(
    f"CASE WHEN receipts.basis IS NULL THEN json_extract(CAST(body AS TEXT), '{path}') ELSE said.\"{name}\" END"
    f' AS "{name}"'
    for name, path in _OF_BASIS.items()
)
_USED = "coalesce(json_extract(tried.value, '$.usage.{0}'), 0) AS {0}"
_WITH = f"""
WITH said AS MATERIALIZED (
    SELECT id, {_SAID} FROM (SELECT id, '{{' || substr(CAST(tail AS TEXT), 2) AS said FROM bases)
), asked AS (
    SELECT receipts.id, receipts.tenant, at_ns, outcome, CAST(body AS TEXT) AS told, {_EITHER}
    FROM receipts LEFT JOIN said ON said.id = receipts.basis
    WHERE receipts.id >= :first AND receipts.id < :last AND at_ns >= :since AND at_ns < :until
    AND outcome <> 'running' AND (:tenant IS NULL OR receipts.tenant = :tenant)
), spent AS (
    SELECT asked.*,
        CASE WHEN coalesce(tried.key, 0) = 0 THEN 1 ELSE 0 END AS first,
        CASE WHEN tried.key IS NULL THEN 0 ELSE 1 END AS tried,
        CASE WHEN json_extract(tried.value, '$.deployment') = json_extract(told, '$.served')
            AND json_extract(tried.value, '$.error') IS NULL THEN 1 ELSE 0 END AS answered,
        json_extract(tried.value, '$.deployment') AS deployment,
        json_extract(tried.value, '$.provider') AS provider,
        json_extract(tried.value, '$.tier') AS tier,
        {_USED.format("input_tokens")}, {_USED.format("output_tokens")}, {_USED.format("cached_tokens")},
        coalesce(json_extract(tried.value, '$.cost_nano_usd'), 0) AS cost,
        CASE WHEN json_extract(tried.value, '$.usage') IS NOT NULL
            AND json_extract(tried.value, '$.cost_nano_usd') IS NULL THEN 1 ELSE 0 END AS unpriced,
        CASE WHEN tried.key IS NOT NULL AND json_extract(tried.value, '$.usage') IS NULL
            AND json_extract(tried.value, '$.cost_nano_usd') IS NULL AND json_extract(tried.value, '$.error') IS NULL
            AND NOT {free("coalesce(asked.endpoint, '')")} THEN 1 ELSE 0 END AS unmeasured,
        CASE WHEN coalesce(json_extract(told, '$.cached'), json_extract(told, '$.shared'), '') <> ''
            THEN 1 ELSE 0 END AS cached,
        coalesce(json_extract(told, '$.saved_nano_usd'), 0) AS saved
    FROM asked LEFT JOIN json_each(told, '$.attempts') AS tried
)
"""  # noqa: S608 - of constants
_KEYS: Mapping[By, str] = {
    **{
        one: f"coalesce(\"{one}\", '')"
        for one in ("tenant", "team", "department", "user", "key", "model", "route", "endpoint", "outcome")
    },
    **{one: f"coalesce({one}, '')" for one in ("deployment", "provider", "tier")},
    **{one: f"coalesce(json_extract(told, '$.lineage.{one}'), '')" for one in ("session", "run", "step")},
    "end_user": "coalesce(json_extract(told, '$.user'), '')",
    "tag": "coalesce(tag, '')",
    "day": f"at_ns / {24 * _HOUR_NS}",
    "hour": f"at_ns / {_HOUR_NS}",
}


class SqliteSpending(Live):
    """What the database in a data directory says. Any thread may ask."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def sums(self, question: Question, timeout_s: float) -> Lines:
        source = "spent"
        if "tag" in question.by:
            source = "(SELECT spent.*, tag.value AS tag FROM spent LEFT JOIN json_each(coalesce(tags, '[]')) AS tag)"
        text = _WITH + statement(source, _KEYS, question)
        given = {**span(question.since_ns, question.until_ns), "tenant": question.tenant}
        with self._reading(timeout_s) as database:
            return Lines(lines=[]) if database is None else lines(database.execute(text, given), question)

    def rows(self, since_ns: int, until_ns: int) -> Generator[Row]:
        text = (
            "SELECT CASE WHEN tail IS NULL THEN CAST(body AS TEXT)"
            " ELSE substr(CAST(body AS TEXT), 1, length(CAST(body AS TEXT)) - 1) || CAST(tail AS TEXT) END"
            " FROM receipts LEFT JOIN bases ON bases.id = receipts.basis WHERE receipts.id >= :first"
            " AND receipts.id < :last AND at_ns >= :since AND at_ns < :until AND outcome <> 'running'"
            " ORDER BY receipts.id"
        )
        with self._reading(None) as database:
            if database is not None:
                yield from (read(json) for (json,) in database.execute(text, span(since_ns, until_ns)))

    def running(self, since_ns: int, until_ns: int) -> int:
        text = (
            "SELECT count(*) FROM receipts WHERE id >= :first AND id < :last AND at_ns >= :since AND at_ns < :until"
            " AND outcome = 'running'"
        )
        with self._reading(None) as database:
            return 0 if database is None else int(database.execute(text, span(since_ns, until_ns)).fetchone()[0])

    def oldest_ns(self) -> int | None:
        with self._reading(None) as database:
            found = None if database is None else database.execute("SELECT at_ns FROM receipts ORDER BY id LIMIT 1")
            row = None if found is None else found.fetchone()
            return None if row is None else int(row[0])

    def entries(self, since_ns: int, until_ns: int) -> Generator[Posting]:
        names = Posting.__struct_fields__
        text = f"SELECT {', '.join(names)} FROM ledger WHERE at_ns >= ? AND at_ns < ? ORDER BY at_ns, id"  # noqa: S608
        with self._reading(None) as database:
            if database is not None:
                found = database.execute(text, (since_ns, until_ns))
                yield from (Posting(**dict(zip(names, row, strict=True))) for row in found)

    @contextmanager
    def _reading(self, timeout_s: float | None) -> Generator[sqlite3.Connection | None]:
        """A connection that is cut off when the time is over; None: there is no database yet."""
        if not self._path.exists():
            yield None
            return
        end_s = None if timeout_s is None else monotonic() + timeout_s
        try:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)) as database:
                if end_s is not None:
                    database.set_progress_handler(partial(_is_over, end_s), STEPS)
                yield database
        except sqlite3.Error as error:
            if end_s is not None and monotonic() >= end_s:
                raise slow(timeout_s) from error
            raise StoreError(f"the database {FILE} can't be read: {error}") from error


def _is_over(end_s: float) -> bool:
    """Asked amid a statement: True ends it."""
    return monotonic() >= end_s
