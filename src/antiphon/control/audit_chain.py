"""Chains events: each one names the digest of the one before, and all are leaves of a growing Merkle tree."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from antiphon.control.audit_events import canonical, event_of
from antiphon.control.merkle import BATCH, Frontier, Tree, leaf, root
from antiphon.core.audit_store import AuditStore, Grown, Head, Link, Pending

MOST = 2000
"""Events of one transaction."""


class _Growing(Struct):
    head: bytes
    frontier: Frontier


def chained(pending: Sequence[Pending], heads: Mapping[str, Head]) -> Grown:
    """Links for what waits, in its order, tenant by tenant."""
    grown = Grown(links=[], heads=[], batches=[])
    growing: dict[str, _Growing] = {}
    for one in pending:
        event = event_of(one)
        known = growing.get(event.tenant)
        if known is None:
            head = heads.get(event.tenant) or Head(tenant=event.tenant)
            known = growing[event.tenant] = _Growing(head.head, Frontier(head.size, head.frontier))
        seq = known.frontier.size
        body = canonical(event, seq, known.head)
        known.head = sha256(body).digest()
        made = known.frontier.add(leaf(body))
        grown.links.append(Link(tenant=event.tenant, seq=seq, kind=event.kind, about=event.about, body=body))
        if made is not None:
            grown.batches.append((event.tenant, seq // BATCH, made))
    grown.heads.extend(
        Head(tenant=tenant, size=one.frontier.size, head=one.head, frontier=one.frontier.packed)
        for tenant, one in growing.items()
    )
    return grown


def tree(store: AuditStore, tenant: str) -> Tree:
    """The tree of a tenant's chain, as it lies in the store."""

    def leaves(batch: int) -> list[bytes]:
        return [leaf(one.body) for one in store.links(tenant, batch * BATCH, BATCH)]

    return Tree(store.batches(tenant), leaves)


def root_at(store: AuditStore, tenant: str, size: int) -> bytes | None:
    """Root of the first events of a chain; None: so many are not there."""
    try:
        return root(size, tree(store, tenant).node)
    except IndexError:
        return None
