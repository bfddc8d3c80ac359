"""Spend and rows of a time out of Postgres, which sums up JSON by itself."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, TypeVar

import psycopg
from msgspec.structs import replace
from psycopg.errors import QueryCanceled

from antiphon.core.error import StoreError
from antiphon.core.ledger import Posting
from antiphon.core.spend import By, Lines, Question
from antiphon.store.live import Live, span
from antiphon.store.parquet_rows import Row, read
from antiphon.store.postgres_link import Database, PostgresPlace, connect
from antiphon.store.reports_sql import free, lines, slow, statement

T = TypeVar("T")
PAGE_ROWS = 5_000
PAGE_S = 60.0
"""For each page of rows that is exported."""
_HOUR_NS = 3_600_000_000_000
_OF_BASIS: Mapping[str, str] = {
    "team": "{principal,team}",
    "department": "{principal,department}",
    "user": "{principal,user}",
    "key": "{principal,key}",
    "tags": "{principal,tags}",
    "model": "{asked}",
    "route": "{plan,route}",
    "endpoint": "{endpoint}",
}
"""What many receipts have in common: read once for all."""


def _json(text: str) -> str:
    r"""A text as JSON. It can't hold `\u0000` there, which a caller may have sent: that is left out."""
    cleaned = rf"regexp_replace({text}, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')"
    return rf"(CASE WHEN position('\u0000' IN {text}) > 0 THEN {cleaned} ELSE {text} END)::jsonb"


_SAID = ", ".join(f"said #>> '{path}' AS \"{name}\"" for name, path in _OF_BASIS.items())
_EITHER = ", ".join(
    f'CASE WHEN receipts.basis IS NULL THEN told #>> \'{path}\' ELSE said."{name}" END AS "{name}"'
    for name, path in _OF_BASIS.items()
)
_USED = "coalesce((tried.value #>> '{{usage,{0}}}')::bigint, 0) AS {0}"
_UNPRICED = "tried.value ->> 'cost_nano_usd' IS NULL"
_WITH = f"""
WITH bodies AS MATERIALIZED (
    SELECT receipts.id, receipts.tenant, at_ns, outcome, basis, {_json("convert_from(body, 'UTF8')")} AS told
    FROM receipts
    WHERE receipts.id >= %(first)s AND receipts.id < %(last)s AND at_ns >= %(since)s AND at_ns < %(until)s
    AND outcome <> 'running' AND (%(tenant)s::text IS NULL OR receipts.tenant = %(tenant)s)
), said AS MATERIALIZED (
    SELECT id, {_SAID} FROM (
        SELECT id, {_json("('{' || substr(convert_from(tail, 'UTF8'), 2))")} AS said FROM bases
        WHERE id IN (SELECT basis FROM bodies)
    ) AS tails
), asked AS (
    SELECT receipts.id, receipts.tenant, at_ns, outcome, told, {_EITHER}
    FROM bodies AS receipts LEFT JOIN said ON said.id = receipts.basis
), spent AS (
    SELECT asked.*,
        CASE WHEN coalesce(tried.place, 1) = 1 THEN 1 ELSE 0 END AS first,
        CASE WHEN tried.place IS NULL THEN 0 ELSE 1 END AS tried,
        CASE WHEN tried.value ->> 'deployment' = told ->> 'served' AND tried.value ->> 'error' IS NULL
            THEN 1 ELSE 0 END AS answered,
        tried.value ->> 'deployment' AS deployment,
        tried.value ->> 'provider' AS provider,
        tried.value ->> 'tier' AS tier,
        {_USED.format("input_tokens")}, {_USED.format("output_tokens")}, {_USED.format("cached_tokens")},
        coalesce((tried.value ->> 'cost_nano_usd')::bigint, 0) AS cost,
        CASE WHEN tried.value -> 'usage' IS NOT NULL AND {_UNPRICED} THEN 1 ELSE 0 END AS unpriced,
        CASE WHEN tried.place IS NOT NULL AND tried.value -> 'usage' IS NULL AND {_UNPRICED}
            AND tried.value ->> 'error' IS NULL
            AND NOT {free("coalesce(asked.endpoint, '')").replace("%", "%%")} THEN 1 ELSE 0 END AS unmeasured,
        CASE WHEN coalesce(told ->> 'cached', told ->> 'shared', '') <> '' THEN 1 ELSE 0 END AS cached,
        coalesce((told ->> 'saved_nano_usd')::bigint, 0) AS saved
    FROM asked LEFT JOIN LATERAL jsonb_array_elements(told -> 'attempts') WITH ORDINALITY AS tried(value, place) ON true
)
"""  # noqa: S608 - of constants
_KEYS: Mapping[By, str] = {
    **{
        one: f"coalesce(\"{one}\", '')"
        for one in ("tenant", "team", "department", "user", "key", "model", "route", "endpoint", "outcome")
    },
    **{one: f"coalesce({one}, '')" for one in ("deployment", "provider", "tier")},
    **{one: f"coalesce(told #>> '{{lineage,{one}}}', '')" for one in ("session", "run", "step")},
    "end_user": "coalesce(told ->> 'user', '')",
    "tag": "coalesce(tag, '')",
    "day": f"at_ns / {24 * _HOUR_NS}",
    "hour": f"at_ns / {_HOUR_NS}",
}
_TAGGED = (
    "(SELECT spent.*, tag FROM spent LEFT JOIN LATERAL jsonb_array_elements_text(coalesce(tags, '[]')::jsonb) AS tag"
    " ON true) AS tagged"
)
_WITHIN = "id >= %(first)s AND id < %(last)s AND at_ns >= %(since)s AND at_ns < %(until)s"
_PAGE = (
    "SELECT receipts.id, CASE WHEN tail IS NULL THEN body ELSE substr(body, 1, length(body) - 1) || tail END"  # noqa: S608 - of constants
    " FROM receipts LEFT JOIN bases ON bases.id = receipts.basis WHERE receipts.id > %(behind)s"
    " AND receipts.id < %(last)s AND at_ns >= %(since)s AND at_ns < %(until)s AND outcome <> 'running'"
    f" ORDER BY receipts.id LIMIT {PAGE_ROWS}"
)
_NAMES = Posting.__struct_fields__
_ENTRIES = (
    f"SELECT {', '.join(_NAMES)} FROM ledger WHERE (at_ns, id) > (%(at)s, %(behind)s) AND at_ns < %(until)s"  # noqa: S608
    f" ORDER BY at_ns, id LIMIT {PAGE_ROWS}"
)


