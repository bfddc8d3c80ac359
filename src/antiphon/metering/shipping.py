"""Carries the journal into the database, each record once, across restarts."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from antiphon.core.ledger import Posting
from antiphon.core.score import Forgetting
from antiphon.metering.batching import NO_FORGETTING, Batching
from antiphon.metering.frames import spans
from antiphon.metering.journal import SUFFIX
from antiphon.metering.segment import header, header_of, is_locked, mark_shipped, opened, piece
from antiphon.store.database import AlreadyBooked, Batch, Database

log = logging.getLogger("antiphon.shipping")
BATCH_BYTES = 8_388_608
"""Most bytes of one segment that go into one transaction."""
DAMAGED = ".damaged"


def writer_of(segment: str) -> str:
    """The process that wrote a segment: its name without the number."""
    return segment.removesuffix(SUFFIX).rpartition("-")[0]


class Shipper:
    """One per store. What it has shipped and how far is written in the same transaction, so that a
    record is neither lost nor written twice, wherever it is stopped.
    """

    def __init__(
        self,
        directory: Path,
        database: Database,
        *,
        batch_bytes: int = BATCH_BYTES,
        forgetting: Forgetting = NO_FORGETTING,
        audited: bool = False,
    ) -> None:
        """`audited`: receipts are noted for auditors."""
        self._directory = directory
        self._database = database
        self._batch_bytes = batch_bytes
        here = {path.name for path in self._segments()}
        positions = database.positions()
        database.forget([name for name in positions if name not in here])
        self._positions = {name: end for name, end in positions.items() if name in here}
        self._batching = Batching(database, forgetting, audited=audited)
        self._running: dict[str, set[str]] = defaultdict(set)
        for receipt_id, writer in database.running().items():
            self._running[writer].add(receipt_id)

    def step(self) -> int:
        """Ship what is there. Returns: bytes of the journal that were taken. Raises: StoreError."""
        self._batching.look_anew()
        holders = self._database.holders()  # before the segments: whoever is granted something has one
        segments = self._segments()
        alive = {path.name for path in segments if is_locked(path)}
        taken = 0
        behind: set[str] = set()
        for path in segments:
            writer = writer_of(path.name)
            if writer in behind:
                continue
            taken += self._ship(path)
            if path.name in alive:
                # It may have let go of this one meanwhile, for one that relies on what this one says first.
                if self._positions[path.name] < header(path).written:
                    behind.add(writer)
                continue
            if self._more(path):
                behind.add(writer)
            else:
                self._remove(path)
        left = {writer_of(path.name) for path in self._segments()}
        for writer in sorted({*holders, *(writer for writer, ids in self._running.items() if ids)} - left):
            self._bury(writer)
        return taken

    def _segments(self) -> list[Path]:
        """In order of writing. A writer names its next one before it lets go of the last."""
        return sorted(path for path in self._directory.iterdir() if path.suffix == SUFFIX)

    @property
    def behind_bytes(self) -> int:
        """Bytes of the journal that are not in the database yet."""
        return sum(max(0, header(path).written - self._positions.get(path.name, 0)) for path in self._segments())

    def _ship(self, path: Path) -> int:
        # A journal that was copied before its database may have been shipped further than the copy knows.
        position = self._positions[path.name] = max(self._positions.get(path.name, 0), header(path).shipped)
        batch, end = self._batch(path, position)
        if end == position:
            return 0
        self._write(writer_of(path.name), batch)
        self._positions[path.name] = end
        mark_shipped(path, end)
        running = self._running[writer_of(path.name)]
        running.difference_update(batch.ended)
        running.update(receipt_id for receipt_id, _ in batch.began)
        return end - position

    def _batch(self, path: Path, position: int) -> tuple[Batch, int]:
        data, lap_end = self._piece(path, position)
        writer = writer_of(path.name)
        batch, taken = self._batching.batch(data, position, writer, self._running[writer])
        end = position + taken
        if lap_end >= 0 and (taken == 0 or position + len(data) == lap_end):
            end = lap_end  # what is left of the ring holds no record
        return replace(batch, positions={path.name: end}), end

    def _write(self, writer: str, batch: Batch) -> None:
        """Write a batch; of what is in the ledger already, as after a restore, nothing is booked again."""
        try:
            self._database.write(batch)
        except AlreadyBooked as found:
            log.warning("ledger.booked_before", extra={"entries": len(found.ids)})
            left = _without(batch.postings, found.ids)
            self._database.write(replace(batch, postings=left, uses=self._batching.uses(writer, left)))

    def _more(self, path: Path) -> bool:
        """Whether whole records are left in a segment that nobody writes any more."""
        position = self._positions.get(path.name, 0)
        data, lap_end = self._piece(path, position)
        return lap_end >= 0 or next(spans(data, position), None) is not None

    def _piece(self, path: Path, position: int) -> tuple[bytes, int]:
        """What stands in a segment from a position on, as `segment.piece` gives it."""
        with opened(path) as file:
            said = header_of(file)
            return piece(file, said, position, self._batch_bytes) if position < said.written else (b"", -1)

    def _remove(self, path: Path) -> None:
        """Done with a segment; one with something in it that can't be read is kept aside for whoever looks into it."""
        said = header(path)
        if said.room and self._positions.get(path.name, 0) >= said.written:
            path.unlink()
        else:
            log.error("journal.damaged", extra={"segment": path.name})
            path.rename(path.with_suffix(DAMAGED))
        self._forget(path.name)

    def _forget(self, segment: str) -> None:
        self._database.forget([segment])
        self._positions.pop(segment, None)

    def _bury(self, writer: str) -> None:
        """The process is dead and its journal read to the end: book what it left open, and free what it held."""
        self._write(writer, self._batching.died(writer, sorted(self._running.get(writer, ()))))
        self._running.pop(writer, None)


def _without(postings: Iterable[Posting], ids: set[str]) -> list[Posting]:
    """Each of the others once."""
    return list({one.id: one for one in postings if one.id not in ids}.values())
