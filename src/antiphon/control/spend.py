"""The spend report: sums, what one request costs, where the month will end, and which hours were strange."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct
from msgspec.structs import asdict, replace

from antiphon.control.spend_anomalies import LOOK_BACK_HOURS, Anomaly, anomalies, by_scope
from antiphon.control.spend_asked import Asked, question
from antiphon.control.spend_forecast import DAY_NS, LOOK_BACK_DAYS, Forecast, forecast, said, window
from antiphon.core.principal import Principal
from antiphon.core.spend import OF_TRIES, By, Line, Lines, Question, Spending, Sums

HOUR_NS = 3_600_000_000_000
MOST_HOURS = 200_000
"""Scopes times hours that anomalies are looked for in."""
TIMES: frozenset[By] = frozenset(("day", "hour"))


class Report(Struct, frozen=True, kw_only=True):
    """What is answered. Money is in nano-dollars: 10⁻⁹ USD. `cost` never holds what is not known: see `unpriced`."""

    since: str
    until: str
    by: tuple[By, ...]
    tenant: str | None
    lines: list[dict[str, object]]
    total: dict[str, object]
    cut: bool
    """Lines were left out, those that cost least; they are in the total."""
    forecast: Forecast | None = None
    forecast_lacks: str = ""
    """Why there is none, where one was asked for."""
    anomalies: list[Anomaly] | None = None
    anomalies_cut: bool = False


def report(
    spending: Spending, asked: Asked, principal: Principal | None, now_ns: int, timeout_s: float, *, most: int = 10_000
) -> Report:
    """Sum up. Blocks on files: ask from a thread.

    Args:
        principal: Who asks; None: whoever can read the data directory.
    Raises: BadRequest, NotAllowed, StoreError, Unavailable.
    """
    wanted = replace(question(asked, principal, now_ns), most=most)
    found = spending.sums(wanted, timeout_s)
    told, lacks = _forecast(spending, wanted, now_ns, timeout_s) if asked.forecast else (None, "")
    strange, more = _anomalies(spending, wanted, now_ns, timeout_s) if asked.anomalies else (None, False)
    return Report(
        since=said(wanted.since_ns),
        until=said(wanted.until_ns),
        by=wanted.by,
        tenant=wanted.tenant,
        lines=[_line(wanted.by, line) for line in found.lines],
        total=numbers(_total(spending, wanted, found, timeout_s)),
        cut=found.cut,
        forecast=told,
        forecast_lacks=lacks,
        anomalies=strange,
        anomalies_cut=more,
    )


def numbers(sums: Sums) -> dict[str, object]:
    """Sums, and what one request costs. Money is null where no request's cost is known."""
    unknown = sums.unpriced_requests + sums.unmeasured_requests
    nothing = unknown > 0 and sums.cost_nano_usd == 0
    return {
        **asdict(sums),
        "cost_nano_usd": None if nothing else sums.cost_nano_usd,
        "cost_per_request_nano_usd": None if nothing else _each(sums.cost_nano_usd, sums.requests - unknown),
        "cost_per_success_nano_usd": None if nothing else _each(sums.cost_nano_usd, sums.succeeded - unknown),
    }


def _each(money: int, count: int) -> int | None:
    """Of the requests whose cost is known, rounded."""
    return (2 * money + count) // (2 * count) if count > 0 else None


def _line(by: tuple[By, ...], line: Line) -> dict[str, object]:
    return {**dict(zip(by, line.values, strict=True)), **numbers(line.sums)}


def _total(spending: Spending, wanted: Question, found: Lines, timeout_s: float) -> Sums:
    """Of all lines; asked for by itself where they leave a request out, or have one twice."""
    if found.cut or "tag" in wanted.by or not OF_TRIES.isdisjoint(wanted.by):
        whole = spending.sums(replace(wanted, by=()), timeout_s).lines
        return whole[0].sums if whole else Sums()
    return sum((line.sums for line in found.lines), Sums())


def _forecast(spending: Spending, wanted: Question, now_ns: int, timeout_s: float) -> tuple[Forecast | None, str]:
    since_ns, until_ns = window(now_ns, wanted.until_ns, wanted.since_ns)
    today_ns = now_ns // DAY_NS * DAY_NS
    back = replace(wanted, by=("day",), since_ns=today_ns - LOOK_BACK_DAYS * DAY_NS, until_ns=today_ns)
    days = {
        date.fromisoformat(line.values[0]): line.sums.cost_nano_usd for line in spending.sums(back, timeout_s).lines
    }
    spent = spending.sums(replace(wanted, by=(), since_ns=since_ns, until_ns=now_ns), timeout_s).lines
    told = forecast(spent[0].sums.cost_nano_usd if spent else 0, days, now_ns, since_ns, until_ns)
    return told, "" if told else "fewer than 3 whole days are known"


def _anomalies(spending: Spending, wanted: Question, now_ns: int, timeout_s: float) -> tuple[list[Anomaly], bool]:
    scopes = tuple(one for one in wanted.by if one not in TIMES)
    until_hour = min(wanted.until_ns, now_ns) // HOUR_NS
    since_hour = -(-wanted.since_ns // HOUR_NS)
    back = replace(
        wanted,
        by=(*scopes, "hour"),
        since_ns=max(since_hour - LOOK_BACK_HOURS, 0) * HOUR_NS,
        until_ns=until_hour * HOUR_NS,
        most=MOST_HOURS,
    )
    if back.until_ns <= back.since_ns:
        return [], False
    found = spending.sums(back, timeout_s)
    strange, more = anomalies(scopes, by_scope(_rows(found)), since_hour, until_hour)
    return strange, more or found.cut


def _rows(found: Lines) -> Iterator[tuple[tuple[str, ...], str, int]]:
    return ((line.values[:-1], line.values[-1], line.sums.cost_nano_usd) for line in found.lines)
