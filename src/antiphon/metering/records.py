"""Reads receipts from the database and, for the newest, from the journal."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from antiphon.core.ports import Store
from antiphon.core.receipt import Receipt
from antiphon.metering.frames import Frame, Kind
from antiphon.metering.journal import SUFFIX
from antiphon.metering.segment import unshipped
from antiphon.store.sqlite import Reader

_receipt = msgspec.json.Decoder(Receipt)


class Records(Store):
    """Everything that was recorded, shipped or not. Blocks on files: ask from a thread."""

    def __init__(self, database: Path, journal: Path) -> None:
        self._reader = Reader(database)
        self._journal = journal

    def receipt(self, receipt_id: str) -> Receipt | None:
        """Journal first: a record that is shipped meanwhile is then found in the database."""
        found = [frame for frame in self._unshipped() if frame.id == receipt_id and frame.kind is not Kind.CONTENT]
        closed = [frame for frame in found if frame.kind is Kind.CLOSED]
        if closed:
            return _receipt.decode(closed[-1].payload)
        body = self._reader.receipt(receipt_id)
        receipt = None if body is None else _receipt.decode(body)
        if found and (receipt is None or receipt.outcome == "running"):
            return _receipt.decode(found[-1].payload)
        return receipt

    def last(self, tenant: str | None = None) -> Receipt | None:
        newest: dict[str, bytes] = {}
        for frame in self._unshipped():
            if frame.kind is not Kind.CONTENT:
                newest[frame.id] = frame.payload
        body = self._reader.last(tenant)
        shipped = None if body is None else _receipt.decode(body)
        for receipt_id in sorted(newest, reverse=True):
            if shipped is not None and shipped.id > receipt_id:
                break
            receipt = _receipt.decode(newest[receipt_id])
            if tenant is None or (receipt.principal is not None and receipt.principal.tenant == tenant):
                return receipt
        return shipped

    def content(self, receipt_id: str) -> bytes | None:
        for frame in self._unshipped():
            if frame.kind is Kind.CONTENT and frame.id == receipt_id:
                return frame.payload.partition(b"\0")[2]
        return self._reader.content(receipt_id)

    def _unshipped(self) -> Iterator[Frame]:
        positions = self._reader.positions()
        for path in sorted(self._journal.glob(f"*{SUFFIX}")):
            with contextlib.suppress(FileNotFoundError):  # shipped meanwhile: the database has it
                yield from unshipped(path, positions.get(path.name, 0))
