"""Spend over a time for somebody to look at: what it came to, day by day, and by whom and what."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from antiphon.control.sight import Sight
from antiphon.control.spend_forecast import DAY_NS, LOOK_BACK_DAYS, Forecast, forecast, window
from antiphon.core.error import BadRequest
from antiphon.core.spend import By, Question, Spending, Sums

TIMES = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
"""Days of each time that can be asked for."""
USUAL = "7d"
HOUR_NS = 3_600_000_000_000
MOST_LINES = 20
MOST_READ = 10_000
TABLES: tuple[By, ...] = ("model", "deployment", "team", "key")


class Share(Struct, frozen=True, kw_only=True):
    """The sums of one value of a dimension. Empty: those that have none."""

    value: str
    sums: Sums


class Table(Struct, frozen=True, kw_only=True):
    """By one dimension, the dearest first."""

    by: By
    lines: tuple[Share, ...]
    cut: bool
    """There are more."""


class Board(Struct, frozen=True, kw_only=True):
    """What is shown."""

    time: str
    unit: str
    """`hour` or `day`: of each point."""
    points: tuple[tuple[int, Sums], ...]
    """(seconds since the epoch, sums), those without any included."""
    total: Sums
    tables: tuple[Table, ...]
    since_ns: int
    until_ns: int
    forecast: Forecast | None
    """Of the month in UTC."""


def board(spending: Spending, time: str, tenant: str, sight: Sight, now_ns: int, timeout_s: float) -> Board:
    """Blocks on files. Raises: BadRequest, NotAllowed, StoreError, Unavailable."""
    sight.need("read")
    if time not in TIMES:
        raise BadRequest(f"time: write one of {', '.join(TIMES)}", param="time")
    unit: By = "hour" if TIMES[time] == 1 else "day"
    step_ns = HOUR_NS if unit == "hour" else DAY_NS
    until_ns = (now_ns // step_ns + 1) * step_ns
    since_ns = until_ns - TIMES[time] * DAY_NS
    asking = _Asking(spending, sight, sight.tenant or tenant or None, timeout_s)
    points = asking.sums(unit, since_ns, until_ns)
    return Board(
        time=time,
        unit=unit,
        points=tuple(_filled(points, since_ns, until_ns, step_ns)),
        total=sum(points.values(), Sums()),
        tables=tuple(_table(by, asking.sums(by, since_ns, until_ns)) for by in TABLES),
        since_ns=since_ns,
        until_ns=until_ns,
        forecast=_forecast(asking, now_ns),
    )


class _Asking:
    """Asks for what somebody may see: of one team alone where it is theirs."""

    def __init__(self, spending: Spending, sight: Sight, tenant: str | None, timeout_s: float) -> None:
        self._spending = spending
        self._team = sight.team
        self._tenant = tenant
        self._timeout_s = timeout_s

    def sums(self, by: By, since_ns: int, until_ns: int) -> dict[str, Sums]:
        """By value, the dearest first."""
        dimensions: tuple[By, ...] = (by,) if self._team is None or by == "team" else ("team", by)
        question = Question(by=dimensions, since_ns=since_ns, until_ns=until_ns, tenant=self._tenant, most=MOST_READ)
        lines = self._spending.sums(question, self._timeout_s).lines
        return {line.values[-1]: line.sums for line in lines if self._team is None or line.values[0] == self._team}


def _table(by: By, found: dict[str, Sums]) -> Table:
    lines = tuple(Share(value=value, sums=sums) for value, sums in list(found.items())[:MOST_LINES])
    return Table(by=by, lines=lines, cut=len(found) > MOST_LINES)


def _filled(found: dict[str, Sums], since_ns: int, until_ns: int, step_ns: int) -> Iterable[tuple[int, Sums]]:
    known: defaultdict[int, Sums] = defaultdict(Sums)
    for text, sums in found.items():
        known[int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())] = sums
    for at_ns in range(since_ns, until_ns, step_ns):
        at_s = at_ns // 1_000_000_000
        yield at_s, known[at_s]


def _forecast(asking: _Asking, now_ns: int) -> Forecast | None:
    since_ns, until_ns = window(now_ns, now_ns, now_ns)
    today_ns = now_ns // DAY_NS * DAY_NS
    back = asking.sums("day", today_ns - LOOK_BACK_DAYS * DAY_NS, today_ns)
    days = {datetime.fromisoformat(text).date(): sums.cost_nano_usd for text, sums in back.items()}
    spent = sum(sums.cost_nano_usd for sums in asking.sums("day", since_ns, now_ns).values())
    return forecast(spent, days, now_ns, since_ns, until_ns)
