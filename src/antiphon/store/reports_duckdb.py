"""Spend out of Parquet files, summed up by DuckDB."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Timer
from typing import Any

from antiphon.core.error import StoreError
from antiphon.core.spend import By, Lines, Question, Spending
from antiphon.store.libraries import library
from antiphon.store.parquet_place import Place
from antiphon.store.reports_sql import free, lines, of_tries, slow, statement

PURPOSE = "reports from Parquet"
_BOUNDS: Mapping[str, str] = {"autoinstall_known_extensions": "false", "memory_limit": "2GB", "temp_directory": ""}
"""Nothing is fetched, and nothing is put on the disk: a report that needs more memory fails."""
_TEXTS: tuple[By, ...] = (
    *("tenant", "team", "department", "user", "end_user", "key", "model", "route", "endpoint", "outcome"),
    *("session", "run", "step", "deployment", "provider", "tier"),
)  # fmt: skip
_KEYS: Mapping[By, str] = {
    **{one: f"coalesce(\"{one}\", '')" for one in _TEXTS},
    "tag": "coalesce(tag, '')",
    "day": "epoch_us(received_at) // 86400000000",
    "hour": "epoch_us(received_at) // 3600000000",
}
_RECEIPT_SUMS = """
    count(*),
    count(*) FILTER (outcome = 'ok'),
    count(*) FILTER (outcome IN ('failed', 'refused', 'interrupted')),
    sum(attempt_count),
    sum(input_tokens),
    sum(output_tokens),
    sum(cached_tokens),
    coalesce(sum(spent_nano_usd), 0),
    count(*) FILTER (unpriced),
    coalesce(sum(unpriced_tokens), 0),
    count(*) FILTER (unmeasured),
    count(*) FILTER (cached),
    coalesce(sum(saved_nano_usd), 0)
"""
_PLAIN = "attempt_count = 1 AND deployment <> '' AND error = ''"
"""One attempt that answered: all that it has of its own stands in columns, which are read far faster than lists."""
_SHARED = (
    'id, tenant, team, department, "user", end_user, key, tags, model, route, endpoint, outcome, session, run, step'
)
_OF_TRIES = f"""(
    SELECT {_SHARED}, received_at, deployment, provider, tier, 1 AS tried, 1 AS answered, input_tokens, output_tokens,
        cached_tokens, coalesce(spent_nano_usd, 0) AS cost, CASE WHEN unpriced THEN 1 ELSE 0 END AS unpriced,
        CASE WHEN unmeasured THEN 1 ELSE 0 END AS unmeasured, CASE WHEN cached THEN 1 ELSE 0 END AS cached,
        saved_nano_usd AS saved
    FROM chosen WHERE {_PLAIN}
    UNION ALL
    SELECT {_SHARED}, received_at, coalesce(try.deployment, '') AS deployment, coalesce(try.provider, '') AS provider,
        coalesce(try.tier, '') AS tier, CASE WHEN try IS NULL THEN 0 ELSE 1 END AS tried,
        CASE WHEN try.deployment = served AND try.error = '' THEN 1 ELSE 0 END AS answered,
        coalesce(try.input_tokens, 0) AS input_tokens, coalesce(try.output_tokens, 0) AS output_tokens,
        coalesce(try.cached_tokens, 0) AS cached_tokens, coalesce(try.cost_nano_usd, 0) AS cost,
        CASE WHEN try.input_tokens IS NOT NULL AND try.cost_nano_usd IS NULL THEN 1 ELSE 0 END AS unpriced,
        CASE WHEN try IS NOT NULL AND try.input_tokens IS NULL AND try.cost_nano_usd IS NULL AND try.error = ''
            AND NOT {free("endpoint")} THEN 1 ELSE 0 END AS unmeasured,
        CASE WHEN cached THEN 1 ELSE 0 END AS cached, saved_nano_usd AS saved
    FROM (
        SELECT * RENAME (deployment AS served), unnest(CASE WHEN len(attempts) = 0 THEN [NULL] ELSE attempts END) AS try
        FROM chosen WHERE NOT ({_PLAIN})
    )
) AS tries"""  # noqa: S608 - of constants


class ParquetSpending(Spending):
    """What the files of a place say, all of them or some."""

    def __init__(self, place: Place, files: Sequence[str] | None = None) -> None:
        self._place = place
        self._files = files

    def sums(self, question: Question, timeout_s: float) -> Lines:
        files = self._chosen(question)
        if not files:
            return Lines(lines=[])
        plain = not of_tries(question)
        source = "chosen" if plain else _OF_TRIES
        if "tag" in question.by:
            untagged = "CASE WHEN len(tags) = 0 THEN [''] ELSE tags END"
            source = f"(SELECT *, unnest({untagged}) AS tag FROM {source}) AS tagged"  # noqa: S608
        text = statement(source, _KEYS, question, _RECEIPT_SUMS if plain else "")
        where, given = _where(question)
        with self._connected(files, timeout_s) as database:
            chosen = f"WITH chosen AS (SELECT * FROM files WHERE {where}) "  # noqa: S608
            return lines(database.execute(chosen + text, given).fetchall(), question)

    def _chosen(self, question: Question) -> list[str]:
        """Files of the days that are asked for."""
        since, until = (_moment(at_ns).date() for at_ns in (question.since_ns, question.until_ns - 1))
        days = self._place.files("receipts")
        wanted = days if self._files is None else {path: days[path] for path in self._files if path in days}
        return [path for path, day in wanted.items() if since <= day <= until]

    @contextmanager
    def _connected(self, files: list[str], timeout_s: float) -> Generator[Any]:
        """A database whose `files` are the rows of all files; cut off when the time is over."""
        duckdb = library("duckdb", "reports", PURPOSE)
        over = Event()
        database = duckdb.connect(":memory:", config=_BOUNDS)

        def cut() -> None:
            over.set()
            database.interrupt()

        timer = Timer(timeout_s, cut)
        timer.daemon = True
        timer.start()
        try:
            database.execute("SET TimeZone = 'UTC'")
            if self._place.remote:
                dataset = library("pyarrow.dataset", "reports", PURPOSE)
                system, _ = self._place.system()
                database.register("files", dataset.dataset(files, format="parquet", filesystem=system))
            else:
                listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
                database.execute(f"CREATE VIEW files AS FROM read_parquet([{listed}], union_by_name = true)")
            yield database
        except duckdb.Error as error:
            if over.is_set():
                raise slow(timeout_s) from error
            raise StoreError(f"the Parquet files can't be read: {str(error).partition(chr(10))[0]}") from error
        finally:
            timer.cancel()
            database.close()


def _where(question: Question) -> tuple[str, list[object]]:
    where = "received_at >= ? AND received_at < ?"
    given: list[object] = [_moment(question.since_ns), _moment(question.until_ns)]
    return (where, given) if question.tenant is None else (f"{where} AND tenant = ?", [*given, question.tenant])


def _moment(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).replace(microsecond=at_ns // 1000 % 1_000_000)
