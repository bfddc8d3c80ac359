"""Erases what was kept of somebody, unless a legal hold is on it; the chain of events stays whole, and says so."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from antiphon.core.audit import Event
from antiphon.core.error import BadRequest, NotAllowed, NotFound
from antiphon.core.ids import Ids
from antiphon.core.ports import AuditNotes
from antiphon.core.receipt import Receipt
from antiphon.core.vault_store import CACHED, EVERYBODY, Hold, VaultStore
from antiphon.vault.sealed import owner_of

LONGEST = 512
"""Most characters of a name or a note."""
WHAT = ("subject", "receipt", "session", "everything")
"""What may be named, one of them."""


class Owners(Protocol):
    """Knows whom data keys name."""

    def owner(self, tenant: str, subject: str) -> str: ...


class Recorded(Protocol):
    """What is read of records."""

    def receipt(self, receipt_id: str) -> Receipt | None: ...

    def content(self, receipt_id: str) -> bytes | None: ...


class KeptRuns(Protocol):
    """What agents did, and remember."""

    def erase(self, tenant: str, subject: str) -> int: ...


class Target(Struct, frozen=True, kw_only=True):
    """What is to be erased or held: all of a tenant's, or of a subject's, a receipt's or a session's."""

    tenant: str
    subject: str = ""
    receipt: str = ""
    session: str = ""
    everything: bool = False

    def check(self) -> None:
        """Raises: BadRequest."""
        named = [name for name in WHAT if getattr(self, name)]
        if len(named) != 1:
            raise BadRequest(f"name one of {', '.join(WHAT)}; {len(named)} are named", param=(named or [WHAT[0]])[0])
        for name in ("tenant", "subject", "receipt", "session"):
            text: str = getattr(self, name)
            if len(text) > LONGEST or not text.isprintable() or '"' in text or "\\" in text:
                raise BadRequest(f"{name}: write a name of at most {LONGEST} printable characters", param=name)


class Erased(Struct, frozen=True, kw_only=True):
    """What was erased."""

    tenant: str
    keys: int
    """Data keys that were destroyed, and with each all that was sealed by it."""
    receipts: int
    """Receipts whose content was taken away by itself."""
    runs: int = 0
    """Runs of agents that were dropped, each with its children."""


class Erasing(Struct, frozen=True, kw_only=True):
    """The use cases. All block on files or sockets."""

    vault: VaultStore
    owners: Owners
    records: Recorded
    notes: AuditNotes
    now_ns: Callable[[], int]
    ids: Ids
    runs: KeptRuns | None = None

    def erase(self, target: Target, by: str, note: str = "") -> Erased:
        """Erase. It is noted before, and once it is noted it is done; what fails can be asked for again.

        Raises: BadRequest, NotFound; NotAllowed with the code `legal_hold`; StoreError.
        """
        target.check()
        tenant = target.tenant
        if target.subject or target.everything:
            owner = self.owners.owner(tenant, target.subject) if target.subject else EVERYBODY
            self._refuse(self._hold_on_owner(tenant, owner))
            self._note("erasure", target, by, note, owner)
            keys = self.vault.erase(tenant, owner, self.now_ns())
            if owner != EVERYBODY:
                keys += self._uncache(tenant)
            return Erased(tenant=tenant, keys=keys, receipts=0, runs=self._unrun(tenant, target.subject))
        receipts = self._receipts(target)
        for one in receipts:
            self._refuse(self._hold_on_receipt(tenant, one))
        self._note("erasure", target, by, note)
        wiped, keys, runs = self.vault.wipe(tenant, receipts), self._uncache(tenant), 0
        if target.session:  # what callers without a name had kept is sealed by keys of their session
            owner = self.owners.owner(tenant, f"session/{target.session}")
            keys += self.vault.erase(tenant, owner, self.now_ns())
            runs = self._unrun(tenant, f"session/{target.session}")
        return Erased(tenant=tenant, keys=keys, receipts=wiped, runs=runs)

    def _unrun(self, tenant: str, subject: str) -> int:
        return 0 if self.runs is None else self.runs.erase(tenant, subject)

    def _uncache(self, tenant: str) -> int:
        """Kept answers may say what was erased, and don't say of whom."""
        return self.vault.erase(tenant, self.owners.owner(tenant, CACHED), self.now_ns())

    def _receipts(self, target: Target) -> list[str]:
        if target.session:
            return [
                one
                for one in self.vault.of_session(target.tenant, target.session)
                if (known := self.records.receipt(one)) is not None and known.lineage.session == target.session
            ]
        receipt = self.records.receipt(target.receipt)
        if receipt is None or receipt.principal is None or receipt.principal.tenant != target.tenant:
            raise NotFound(f"{target.tenant} has no receipt {target.receipt[:64]!r}", code="receipt_not_found")
        return [receipt.id]

    # --- holds

    def hold(self, target: Target, by: str, note: str = "") -> Hold:
        """Place a hold. Raises: BadRequest, StoreError."""
        target.check()
        owner = self.owners.owner(target.tenant, target.subject) if target.subject else ""
        made = Hold(
            id=self.ids.new(),
            tenant=target.tenant,
            owner=owner,
            receipt=target.receipt,
            session=target.session,
            by=by,
            at_ns=self.now_ns(),
            note=note[:LONGEST],
        )
        self._note("hold.placed", target, by, note, owner, hold=made.id)
        self.vault.hold(made)
        return made

    def found(self, hold_id: str) -> Hold:
        """Raises: NotFound, StoreError."""
        for one in self.vault.holds():
            if one.id == hold_id:
                return one
        raise NotFound(f"there is no hold {hold_id[:64]!r}")

    def lift(self, hold_id: str, by: str) -> Hold:
        """Lift a hold. Raises: NotFound, StoreError."""
        one = self.found(hold_id)
        target = Target(tenant=one.tenant, receipt=one.receipt, session=one.session)
        self._note("hold.lifted", target, by, "", one.owner, hold=one.id)
        self.vault.lift(hold_id)
        return one

    def _hold_on_owner(self, tenant: str, owner: str) -> Hold | None:
        """Also one on a receipt or a session of theirs."""
        for one in self.vault.holds(tenant):
            whole = not (one.owner or one.receipt or one.session)
            if owner == EVERYBODY or whole or one.owner == owner or owner in self._owners_of(one):
                return one
        return None

    def _owners_of(self, hold: Hold) -> set[str]:
        ids = self.vault.of_session(hold.tenant, hold.session) if hold.session else [hold.receipt]
        return {owner_of(sealed) for one in ids if one and (sealed := self.records.content(one))}

    def _hold_on_receipt(self, tenant: str, receipt_id: str) -> Hold | None:
        receipt, owner = self.records.receipt(receipt_id), owner_of(self.records.content(receipt_id) or b"")
        session = "" if receipt is None else receipt.lineage.session
        for one in self.vault.holds(tenant):
            whole = not (one.owner or one.receipt or one.session)
            if whole or one.receipt == receipt_id or (one.owner and one.owner == owner):
                return one
            if one.session and one.session == session:
                return one
        return None

    def _refuse(self, hold: Hold | None) -> None:
        if hold is not None:
            raise NotAllowed(f"the legal hold {hold.id} is on it: nothing was erased; lift it first", code="legal_hold")

    def _note(self, kind: str, target: Target, by: str, note: str, owner: str = "", hold: str = "") -> None:
        """Names of subjects are no part of the chain: it says whose by what data keys say."""
        about = target.receipt or (f"session/{target.session}" if target.session else f"subject/{owner or '*'}")
        detail = {"note": note, **({"hold": hold} if hold else {})}
        event = Event(tenant=target.tenant, kind=kind, by=by, at_ns=self.now_ns(), about=about, detail=detail)
        self.notes.note(event)
