"""Whether every released answer has its receipt, read from the store of a gateway that was stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .load import Outcome

FILE = "antiphon.db"


@dataclass(frozen=True)
class Receipts:
    stored: int
    missing: int  # released answers without one
    unfinished: int  # stored as still running


def compare(outcomes: Iterable[Outcome], stored: dict[str, str]) -> Receipts:
    """Compare answers with receipts, by id and outcome. An answer that names none is missing its own."""
    released = [one for one in outcomes if one.receipt or one.kind != "error"]
    missing = sum(one.receipt not in stored for one in released)
    return Receipts(len(stored), missing, sum(outcome == "running" for outcome in stored.values()))


def stored(directory: Path) -> dict[str, str]:
    """Id and outcome of each receipt under a data directory."""
    file = next(directory.rglob(FILE), None)
    if file is None:
        return {}
    with closing(sqlite3.connect(file)) as database:
        return dict(database.execute("SELECT id, outcome FROM receipts").fetchall())
