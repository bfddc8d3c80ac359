"""A journal's file: a ring of records, mapped into memory, which the shipper empties while its process fills it.

    bytes 0-7     what it is
    bytes 8-15    room: bytes of the ring
    bytes 16-23   written: bytes that were ever written to it
    bytes 24-31   shipped: how many of them are in the database
    from 4096     the ring

Little endian. A position counts all bytes before it; it stands at `position % room`. No record is broken
over the ring's end: what is left there is skipped.

All of it is allocated at once, so that a full disk is met when a segment is begun and never amid a record.
"""

import fcntl
import mmap
import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from antiphon.core.error import StoreError
from antiphon.metering.frames import LEAST_BYTES, PREFIX, PREFIX_BYTES, Frame, Kind, frame, frames

MAGIC = int.from_bytes(b"antiphn1", "little")
RING_AT = 4096
ROOM, WRITTEN, SHIPPED = 1, 2, 3
"""Numbers of the header, eight bytes each."""
_HEADER_BYTES = 32
_SCRUBBED = frozenset({Kind.KEPT, Kind.KEYS, Kind.CAPTURED})
"""What may be erased later, and then must stand nowhere."""
_TRIES = 100


class Header(Struct, frozen=True, gc=False):
    """What a segment says of itself."""

    room: int
    written: int
    shipped: int


class Segment:
    """A segment that this process alone writes; it holds a lock on it while it lives."""

    def __init__(self, path: Path, room_bytes: int) -> None:
        """Raises: OSError, when there is no room on the disk."""
        self._room = room_bytes
        self._written = 0
        self._free_to = 0
        """There is surely room up to this position; looked up anew only beyond it."""
        self.file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(self.file, 0, RING_AT + room_bytes)
            self._map = mmap.mmap(self.file, RING_AT + room_bytes)
        except OSError:
            os.close(self.file)
            path.unlink()  # what the disk gave of it is needed to empty the journal
            raise
        self._numbers = memoryview(self._map)[:_HEADER_BYTES].cast("Q")
        self._numbers[0], self._numbers[ROOM] = MAGIC, room_bytes
        self._kept: deque[tuple[int, int]] = deque()
        """Where records that may be erased begin and end, as long as they stand here."""

    def append(self, kind: Kind, receipt_id: str, payload: bytes) -> bool:
        """Write a record. It counts, for whoever reads, once all of it stands. Returns: False when there is no room."""
        size = PREFIX_BYTES + LEAST_BYTES + len(payload)
        at, room = self._written, self._room
        offset = at % room
        if offset + size > room:
            at += room - offset
            offset = 0
        end = at + size
        if end > self._free_to and not self._reaches(end):
            return False
        offset += RING_AT
        self._map[offset : offset + size] = frame(kind, receipt_id, payload, at)
        self._written = self._numbers[WRITTEN] = end
        if kind in _SCRUBBED:
            self._kept.append((at, end))
        return True

    def _reaches(self, end: int) -> bool:
        """Whether there is room up to a position, by what the shipper has taken meanwhile."""
        self._free_to = self._numbers[SHIPPED] + self._room
        return end <= self._free_to

    def scrub(self) -> None:
        """Overwrite what may be erased once the database has it: what is deleted there must not go on standing here.

        Whoever read from before the place that is shipped sees so, and reads again from there on.
        """
        shipped = self._numbers[SHIPPED]
        while self._kept and self._kept[0][1] <= shipped:
            at, end = self._kept.popleft()
            if at + self._room >= self._written:  # else other records stand there by now
                offset = RING_AT + at % self._room + PREFIX_BYTES + LEAST_BYTES
                size = end - at - PREFIX_BYTES - LEAST_BYTES
                self._map[offset : offset + size] = bytes(size)

    def sync(self) -> None:
        """Wait until the disk has what was written. Raises: OSError."""
        os.fdatasync(self.file)

    def close(self) -> None:
        """Let go of it: then it is the shipper's."""
        self._numbers.release()
        self._map.close()
        os.close(self.file)


def is_locked(path: Path) -> bool:
    """Whether a living process holds a file: the writer of a segment does until it is done with it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def header(path: Path) -> Header:
    """A segment's header; of one that was never begun a header that says so. Raises: FileNotFoundError."""
    with opened(path) as file:
        return header_of(file)


@contextmanager
def opened(path: Path) -> Generator[int]:
    """A segment opened for reading."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def header_of(file: int) -> Header:
    """The same of an open one."""
    data = os.pread(file, _HEADER_BYTES, 0)
    if len(data) < _HEADER_BYTES or int.from_bytes(data[:8], "little") != MAGIC:
        return Header(0, 0, 0)
    room, written, shipped = (int.from_bytes(data[at : at + 8], "little") for at in (8, 16, 24))
    return Header(room, written, shipped)


def mark_shipped(path: Path, position: int) -> None:
    """Tell the segment's writer that what stands before a position may be overwritten. Raises: OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(handle, position.to_bytes(8, "little"), SHIPPED * 8)
    finally:
        os.close(handle)


def piece(file: int, said: Header, position: int, most_bytes: int) -> tuple[bytes, int]:
    """Bytes from a position on, up to the ring's end: about so many, and the first record whole.

    Returns: the bytes, and the position of the ring's end when the writer has gone beyond it, else -1.
    """
    offset = position % said.room
    lap_end = position - offset + said.room
    end = min(said.written, lap_end)
    if end - position > most_bytes:
        prefix = os.pread(file, PREFIX_BYTES, RING_AT + offset)
        length = PREFIX.unpack(prefix)[0] if len(prefix) == PREFIX_BYTES else 0
        end = min(end, position + max(most_bytes, PREFIX_BYTES + length))
    return os.pread(file, end - position, RING_AT + offset), lap_end if said.written > lap_end else -1


def unshipped(path: Path, position: int) -> Iterator[Frame]:
    """Whole records of a segment from a position on, also of one that is being written and shipped meanwhile.

    Raises: FileNotFoundError, when it has been shipped and is gone; StoreError.
    """
    with opened(path) as file:
        for _ in range(_TRIES):
            found = _read(file, position)
            shipped = header_of(file).shipped
            if shipped <= position:
                yield from found
                return
            position = shipped  # what stood before it may have been written over meanwhile
    raise StoreError("the journal moves on faster than it can be read; ask again")


def _read(file: int, position: int) -> list[Frame]:
    """Everything from a position on, as the file stands now."""
    said = header_of(file)
    found: list[Frame] = []
    while position < said.written:
        data, lap_end = piece(file, said, position, said.room)
        before = len(found)
        found.extend(frames(data, position))
        reached = found[-1].end if len(found) > before else position
        if reached == said.written or lap_end < 0:
            break
        position = lap_end
    return found
