"""How far days were exported: the exporter's process notes it, and the shipper's drops nothing that comes later."""

from datetime import UTC, date, datetime
from pathlib import Path

FILE = "exported"
"""In the data directory: the first day that is not exported, as 2026-11-26."""


def note(data: Path, day: date) -> None:
    """All days before this one are exported. Raises: OSError."""
    fresh = data / f"{FILE}.new"
    fresh.write_text(day.isoformat(), encoding="ascii")
    fresh.rename(data / FILE)


def until_ns(data: Path) -> int:
    """When the first day begins that is not exported; 0: it is not known that any was. Raises: OSError, ValueError."""
    path = data / FILE
    if not path.exists():
        return 0
    day = date.fromisoformat(path.read_text("ascii").strip())
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
