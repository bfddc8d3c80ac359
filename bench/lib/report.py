"""Writing a run's result: a JSON file, a markdown twin, and the table on the terminal."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .machine import machine, versions
from .row import Row
from .settings import Settings, without_paths


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a result is about."""

    date: str
    machine: dict[str, object]
    versions: dict[str, str]
    command: str
    gateway: str


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _row_json(row: Row) -> dict[str, object]:
    return {**asdict(row), "passed": row.passed}


def _result(row: Row) -> str:
    if row.faults:
        return "**invalid**"
    if row.passed is None:
        return "no target"
    if row.value is None:
        return "**not measured**"
    return "pass" if row.passed else "**FAIL**"


def _table(rows: list[Row]) -> list[str]:
    lines = ["| row | measure | value | target | result |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        value = "not measured" if row.value is None else _number(row.value)
        target = f"{row.target.bound} {row.target.value:g}" if row.target else "none"
        lines.append(f"| {row.title} | {row.measure} | {value} | {target} | {_result(row)} |")
    return lines


def _figures(rows: list[Row]) -> list[str]:
    lines = ["| row | subject | figures |", "| --- | --- | --- |"]
    for row in rows:
        for subject, figures in row.figures.items():
            text = ", ".join(f"{name} {_number(value)}" for name, value in figures.items())
            lines.append(f"| {row.name} | {subject} | {text} |")
    return lines


def _words(row: Row) -> list[str]:
    """A table of what was seen, where figures don't tell."""
    if not row.words:
        return []
    subjects = list(next(iter(row.words.values())))
    lines = [f"| {row.title} | {' | '.join(subjects)} |", "| --- |" + " --- |" * len(subjects)]
    lines += [f"| {what} | {' | '.join(said.values())} |" for what, said in row.words.items()]
    return [*lines, ""]


def _remarks(rows: list[Row]) -> list[str]:
    return [f"- {row.name}: {text}" for row in rows for text in row.faults + row.notes]


def _command_line(settings: Settings) -> str:
    return without_paths(shlex.join(["python", *sys.argv]).replace(str(settings.output), "RESULTS"))


def _list(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _markdown(head: Head, rows: list[Row], method: str) -> str:
    lines = [f"# Bench result of {head.date}", ""]
    lines += [f"- machine: {_list(head.machine)}", f"- versions: {_list(head.versions)}"]
    lines += [f"- command: `{head.command}`", f"- gateway: `{head.gateway}`", ""]
    lines += [method, "", *_table(rows), "", *_figures(rows), ""]
    lines += [line for row in rows for line in _words(row)] + _remarks(rows)
    return "\n".join(lines).rstrip() + "\n"


def write(settings: Settings, kind: str, rows: list[Row], method: str, **facts: object) -> Path:
    """Write `<date>-<kind>.json` and `.md`, print the table. Returns: the markdown's path."""
    now = datetime.now(UTC)
    if settings.stand_in:
        kind += "-stand-in"
    gateway = "a second nginx" if settings.stand_in else without_paths(settings.gateway_command)
    head = Head(
        date=now.isoformat(timespec="seconds"),
        machine=machine(),
        versions=versions(),
        command=_command_line(settings),
        gateway=gateway,
    )
    report = {
        **asdict(head),
        **facts,
        "method": method,
        "rows": [_row_json(row) for row in rows],
    }
    stem = settings.output / f"{now.date().isoformat()}-{kind}"
    settings.output.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    text = _markdown(head, rows, method)
    stem.with_suffix(".md").write_text(text)
    print(text)
    return stem.with_suffix(".md")
