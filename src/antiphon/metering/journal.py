"""Writes what happens to a file before it can be lost; a shipper carries it into the store."""

import contextlib
import os
import time
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from antiphon.core.audit import Event
from antiphon.core.error import StoreError
from antiphon.core.kept import Entry
from antiphon.core.ledger import Holds
from antiphon.core.ports import Journal
from antiphon.core.receipt import Told
from antiphon.core.score import Score
from antiphon.core.vault_store import Content, DataKey
from antiphon.metering.frames import BASIS_CHARACTERS, LEAST_BYTES, MAX_FRAME_BYTES, PREFIX_BYTES, Kind
from antiphon.metering.segment import Segment
from antiphon.store.settings import JOURNAL_BYTES
from antiphon.vault.sealed import owner_of

SUFFIX = ".journal"
NO_ID = "0" * BASIS_CHARACTERS
"""Of a record that is found by what is in it."""
UNLOCKED = ".new"
MAX_OWED = 10_000
"""Most receipts that wait in memory for a journal that can't be written; the oldest goes first."""
MAX_BASES = 4096
"""Bases that are remembered as written; those that come again after that are written again, which does no harm."""
MAX_HOLDS = 16_384
"""The same of holds."""
REMEMBER_S = 86_400.0
"""For how long both are remembered."""
_Record = tuple[Kind, str, bytes]
_OPENED, _CLOSED = Kind.OPENED, Kind.CLOSED
"""Names of their own: members are looked up slowly on their class."""


