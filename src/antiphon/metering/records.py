"""Reads receipts from the database and, for the newest, from the journal."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from antiphon.core.error import StoreError
from antiphon.core.ports import Store
from antiphon.core.receipt import Receipt
from antiphon.metering.captured import content
from antiphon.metering.frames import Frame, Kind, named
from antiphon.metering.journal import SUFFIX
from antiphon.metering.segment import unshipped
from antiphon.store.database import Reader

_receipt = msgspec.json.Decoder(Receipt)
MOST_UNSHIPPED = 2_000
"""Of the journal's receipts, how many a list looks at."""
_OF_RECEIPTS = frozenset({Kind.OPENED, Kind.CLOSED})
_OF_CONTENT = frozenset({Kind.CONTENT, Kind.CAPTURED})
PROBER = ("antiphon", "probe")
"""Tenant and key in the receipts of the gateway's own probes."""


class Records(Store):
    """Everything that was recorded, shipped or not. Blocks on files: ask from a thread."""

    def __init__(self, reader: Reader, journal: Path) -> None:
        self._reader = reader
        self._journal = journal

    def receipt(self, receipt_id: str) -> Receipt | None:
        """Journal first: a record that is shipped meanwhile is then found in the database."""
        bases: dict[str, bytes] = {}
        found = [frame for frame in self._unshipped(bases) if frame.id == receipt_id]
        closed = [frame for frame in found if frame.kind is Kind.CLOSED]
        if closed:
            return self._whole(closed[0].payload, bases)  # as in the database, where the first end stays
        body = self._reader.receipt(receipt_id)
        receipt = None if body is None else _receipt.decode(body)
        if found and (receipt is None or receipt.outcome == "running"):
            return self._whole(found[-1].payload, bases)
        return receipt

    def last(self, tenant: str | None = None) -> Receipt | None:
        """Among all tenants' receipts those of the gateway's own probes don't count: nobody asked for them."""
        bases: dict[str, bytes] = {}
        newest = {frame.id: frame.payload for frame in self._unshipped(bases)}
        shipped = self._shipped(tenant)
        for receipt_id in sorted(newest, reverse=True):
            if shipped is not None and shipped.id > receipt_id:
                break
            receipt = self._whole(newest[receipt_id], bases)
            if _is_of(receipt, tenant):
                return receipt
        return shipped

    def _shipped(self, tenant: str | None) -> Receipt | None:
        """The newest in the database."""
        if tenant is not None:
            body = self._reader.last(tenant)
            return None if body is None else _receipt.decode(body)
        with contextlib.closing(self._reader.newest()) as bodies:
            return next((one for one in map(_receipt.decode, bodies) if _is_of(one, None)), None)

    def _whole(self, payload: bytes, bases: dict[str, bytes]) -> Receipt:
        """A receipt out of its record and its basis, which stands in the journal before it or in the database."""
        basis, told = named(payload)
        if not basis:
            return _receipt.decode(told)
        tail = bases.get(basis) or self._reader.basis(basis)
        if tail is None:
            raise StoreError(f"the basis {basis} of a receipt is missing in the journal and in the database")
        return _receipt.decode(told[:-1] + tail)

    def between(
        self, since: str, before: str, most: int, tenant: str | None = None, outcome: str | None = None
    ) -> list[Receipt]:
        """Receipts whose ids lie from one to below another, the newest first; of one tenant or all, with one outcome or
        any. Of the journal the newest `MOST_UNSHIPPED` are looked at.
        """
        bases: dict[str, bytes] = {}
        newest: dict[str, Frame] = {}
        for frame in self._unshipped(bases):
            known = newest.get(frame.id)
            if since <= frame.id < before and (known is None or known.kind is not Kind.CLOSED):
                newest[frame.id] = frame
        shipped = map(_receipt.decode, self._reader.between(since, before, most, tenant, outcome))
        found = {one.id: one for one in shipped}
        for receipt_id in sorted(newest, reverse=True)[:MOST_UNSHIPPED]:
            known = found.get(receipt_id)
            if known is None or known.outcome == "running":
                found[receipt_id] = self._whole(newest[receipt_id].payload, bases)
        wanted = (
            one
            for one in found.values()
            if (tenant is None or _is_of(one, tenant)) and (outcome is None or one.outcome == outcome)
        )
        return sorted(wanted, key=lambda one: one.id, reverse=True)[:most]

    def content(self, receipt_id: str) -> bytes | None:
        for frame in self._frames():
            if frame.id == receipt_id and frame.kind in _OF_CONTENT:
                wiped = self._reader.content(receipt_id) == b""
                return b"" if wiped else content(frame.kind, receipt_id, frame.payload).sealed
        return self._reader.content(receipt_id)

    def _unshipped(self, bases: dict[str, bytes]) -> Iterator[Frame]:
        """Records of requests that are not in the database yet; bases on the way go into `bases`."""
        for frame in self._frames():
            if frame.kind is Kind.BASIS:
                bases[frame.id] = frame.payload
            elif frame.kind in _OF_RECEIPTS:
                yield frame

    def _frames(self) -> Iterator[Frame]:
        return waiting(self._journal, self._reader)


def waiting(journal: Path, reader: Reader) -> Iterator[Frame]:
    """Every record that was not in the database when this began."""
    positions = reader.positions()
    for path in sorted(journal.glob(f"*{SUFFIX}")):
        with contextlib.suppress(FileNotFoundError):  # shipped meanwhile: the database has it
            yield from unshipped(path, positions.get(path.name, 0))


def _is_of(receipt: Receipt, tenant: str | None) -> bool:
    """Whether a receipt is of a tenant; None: of anybody but the prober."""
    who = receipt.principal
    if tenant is None:
        return who is None or (who.tenant, who.key) != PROBER
    return who is not None and who.tenant == tenant
