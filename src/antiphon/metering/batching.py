"""Turns a piece of the journal into what the database wants."""

import logging
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from antiphon.core.audit import Event
from antiphon.core.ledger import Posting
from antiphon.core.receipt import Rated, Receipt
from antiphon.core.score import Forgetting
from antiphon.core.vault_store import DataKey
from antiphon.metering.captured import content
from antiphon.metering.frames import Kind, basis_at, spans
from antiphon.metering.kept import entries
from antiphon.metering.postings import Held, Tried, accounts, postings, tenant_of, uses
from antiphon.metering.scores import judged, scores
from antiphon.store.audit import RECEIPT, noted
from antiphon.store.database import Batch, Database, Noted, Row, Use

log = logging.getLogger("antiphon.shipping")
_ANONYMOUS = ""
NO_FORGETTING = Forgetting()
MAX_TENANTS = 100_000
"""Bases whose tenant is remembered."""


class _Tenant(Struct, gc=False):
    tenant: str


class _Plan(Struct, gc=False):
    route: str


class _Glance(Struct, gc=False):
    """The few fields that the tables want of a receipt."""

    at_ns: int
    outcome: str
    principal: _Tenant | None = None
    plan: _Plan | None = None
    attempts: tuple[Tried, ...] = ()
    rated: tuple[Rated, ...] = ()


class _Owner(Struct, gc=False):
    """The same of a basis."""

    principal: _Tenant | None = None
    plan: _Plan | None = None


_OPENED, _CLOSED = Kind.OPENED, Kind.CLOSED
"""Looked up for every record: members of an enumeration are found slowly."""
_owner = msgspec.json.Decoder(_Owner)
_glance = msgspec.json.Decoder(_Glance)
_receipt = msgspec.json.Decoder(Receipt)
_event = msgspec.msgpack.Decoder(Event)
_key = msgspec.msgpack.Decoder(DataKey)