class PostgresSpending(Live):
    """What the database that gateways share says of all of them."""

    def __init__(self, place: PostgresPlace) -> None:
        self._place = place

    def sums(self, question: Question, timeout_s: float) -> Lines:
        text = _WITH + statement(_TAGGED if "tag" in question.by else "spent", _KEYS, question)
        given = {**span(question.since_ns, question.until_ns), "tenant": question.tenant}
        return self._ask(lambda database: lines(_all(database, text, given), question), timeout_s)

    def rows(self, since_ns: int, until_ns: int) -> Iterator[Row]:
        given = span(since_ns, until_ns)
        given["behind"] = given["first"]
        while found := self._rows(_PAGE, given):
            yield from (read(body) for _, body in found)
            given["behind"] = found[-1][0]

    def running(self, since_ns: int, until_ns: int) -> int:
        text = f"SELECT count(*) FROM receipts WHERE {_WITHIN} AND outcome = 'running'"  # noqa: S608
        return int(self._rows(text, span(since_ns, until_ns))[0][0])

    def oldest_ns(self) -> int | None:
        found = self._rows("SELECT at_ns FROM receipts ORDER BY id LIMIT 1", {})
        return int(found[0][0]) if found else None

    def entries(self, since_ns: int, until_ns: int) -> Iterator[Posting]:
        at: dict[str, Any] = {"at": since_ns - 1, "behind": "\U0010ffff", "until": until_ns}
        while found := self._rows(_ENTRIES, at):
            for row in found:
                yield Posting(**dict(zip(_NAMES, row, strict=True)))
            at |= {"at": found[-1][_NAMES.index("at_ns")], "behind": found[-1][0]}

    def _rows(self, text: str, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._ask(lambda database: _all(database, text, given), PAGE_S)

    def _ask(self, ask: Callable[[Database], T], timeout_s: float) -> T:
        """On a connection of its own, whose statements end when the time is over."""
        with closing(connect(replace(self._place, statement_timeout_s=timeout_s))) as database:
            try:
                return ask(database)
            except QueryCanceled as error:
                raise slow(timeout_s) from error
            except psycopg.Error as error:
                raise StoreError(f"the database can't be read: {' '.join(str(error).split())}") from error


def _all(database: Database, text: str, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return database.execute(text.encode(), given, binary=True).fetchall()
