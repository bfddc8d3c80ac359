"""How far the audit log has come, for somebody to look at: chains, their signed checkpoints, and the newest events."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.control.sight import Sight
from antiphon.core.audit_store import AuditStore, Checkpoint, Head

MOST_CHAINS = 100
MOST_CHECKPOINTS = 5
MOST_EVENTS = 50


class Chain(Struct, frozen=True, kw_only=True):
    """One tenant's."""

    head: Head
    checkpoints: tuple[Checkpoint, ...]
    """The newest first."""

    @property
    def unsigned(self) -> int:
        """Events that no checkpoint is over yet."""
        return self.head.size - (self.checkpoints[0].size if self.checkpoints else 0)


class Seen(Struct, frozen=True, kw_only=True):
    """One event."""

    tenant: str
    seq: int
    kind: str
    about: str
    by: str
    at_ns: int
    detail: dict[str, Any]


class Board(Struct, frozen=True, kw_only=True):
    """All that is theirs to see."""

    chains: tuple[Chain, ...]
    cut: bool
    tenant: str | None
    """Whose events are shown; None: nobody's, there is no chain."""
    events: tuple[Seen, ...]
    """The newest first."""


def board(store: AuditStore, tenant: str | None, sight: Sight) -> Board:
    """Blocks on the store.

    Args:
        tenant: Whose newest events are wanted; None: those of the longest chain.
    Raises: NotAllowed, StoreError.
    """
    sight.need("audit")
    heads = [one for one in store.heads() if sight.tenant is None or one.tenant == sight.tenant]
    chains = tuple(
        Chain(head=one, checkpoints=tuple(store.checkpoints(one.tenant, MOST_CHECKPOINTS)))
        for one in heads[:MOST_CHAINS]
    )
    named = [one for one in heads if tenant is None or one.tenant == tenant]
    chosen = max(named, key=lambda one: one.size, default=None)
    links = [] if chosen is None else store.links(chosen.tenant, max(chosen.size - MOST_EVENTS, 0), MOST_EVENTS)
    return Board(
        chains=chains,
        cut=len(heads) > MOST_CHAINS,
        tenant=None if chosen is None else chosen.tenant,
        events=tuple(_seen(one.tenant, one.seq, one.kind, one.about, one.body) for one in reversed(links)),
    )


def _seen(tenant: str, seq: int, kind: str, about: str, body: bytes) -> Seen:
    fields: dict[str, Any] = msgspec.json.decode(body)
    return Seen(
        tenant=tenant,
        seq=seq,
        kind=kind,
        about=about,
        by=str(fields.get("by", "")),
        at_ns=int(fields.get("at_ns", 0)),
        detail=dict(fields.get("detail", {})),
    )