class Batching:
    """What a shipper has to know of the records that it carries. Asks the database for what it doesn't remember."""

    def __init__(self, database: Database, forgetting: Forgetting = NO_FORGETTING, *, audited: bool = False) -> None:
        """`audited`: receipts are noted for auditors."""
        self._database = database
        self._forgetting = forgetting
        self._audited = audited
        self._tenants: dict[str, str] = {}
        """Whose bases are: id to tenant."""
        self._routes: dict[str, str] = {}
        """Which routes they are of."""
        self._accounts: dict[str, tuple[tuple[str, int], ...]] = {}
        """Which accounts holds of the piece at hand name."""
        self._held: dict[str, Held] = {}
        """The same of all since `look_anew`, with what has to be known of the accounts."""

    def look_anew(self) -> None:
        """Ask of accounts again: a budget's window may have been written anew, and one that was missing may be there."""
        self._held.clear()

    def batch(self, data: bytes, position: int, writer: str, running: set[str]) -> tuple[Batch, int]:
        """What a piece of a writer's segment that begins at a position holds.

        Args:
            running: Requests of this writer that the database takes for running.
        Returns: the batch, without positions, and how many bytes of the piece it is. Raises: StoreError.
        """
        self._accounts.clear()  # those of earlier pieces are in the database
        begun: dict[str, tuple[int, int]] = {}
        made = Batch(forgetting=self._forgetting)
        rows, booked, ended = made.rows, made.postings, made.ended
        stop = 0
        for kind, record_id, start, stop in spans(data, position):
            if kind is _OPENED:
                begun[record_id] = start, stop
            elif kind is _CLOSED:
                begun.pop(record_id, None)
                if record_id in running:
                    ended.append(record_id)
                row, glance = self._row(record_id, data, start, stop)
                rows.append(row)
                if self._audited:
                    made.notes.append((row.tenant, RECEIPT, record_id, None))
                if glance.attempts:
                    booked += postings(record_id, row.tenant, row.at_ns, glance.attempts)
                if glance.rated:
                    route = self._route(row, glance)
                    made.scores.extend(judged(record_id, row.tenant, route, row.at_ns, glance.rated, row.body))
            else:
                self._take(made, kind, record_id, data[start:stop])
        rows.extend(self._row(record_id, data, start, stop)[0] for record_id, (start, stop) in begun.items())
        made.began.extend((record_id, writer) for record_id in begun)
        made.uses.extend(self.uses(writer, booked))
        return made, stop

    def _take(self, made: Batch, kind: Kind, record_id: str, payload: bytes) -> None:
        """Add a record that is no receipt to a batch."""
        match kind:
            case Kind.BASIS:
                made.bases.append((record_id, payload))
                self._remember(record_id, payload)
            case Kind.KEPT:
                made.kept.extend(entries(payload))
            case Kind.SCORES:
                made.scores.extend(scores(payload))
            case Kind.HOLDS:
                names = self._accounts[record_id] = accounts(payload)
                made.holds.append((record_id, tenant_of(names), payload))
            case Kind.AUDIT:
                made.notes.append(noted(_event.decode(payload)))
            case Kind.KEYS:
                made.keys.append(_key.decode(payload))
            case _:
                made.contents.append(content(kind, record_id, payload))

    def died(self, writer: str, ids: Sequence[str]) -> Batch:
        """The process ended with requests running: their receipts say so, their tickets are booked, and its leases are
        free.
        """
        rows: list[Row] = []
        booked: list[Posting] = []
        for receipt_id in ids:
            body = self._database.receipt(receipt_id)
            if body is not None:
                draft = msgspec.structs.replace(
                    _receipt.decode(body),
                    outcome="interrupted",
                    error="process_died",
                    detail="the process ended before the request did; what the upstream did is unknown",
                )
                told = msgspec.json.encode(draft)
                row, glance = self._row(receipt_id, told, 0, len(told))
                rows.append(row)
                booked += postings(receipt_id, row.tenant, row.at_ns, glance.attempts, died=True)
        notes: list[Noted] = [(row.tenant, RECEIPT, row.id, None) for row in rows] if self._audited else []
        return Batch(
            rows=rows, ended=list(ids), postings=booked, uses=self.uses(writer, booked), released=[writer], notes=notes
        )

    def uses(self, writer: str, booked: Sequence[Posting]) -> list[Use]:
        """What entries come to on accounts. Raises: StoreError."""
        missing = {one.holds for one in booked if one.holds and one.holds not in self._held}
        if missing:
            self._find(missing)
        return uses(writer, booked, self._held.__getitem__)

    def _find(self, ids: set[str]) -> None:
        """Find out what holds are. What the database doesn't know either counts nowhere, and is told."""
        unknown = [one for one in ids if one not in self._accounts]
        if unknown:
            self._accounts.update((one, accounts(packed)) for one, packed in self._database.holds(unknown).items())
        names = {one: self._accounts.pop(one, ()) for one in ids}
        known = self._database.accounts(list({name for some in names.values() for name in some}))
        for one, some in names.items():
            lost = [name for name in some if name not in known]
            if lost or not some:
                log.error("ledger.account_missing", extra={"holds": one, "accounts": [key for key, _ in lost]})
            self._held[one] = tuple((*name, known[name]) for name in some if name in known)

    def _row(self, receipt_id: str, data: bytes, start: int, stop: int) -> tuple[Row, _Glance]:
        """The record whose payload lies there, and what of it concerns other tables."""
        basis, start = basis_at(data, start)
        body = data[start:stop]
        glance = _glance.decode(body)
        tenant = (self._tenants.get(basis) or self._tenant(basis)) if basis else _tenant(glance)
        row = Row(
            id=receipt_id, tenant=tenant, at_ns=glance.at_ns, outcome=glance.outcome, body=body, basis=basis or None
        )
        return row, glance

    def _route(self, row: Row, glance: _Glance) -> str:
        """Which route a receipt is of; empty: it reached none."""
        if not row.basis:
            return glance.plan.route if glance.plan else ""
        return self._routes.get(row.basis, "")

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
            self._routes.clear()
        owner = _owner.decode(b"{" + tail[1:])
        tenant = self._tenants[basis] = _tenant(owner)
        self._routes[basis] = owner.plan.route if owner.plan else ""
        return tenant


def _tenant(said: _Glance | _Owner) -> str:
    return said.principal.tenant if said.principal else _ANONYMOUS
