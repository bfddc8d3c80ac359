"""A spend report as a table, and as comma-separated values."""

import csv
import io
from collections.abc import Iterator, Mapping

from antiphon.cli import text
from antiphon.cli.terminal import bold
from antiphon.control.spend import Report
from antiphon.core.money import NANO_PER_USD, NanoUsd, as_usd
from antiphon.core.spend import OF_TRIES

COUNTS = {
    "requests": "requests",
    "succeeded": "ok",
    "failed": "failed",
    "attempts": "attempts",
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
}
MONEY = {
    "cost_nano_usd": "cost",
    "cost_per_request_nano_usd": "a request",
    "cost_per_success_nano_usd": "a success",
}
ASIDE = {
    "unpriced_requests": "unpriced",
    "unmeasured_requests": "no usage",
    "cache_hits": "cache hits",
    "saved_nano_usd": "saved",
}
"""Shown where they are not 0."""
NONE = "-"


def page(found: Report) -> list[str]:
    """Lines for people."""
    shown = {name: title for name, title in ASIDE.items() if found.total[name]}
    titles = {**COUNTS, **MONEY, **shown}
    rows = [[*(str(line[one]) or NONE for one in found.by), *_cells(line, titles)] for line in found.lines]
    if found.by:
        rows.append([*("total" if not place else "" for place in range(len(found.by))), *_cells(found.total, titles)])
    else:
        rows = [_cells(found.total, titles)]
    of = f", tenant {found.tenant}" if found.tenant else ""
    lines = [bold(f"Spend from {found.since} to {found.until}{of}"), *text.table(rows, [*found.by, *titles.values()])]
    if found.cut:
        lines.append("Lines that cost less are left out; the total has them. --lines shows more.")
    if not OF_TRIES.isdisjoint(found.by):
        lines.append("Requests that no upstream answered are in the total alone.")
    if "tag" in found.by:
        lines.append("A request with several tags is in the line of each, and once in the total.")
    return [*lines, *_told(found), *_strange(found)]


def comma_separated(found: Report) -> str:
    """One line for each group, and no total; money in US dollars."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name in found.total if name != "by"]
    writer.writerow([*found.by, *(name.replace("_nano_usd", "_usd") for name in names)])
    for line in found.lines:
        writer.writerow([*(line[one] for one in found.by), *(_plain(name, line[name]) for name in names)])
    return out.getvalue()


def _plain(name: str, value: object) -> object:
    if not name.endswith("_nano_usd"):
        return value
    return as_usd(NanoUsd(value)) if isinstance(value, int) else ""


def _cells(line: Mapping[str, object], titles: Mapping[str, str]) -> list[str]:
    return [_cell(name, line[name]) for name in titles]


def _cell(name: str, value: object) -> str:
    if not isinstance(value, int):
        return NONE
    return _dollars(value) if name.endswith("_nano_usd") else f"{value:,}"


def _dollars(nano_usd: int) -> str:
    """`$1234.57`, `$0.0123`: to the cent from a dollar on, to a hundredth of one below; exact where it is less."""
    step = 10_000_000 if nano_usd >= NANO_PER_USD else 100_000
    return text.dollars((nano_usd + step // 2) // step * step if nano_usd >= step else nano_usd)


def _told(found: Report) -> Iterator[str]:
    told = found.forecast
    if found.forecast_lacks:
        yield f"No forecast: {found.forecast_lacks}."
    if told is not None:
        yield ""
        yield bold(f"From {told.since} to {told.until}")
        yield from text.table(
            [
                ["spent so far", _dollars(told.spent_nano_usd)],
                ["expected at the end", _dollars(told.expected_nano_usd)],
                ["8 times out of 10", f"{_dollars(told.low_nano_usd)} to {_dollars(told.high_nano_usd)}"],
                ["told by", told.method],
            ]
        )


def _strange(found: Report) -> Iterator[str]:
    if found.anomalies is None:
        return
    yield ""
    if not found.anomalies:
        yield "No hour was far from what such hours cost."
        return
    yield bold("Hours far from what such hours cost")
    rows = [
        [
            one.hour,
            ", ".join(f"{name} {value or NONE}" for name, value in one.scope.items()) or "all",
            _dollars(one.seen_nano_usd),
            _dollars(one.expected_nano_usd),
            f"{one.score:g}",
            one.compared_with,
        ]
        for one in found.anomalies
    ]
    yield from text.table(rows, ["hour", "of", "seen", "expected", "score", "compared with"])
    if found.anomalies_cut:
        yield "There are more; the farthest off are shown."
