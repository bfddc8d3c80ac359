"""Carries the journal into the database, each record once, across restarts."""

import logging
from collections import defaultdict
from pathlib import Path

import msgspec
from msgspec import Struct

from antiphon.core.kept import Entry
from antiphon.core.receipt import Receipt
from antiphon.metering.frames import Kind, named, spans
from antiphon.metering.journal import SUFFIX
from antiphon.metering.kept import entries
from antiphon.metering.segment import header, header_of, is_locked, mark_shipped, opened, piece
from antiphon.store.sqlite import Batch, Database, Row

log = logging.getLogger("antiphon.shipping")
BATCH_BYTES = 8_388_608
"""Most bytes of one segment that go into one transaction."""
_ANONYMOUS = ""
DAMAGED = ".damaged"
MAX_TENANTS = 100_000
"""Bases whose tenant is remembered."""


class _Tenant(Struct):
    tenant: str


class _Glance(Struct):
    """The few fields that the table wants of a receipt."""

    at_ns: int
    outcome: str
    principal: _Tenant | None = None


class _Owner(Struct):
    """The same of a basis."""

    principal: _Tenant | None = None


_owner = msgspec.json.Decoder(_Owner)
_glance = msgspec.json.Decoder(_Glance)
_receipt = msgspec.json.Decoder(Receipt)


def writer_of(segment: str) -> str:
    """The process that wrote a segment: its name without the number."""
    return segment.removesuffix(SUFFIX).rpartition("-")[0]


class Shipper:
    """One per store. What it has shipped and how far is written in the same transaction, so that a
    record is neither lost nor written twice, wherever it is stopped.
    """

    def __init__(self, directory: Path, database: Database, *, batch_bytes: int = BATCH_BYTES) -> None:
        self._directory = directory
        self._database = database
        self._batch_bytes = batch_bytes
        here = {path.name for path in self._segments()}
        positions = database.positions()
        database.forget([name for name in positions if name not in here])
        self._positions = {name: end for name, end in positions.items() if name in here}
        self._tenants: dict[str, str] = {}
        """Whose bases are: id to tenant."""
        self._running: dict[str, set[str]] = defaultdict(set)
        for receipt_id, writer in database.running().items():
            self._running[writer].add(receipt_id)

    def step(self) -> int:
        """Ship what is there. Returns: bytes of the journal that were taken. Raises: StoreError."""
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
        for writer in [writer for writer, ids in self._running.items() if ids and writer not in left]:
            self._interrupted(writer)
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
        self._database.write(batch)
        self._positions[path.name] = end
        mark_shipped(path, end)
        running = self._running[writer_of(path.name)]
        running.difference_update(batch.ended)
        running.update(receipt_id for receipt_id, _ in batch.began)
        return end - position

    def _batch(self, path: Path, position: int) -> tuple[Batch, int]:
        segment = path.name
        data, lap_end = self._piece(path, position)
        begun: dict[str, tuple[int, int]] = {}
        rows: list[Row] = []
        bases: list[tuple[str, bytes]] = []
        contents: list[tuple[str, str, bytes]] = []
        kept: list[Entry] = []
        ended: list[str] = []
        writer = writer_of(segment)
        known = self._running[writer]
        stop = 0
        for kind, receipt_id, start, stop in spans(data, position):
            if kind is Kind.OPENED:
                begun[receipt_id] = start, stop
            elif kind is Kind.CLOSED:
                begun.pop(receipt_id, None)
                if receipt_id in known:
                    ended.append(receipt_id)
                rows.append(self._row(receipt_id, data[start:stop]))
            elif kind is Kind.BASIS:
                bases.append((receipt_id, data[start:stop]))
                self._remember(receipt_id, data[start:stop])
            elif kind is Kind.KEPT:
                kept.extend(entries(data[start:stop]))
            else:
                tenant, _, sealed = data[start:stop].partition(b"\0")
                contents.append((receipt_id, tenant.decode(), sealed))
        end = position + stop
        if lap_end >= 0 and (stop == 0 or position + len(data) == lap_end):
            end = lap_end  # what is left of the ring holds no record
        rows.extend(self._row(receipt_id, data[start:stop]) for receipt_id, (start, stop) in begun.items())
        began = [(receipt_id, writer) for receipt_id in begun]
        batch = Batch(
            rows=rows,
            bases=bases,
            contents=contents,
            kept=kept,
            began=began,
            ended=ended,
            positions={segment: end},
        )
        return batch, end

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

    def _interrupted(self, writer: str) -> None:
        """The process died with requests running: their receipts say so."""
        ids = sorted(self._running[writer])
        rows: list[Row] = []
        for receipt_id in ids:
            body = self._database.receipt(receipt_id)
            if body is not None:
                draft = msgspec.structs.replace(
                    _receipt.decode(body),
                    outcome="interrupted",
                    error="process_died",
                    detail="the process ended before the request did; what the upstream did is unknown",
                )
                rows.append(self._row(receipt_id, msgspec.json.encode(draft)))
        self._database.write(Batch(rows=rows, contents=[], began=[], ended=ids, positions={}))
        del self._running[writer]

    def _row(self, receipt_id: str, payload: bytes) -> Row:
        basis, body = named(payload)
        glance = _glance.decode(body)
        tenant = self._tenant(basis) if basis else _tenant(glance)
        return Row(
            id=receipt_id, tenant=tenant, at_ns=glance.at_ns, outcome=glance.outcome, body=body, basis=basis or None
        )

    def _tenant(self, basis: str) -> str:
        """Whose basis this is; one that an earlier shipper carried is asked of the database."""
        tenant = self._tenants.get(basis)
        if tenant is not None:
            return tenant
        tail = self._database.basis(basis)
        if tail is None:  # lost with a damaged segment: the record is kept, and is nobody's
            log.error("journal.basis_missing", extra={"basis": basis})
            return _ANONYMOUS
        return self._remember(basis, tail)

    def _remember(self, basis: str, tail: bytes) -> str:
        if len(self._tenants) >= MAX_TENANTS:
            self._tenants.clear()
        tenant = self._tenants[basis] = _tenant(_owner.decode(b"{" + tail[1:]))
        return tenant


def _tenant(said: _Glance | _Owner) -> str:
    return said.principal.tenant if said.principal else _ANONYMOUS
