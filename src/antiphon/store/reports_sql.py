"""The statement that sums up spend, for any database that offers the columns named here.

One row of its source is one attempt of a request, or a request without any. Columns: `id`, `outcome`, `first` (1 in one
row of each request), `answered` (1 where the attempt's answer was released), `tried`, `input_tokens`, `output_tokens`,
`cached_tokens`, `cost`, `unpriced`, `unmeasured`, `cached`, `saved`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from antiphon.core.error import Unavailable
from antiphon.core.spend import OF_TRIES, By, Line, Lines, Question, Sums
from antiphon.store.parquet_rows import FREE_ENDS, FREE_STARTS

_COUNTED = """
    sum({counts}),
    sum(CASE WHEN outcome = 'ok' THEN {counts} ELSE 0 END),
    sum(CASE WHEN outcome IN ('failed', 'refused', 'interrupted') THEN {counts} ELSE 0 END),
    sum(tried),
    sum(input_tokens),
    sum(output_tokens),
    sum(cached_tokens),
    sum(cost),
    count(DISTINCT CASE WHEN unpriced = 1 THEN id END),
    sum(CASE WHEN unpriced = 1 THEN input_tokens + output_tokens ELSE 0 END),
    count(DISTINCT CASE WHEN unmeasured = 1 THEN id END),
    sum(CASE WHEN {counts} = 1 THEN cached ELSE 0 END),
    sum(CASE WHEN {counts} = 1 THEN saved ELSE 0 END)
"""
"""In the order of the fields of `Sums`."""
COST_PLACE = Sums.__struct_fields__.index("cost_nano_usd")


def of_tries(question: Question) -> bool:
    """Whether it is summed by what each attempt has of its own."""
    return not OF_TRIES.isdisjoint(question.by)


def statement(source: str, keys: Mapping[By, str], question: Question, sums: str = "") -> str:
    """Sums by group, the dearest first; one line more than is wanted shows that there are more.

    Args:
        source: What stands behind `FROM`.
        keys: What each group is called there.
        sums: In place of the usual ones.
    """
    counts = "answered" if of_tries(question) else "first"
    groups = "".join(f"{keys[one]}, " for one in question.by)
    wanted = sums or _COUNTED.format(counts=counts)
    grouped = f" GROUP BY {', '.join(str(place) for place in range(1, len(question.by) + 1))}" if question.by else ""
    cost = len(question.by) + COST_PLACE + 1
    return f"SELECT {groups}{wanted} FROM {source}{grouped} ORDER BY {cost} DESC LIMIT {question.most + 1}"  # noqa: S608


def free(endpoint: str) -> str:
    """A condition: what is called there uses nothing that is paid for."""
    starts = (f"{endpoint} LIKE '{start}%'" for start in FREE_STARTS)
    ends = (f"{endpoint} LIKE '%{end}'" for end in FREE_ENDS)
    return f"({' OR '.join((*starts, *ends))})"


def lines(rows: Iterable[Sequence[object]], question: Question) -> Lines:
    """What the statement answered."""
    width = len(question.by)
    found = [
        Line(
            values=tuple(_text(one, value) for one, value in zip(question.by, row, strict=False)),
            sums=Sums(**dict(zip(Sums.__struct_fields__, map(_whole, row[width:]), strict=True))),
        )
        for row in rows
    ]
    kept = [line for line in found if line.sums != _NOTHING]
    return Lines(lines=kept[: question.most], cut=len(kept) > question.most)


def slow(timeout_s: float | None) -> Unavailable:
    """The answer to a question that took too long."""
    return Unavailable(
        f"the report took more than {timeout_s or 0:g} s; ask for a shorter time, or export days to Parquet",
        code="report_timeout",
    )


def _text(one: By, value: object) -> str:
    """`2026-11-26` for a day, `2026-11-26T13:00Z` for an hour: they come as numbers since the epoch."""
    match one:
        case "day" | "hour" if isinstance(value, int):
            hours = value * 24 if one == "day" else value
            at = datetime.fromtimestamp(hours * 3600, UTC)
            return f"{at:%Y-%m-%d}" if one == "day" else f"{at:%Y-%m-%dT%H:00Z}"
        case _:
            return "" if value is None else str(value)


def _whole(value: object) -> int:
    """Sums are numerics in Postgres."""
    return int(value) if isinstance(value, int | Decimal) else 0


_NOTHING = Sums()
