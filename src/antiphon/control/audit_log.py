"""What auditors ask of the chains."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.control import audit_proofs
from antiphon.control.audit_proofs import Consistency, Inclusion
from antiphon.control.instants import said
from antiphon.core.audit_store import AuditStore, Link
from antiphon.core.error import NotFound
from antiphon.vault.signing import signers

MOST_ABOUT = 1000


class ChainShown(Struct, frozen=True, kw_only=True):
    """How far a tenant's chain has come."""

    tenant: str
    size: int
    head: str
    """SHA-256 of its last event, in hexadecimal."""
    checkpoint: int | None
    """Events that its last checkpoint states; null: there is none."""
    checkpoint_at: str | None
    exported: bool
    """That checkpoint lies outside the database too."""


class AuditLog(Struct, frozen=True, kw_only=True):
    """The use cases. All block on files or sockets."""

    store: AuditStore
    name: str
    key_file: Path

    def chains(self) -> list[ChainShown]:
        """Raises: StoreError."""
        return [self._shown(one.tenant, one.size, one.head) for one in self.store.heads()]

    def _shown(self, tenant: str, size: int, head: bytes) -> ChainShown:
        last = next(iter(self.store.checkpoints(tenant, 1)), None)
        return ChainShown(
            tenant=tenant,
            size=size,
            head=head.hex(),
            checkpoint=None if last is None else last.size,
            checkpoint_at=None if last is None else said(last.at_ns),
            exported=last is not None and last.exported,
        )

    def public_keys(self) -> list[str]:
        """Keys that checkpoints are checked by, the newest first. Raises: StoreError."""
        return [one.key.text for one in signers(self.key_file, self.name)]

    def events(self, tenant: str, first: int, most: int) -> list[Any]:
        """Events of a chain from a number on. Raises: StoreError."""
        return [msgspec.json.decode(one.body) for one in self.store.links(tenant, first, most)]

    def checkpoints(self, tenant: str, most: int) -> list[str]:
        """Signed notes, the largest first. Raises: StoreError."""
        return [one.note.decode() for one in self.store.checkpoints(tenant, most)]

    def event(self, tenant: str, seq: int) -> Link:
        """One event. Raises: NotFound, StoreError."""
        found = self.store.links(tenant, seq, 1)
        if not found or found[0].seq != seq:
            raise NotFound(f"the chain of {tenant[:64]!r} has no event {seq}")
        return found[0]

    def of_receipt(self, receipt_id: str) -> Link:
        """The event of a receipt. Raises: NotFound, StoreError."""
        for one in self.store.about(receipt_id, MOST_ABOUT):
            if one.kind == "receipt":
                return one
        raise NotFound(
            f"no event tells of the receipt {receipt_id[:64]!r}; one that has just ended is chained within a second",
            code="receipt_not_found",
        )

    def inclusion(self, link: Link) -> Inclusion:
        """Raises: NotFound, StoreError."""
        return audit_proofs.inclusion(self.store, self.name, link)

    def consistency(self, tenant: str, old: int, new: int | None) -> Consistency:
        """Raises: NotFound, StoreError."""
        return audit_proofs.consistency(self.store, self.name, tenant, old, new)
