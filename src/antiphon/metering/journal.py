"""Writes what happens to a file before it can be lost; a shipper carries it into the store."""

import contextlib
import fcntl
import os
from collections import deque
from pathlib import Path

import msgspec

from antiphon.core.error import StoreError
from antiphon.core.ports import Journal
from antiphon.core.receipt import Told
from antiphon.metering.frames import Kind, frame

SEGMENT_BYTES = 67_108_864
"""A new file is begun when this is reached, so that shipped ones can be deleted."""
SUFFIX = ".journal"
UNLOCKED = ".new"
MAX_OWED = 10_000
"""Most receipts that wait in memory for a journal that can't be written; the oldest goes first."""


class FileJournal(Journal):
    """Appends to a segment that this process alone writes, and holds a lock on it while it lives.

    One `write` a record: what the operating system has taken survives the death of the process.
    With `fsync` it survives the death of the machine too.
    """

    def __init__(self, directory: Path, name: str, *, fsync: bool = False, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory
        self._name = name
        self._fsync = fsync
        self._segment_bytes = segment_bytes
        self._number = 0
        self._size = 0
        self._file = -1
        self._owed: deque[bytes] = deque(maxlen=MAX_OWED)
        self._encode = msgspec.json.Encoder().encode
        self._begin_segment()

    def opened(self, told: Told, tail: bytes = b"}") -> None:
        self._append(frame(Kind.OPENED, told.id, self._encode(told)[:-1] + tail))

    def closed(self, told: Told, tail: bytes = b"}") -> None:
        self._append(frame(Kind.CLOSED, told.id, self._encode(told)[:-1] + tail))

    def owe(self, told: Told, tail: bytes = b"}") -> None:
        self._owed.append(frame(Kind.CLOSED, told.id, self._encode(told)[:-1] + tail))

    def captured(self, receipt_id: str, tenant: str, sealed: bytes) -> None:
        self._append(frame(Kind.CONTENT, receipt_id, tenant.encode() + b"\0" + sealed))

    def close(self) -> None:
        """Write what is owed, if that can be, and let go of the segment."""
        if self._file >= 0:
            with contextlib.suppress(StoreError):
                self._settle()
            os.close(self._file)
            self._file = -1

    def _append(self, record: bytes) -> None:
        if self._owed:
            self._settle()
        self._write(record)

    def _settle(self) -> None:
        while self._owed:
            self._write(self._owed[0])
            self._owed.popleft()

    def _write(self, record: bytes) -> None:
        try:
            written = os.write(self._file, record)
            if written != len(record):
                os.ftruncate(self._file, self._size)
                raise StoreError(f"the journal took {written} of {len(record)} bytes; is the disk full?")
            self._size += written
            if self._fsync:
                os.fdatasync(self._file)
        except OSError as error:
            raise StoreError(
                f"the journal can't be written: {error.strerror}; make room in {self._directory}"
            ) from error
        if self._size >= self._segment_bytes:
            with contextlib.suppress(StoreError):
                self._begin_segment()

    def _begin_segment(self) -> None:
        """Open the next file before the last one is let go of, so that a reader sees an unbroken row.

        It gets its name once it is locked: until then the shipper would take it for one that is done with.
        """
        path = self._directory / f"{self._name}-{self._number + 1:06d}{SUFFIX}"
        unlocked = path.with_suffix(UNLOCKED)
        try:
            fresh = os.open(unlocked, os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
                unlocked.rename(path)
                if self._fsync:
                    _sync(self._directory)
            except OSError:
                os.close(fresh)
                raise
        except OSError as error:
            raise StoreError(f"no journal can be begun at {path.name}: {error.strerror}") from error
        if self._file >= 0:
            os.close(self._file)
        self._file = fresh
        self._number += 1
        self._size = 0


def _sync(directory: Path) -> None:
    """Have the disk know the names in a directory."""
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def tidy(directory: Path) -> None:
    """Remove the empty files of processes that died before their segment had a name. No writer may live."""
    for path in directory.glob(f"*{UNLOCKED}"):
        path.unlink()


def is_written(path: Path) -> bool:
    """Whether a living process still writes this segment."""
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
