"""Proofs for an auditor who has a checkpoint and not the log: that an event is in it, and that it only grew."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from antiphon.control import merkle
from antiphon.control.audit_chain import tree
from antiphon.control.checkpoints import origin_of, read
from antiphon.core.audit_store import AuditStore, Checkpoint, Link
from antiphon.core.error import NotFound
from antiphon.vault.signing import Key


class Inclusion(Struct, frozen=True, kw_only=True, tag="inclusion"):
    """That an event stands in a chain."""

    origin: str
    event: str
    """The event's text, byte for byte."""
    index: int
    size: int
    path: tuple[str, ...]
    """Digests in hexadecimal, from the leaf up."""
    checkpoint: str
    """The signed note of this size."""


class Consistency(Struct, frozen=True, kw_only=True, tag="consistency"):
    """That a chain begins with an earlier one."""

    origin: str
    old: int
    new: int
    path: tuple[str, ...]
    before: str
    """The signed note of the old size."""
    checkpoint: str


Proof = Inclusion | Consistency
Said = Literal["", "signature", "size", "proof"]
"""What is wrong with a proof; empty: nothing."""
decoder: msgspec.json.Decoder[Proof] = msgspec.json.Decoder(Proof)


def inclusion(store: AuditStore, name: str, link: Link) -> Inclusion:
    """Raises: NotFound, when no checkpoint is that far yet; StoreError."""
    point = _at_least(store, link.tenant, link.seq + 1)
    path = merkle.inclusion(link.seq, point.size, tree(store, link.tenant).node)
    return Inclusion(
        origin=origin_of(name, link.tenant),
        event=link.body.decode(),
        index=link.seq,
        size=point.size,
        path=tuple(one.hex() for one in path),
        checkpoint=point.note.decode(),
    )


def consistency(store: AuditStore, name: str, tenant: str, old: int, new: int | None = None) -> Consistency:
    """Between two checkpoints, by default to the last one. Raises: NotFound, StoreError."""
    before = _exactly(store, tenant, old)
    point = _at_least(store, tenant, old) if new is None else _exactly(store, tenant, new)
    if point.size < old:
        raise NotFound(f"checkpoint {point.size} is before {old}; give the smaller one first")
    path = merkle.consistency(old, point.size, tree(store, tenant).node)
    return Consistency(
        origin=origin_of(name, tenant),
        old=old,
        new=point.size,
        path=tuple(one.hex() for one in path),
        before=before.note.decode(),
        checkpoint=point.note.decode(),
    )


MOST = 100_000
"""Checkpoints of a chain that are looked through."""


def _at_least(store: AuditStore, tenant: str, size: int) -> Checkpoint:
    for one in store.checkpoints(tenant, 1):
        if one.size >= size:
            return one
    raise NotFound(f"no checkpoint states {size} events yet; `antiphon audit checkpoint` makes one")


def _exactly(store: AuditStore, tenant: str, size: int) -> Checkpoint:
    for one in store.checkpoints(tenant, MOST):
        if one.size == size:
            return one
    raise NotFound(f"there is no checkpoint of {size} events; `antiphon audit list` shows which there are")


def wrong(proof: Proof, keys: Sequence[Key]) -> Said:
    """Check a proof, with nothing but the keys that are trusted."""
    notes = [proof.checkpoint] if isinstance(proof, Inclusion) else [proof.before, proof.checkpoint]
    try:
        stated = [read(note.encode(), keys) for note in notes]
        path = [bytes.fromhex(one) for one in proof.path]
    except ValueError:
        return "signature"
    last = stated[-1]
    sizes = [proof.size] if isinstance(proof, Inclusion) else [proof.old, proof.new]
    if [one.size for one in stated] != sizes or any(one.origin != proof.origin for one in stated):
        return "size"
    if isinstance(proof, Inclusion):
        one = merkle.leaf(proof.event.encode())
        return "" if merkle.included(one, proof.index, last.size, path, last.root) else "proof"
    return "" if merkle.consistent(proof.old, proof.new, stated[0].root, last.root, path) else "proof"
