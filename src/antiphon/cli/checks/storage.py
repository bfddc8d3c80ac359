"""The data directory: can it be written, is there room, does the journal move on."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from antiphon.app.places import Places, owned
from antiphon.app.stores import Stores
from antiphon.cli import text
from antiphon.cli.checks.finding import Finding, note, ok, wrong
from antiphon.core.error import StoreError
from antiphon.metering.journal import SUFFIX
from antiphon.metering.segment import header, is_locked

LEAST_BYTES = 268_435_456
"""Free space below this is wrong: it is gone within minutes once the database can't be written."""
FEW_BYTES = 2_147_483_648
BEHIND_BYTES = 67_108_864
"""A shipper that works is never so far behind."""
START = "start the gateway: it takes them over"


class Journal(Struct, frozen=True, kw_only=True):
    """What is not in the database yet."""

    segments: int
    orphans: int
    """Segments that no living process writes."""
    behind_bytes: int


def storage(places: Places, stores: Stores) -> Iterator[Finding]:
    """Findings of the directory, its space, its key and its journal."""
    about = "data directory"
    there = _nearest(places.data)
    if not there.is_dir():
        yield wrong(about, f"{there} is no directory", "give storage.dir another place")
        return
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        yield wrong(
            about, f"{there} can't be written by this user", "mend its owner, or give storage.dir another place"
        )
        return
    made = "" if places.data.exists() else ", made at the first start"
    yield ok(about, f"{places.data}{made}")
    yield _space(there)
    if places.key.exists():
        yield _key(places.key)
    if places.journal.is_dir():
        yield from _journal(places, stores)


def _nearest(directory: Path) -> Path:
    """The directory, or what is there of the way to it."""
    return next(path for path in (directory, *directory.parents) if path.exists())


def _space(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    found = f"{text.size(free)} free"
    remedy = "make room: receipts and journal grow with every request"
    if free < LEAST_BYTES:
        return wrong("disk space", found, remedy)
    return note("disk space", found, remedy) if free < FEW_BYTES else ok("disk space", found)


def _key(key: Path) -> Finding:
    about = "local key"
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o077:
        return wrong(about, f"others may read {key} (mode {mode:o})", f"chmod 600 {key}")
    return ok(about, f"{key.name}, readable by its owner alone")


def _journal(places: Places, stores: Stores) -> Iterator[Finding]:
    about = "journal"
    try:
        found = look(places, stores)
    except (StoreError, OSError) as error:
        yield wrong(about, f"can't be read: {error}", "run the doctor as the user who runs the gateway")
        return
    said = f"{text.counted(found.segments, 'segment')}, {text.size(found.behind_bytes)} not in the database yet"
    if owned(places.data):
        if found.behind_bytes > BEHIND_BYTES:
            yield wrong(about, said, "look for journal.not_shipped in the gateway's log")
        else:
            yield ok(about, said)
    elif found.behind_bytes:
        yield note(about, f"{said}, and no gateway runs", START)
    elif found.orphans:
        yield note(about, f"{text.counted(found.orphans, 'segment')} left by a gateway that has ended", START)
    else:
        yield ok(about, said)


def look(places: Places, stores: Stores) -> Journal:
    """Measure the journal. Raises: StoreError, OSError."""
    positions = stores.reader().positions()
    sizes: dict[str, int] = {}
    orphans = 0
    for path in places.journal.glob(f"*{SUFFIX}"):
        try:
            sizes[path.name] = header(path).written
        except FileNotFoundError:
            continue
        orphans += not is_locked(path)
    behind = sum(max(size - positions.get(name, 0), 0) for name, size in sizes.items())
    return Journal(segments=len(sizes), orphans=orphans, behind_bytes=behind)