class FileJournal(Journal):
    """Writes to a segment of its own, and to a next one when the shipper has not made room in it.

    What stands in a mapped file survives the death of the process. With `fsync` it survives the death of the
    machine too.
    """

    def __init__(self, directory: Path, name: str, *, fsync: bool = False, segment_bytes: int = JOURNAL_BYTES) -> None:
        self._directory = directory
        self._name = name
        self._fsync = fsync
        self._segment_bytes = segment_bytes
        self._number = 0
        self._owed: deque[_Record] = deque(maxlen=MAX_OWED)
        self._bases: dict[bytes, bytes] = {}
        self._holds: set[str] = set()
        self._since_s = time.monotonic()
        self._encode = msgspec.json.Encoder().encode
        self._pack = msgspec.msgpack.Encoder().encode
        self._segment: Segment | None = None
        self._closed = False
        with contextlib.suppress(StoreError):  # the first record tries again, and its caller is told
            self._begin_segment(0)

    def opened(self, told: Told, tail: bytes = b"}") -> None:
        self._append(_OPENED, told.id, (self._bases.get(tail) or self._basis(tail)) + self._encode(told))

    def closed(self, told: Told, tail: bytes = b"}") -> None:
        self._append(_CLOSED, told.id, (self._bases.get(tail) or self._basis(tail)) + self._encode(told))

    def owe(self, told: Told, tail: bytes = b"}") -> None:
        self._owed.append((Kind.CLOSED, told.id, self._encode(told)[:-1] + tail))

    def _basis(self, tail: bytes) -> bytes:
        """How a record names what it has in common with many; that is written once, before the first of them."""
        if tail == b"}":
            return b""
        basis = sha256(tail).hexdigest()[:BASIS_CHARACTERS]
        self._append(Kind.BASIS, basis, tail)
        if len(self._bases) >= MAX_BASES:
            self._bases.clear()
        self._bases[tail] = named = basis.encode()
        return named

    def held(self, holds: Holds) -> None:
        """Write once which accounts records name by the id of these holds; before the first of them.

        Raises: StoreError, and then no ticket that holds on them may be used.
        """
        if holds.id not in self._holds:
            self._append(Kind.HOLDS, holds.id, self._pack(holds.accounts))
            if len(self._holds) >= MAX_HOLDS:
                self._holds.clear()
            self._holds.add(holds.id)

    def captured(self, receipt_id: str, tenant: str, sealed: bytes, *, until_ns: int = 0) -> None:
        said = Content(receipt_id, tenant, sealed, owner_of(sealed), until_ns)
        self._append(Kind.CAPTURED, receipt_id, self._pack(said))

    def note(self, event: Event) -> None:
        """Note an event for auditors. Raises: StoreError."""
        self._append(Kind.AUDIT, NO_ID, self._pack(event))

    def key(self, key: DataKey) -> None:
        """Write a data key, before anything is sealed by it. Raises: StoreError."""
        self._append(Kind.KEYS, NO_ID, self._pack(key))

    def keep(self, entries: Sequence[Entry]) -> None:
        """Write entries as one record, so that all of them stand or none. Raises: StoreError."""
        self._append(Kind.KEPT, entries[0].key, self._pack(entries))

    def score(self, scores: Sequence[Score]) -> None:
        """Write scores as one record. Raises: StoreError."""
        self._append(Kind.SCORES, scores[0].receipt, self._pack(scores))

    def scrub(self) -> None:
        """Overwrite what callers had kept, as far as the database has it, and once a day say anew what records name: what
        was said long ago may be dropped from the database. Called now and then.
        """
        if self._segment is not None:
            self._segment.scrub()
        if time.monotonic() - self._since_s > REMEMBER_S:
            self._since_s = time.monotonic()
            self._bases.clear()
            self._holds.clear()

    def close(self) -> None:
        """Write what is owed, if that can be, and let go of the segment."""
        if not self._closed:
            with contextlib.suppress(StoreError):
                self._settle()
            self._closed = True
            self._let_go()

    def _let_go(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _append(self, kind: Kind, receipt_id: str, payload: bytes) -> None:
        if self._owed:
            self._settle()
        segment = self._segment
        if segment is None or self._fsync or not segment.append(kind, receipt_id, payload):
            self._write(kind, receipt_id, payload)

    def _settle(self) -> None:
        while self._owed:
            self._write(*self._owed[0])
            self._owed.popleft()

    def _write(self, kind: Kind, receipt_id: str, payload: bytes) -> None:
        if self._closed:
            raise StoreError("the journal is closed")
        segment = self._segment
        if segment is None or not segment.append(kind, receipt_id, payload):
            segment = self._begin_segment(len(payload))
            if not segment.append(kind, receipt_id, payload):
                raise StoreError(f"a record of {len(payload)} bytes is more than a journal takes")
        if self._fsync:
            try:
                segment.sync()
            except OSError as error:
                self._let_go()  # whether its pages are on the disk is not known any more, bases among them
                self._bases.clear()
                self._holds.clear()
                raise StoreError(f"the journal can't be written: {error.strerror}") from error

    def _begin_segment(self, payload_bytes: int) -> Segment:
        """Open the next file before the last one is let go of, so that a reader sees an unbroken row.

        It gets its name once it is locked: until then the shipper would take it for one that is done with.

        Raises: StoreError.
        """
        path = self._directory / f"{self._name}-{self._number + 1:06d}{SUFFIX}"
        unlocked = path.with_suffix(UNLOCKED)
        least_bytes = min(payload_bytes, MAX_FRAME_BYTES) + LEAST_BYTES + PREFIX_BYTES
        try:
            fresh = Segment(unlocked, max(self._segment_bytes, least_bytes))
            try:
                if self._fsync:
                    fresh.sync()
                unlocked.rename(path)
                if self._fsync:
                    _sync(self._directory)
            except OSError:
                fresh.close()
                unlocked.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(
                f"no journal can be begun at {path.name}: {error.strerror}; make room in {self._directory}"
            ) from error
        self._let_go()
        self._segment = fresh
        self._number += 1
        return fresh


def _sync(directory: Path) -> None:
    """Have the disk know the names in a directory."""
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def tidy(directory: Path) -> None:
    """Remove the files of processes that died before their segment had a name. No writer may live."""
    for path in directory.glob(f"*{UNLOCKED}"):
        path.unlink()
