"""Checks chains without the database that they came from, and finds where they were tampered with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.control.checkpoints import Stated, read
from antiphon.control.merkle import Frontier, leaf
from antiphon.vault.signing import Key

MOST_FAULTS = 20
"""Of one chain that are told; the first one breaks what follows too."""
_canonical = msgspec.json.Encoder(order="sorted").encode


class Fault(Struct, frozen=True, kw_only=True):
    """Something that is not as it has to be.

    `event` can't be read; `order`: its number is not the next one: something is missing, came twice, or changed places;
    `link`: it does not name the digest of the one before, so that one was changed; `signature`: nobody who is trusted signed
    a checkpoint; `truncated`: a checkpoint states more events than there are; `rewritten`: the events are others than a
    checkpoint states; `receipt`: a receipt is another one than its event says, or is gone.
    """

    what: str
    tenant: str
    seq: int | None = None
    found: str


class Chain(Struct, kw_only=True):
    """How far the check of a chain has come."""

    tenant: str
    head: bytes = bytes(32)
    frontier: Frontier
    roots: dict[int, bytes]
    """At the sizes that checkpoints state."""
    faults: list[Fault]

    @property
    def size(self) -> int:
        return self.frontier.size


class Verified(Struct, kw_only=True):
    """What came of it."""

    chains: dict[str, Chain]
    checkpoints: int = 0
    """So many agree."""
    faults: list[Fault]
    stated: dict[str, int] = {}
    """How many events of each chain a checkpoint that agrees states: those behind them could have been made anew."""


class _Event(Struct, gc=False):
    seq: int
    prev: str
    tenant: str


def verify(
    lines: Iterable[bytes], notes: Mapping[str, Iterable[bytes]], keys: Sequence[Key], *, tenants: Sequence[str] = ()
) -> Verified:
    """Check events in the order in which they come, chain by chain, and checkpoints against them.

    Args:
        lines: Events as they stand in their chains; of each chain in order.
        notes: Checkpoints by tenant.
        tenants: Those whose chains are looked at; none: all.
    """
    out = Verified(chains={}, faults=[])
    stated = {
        tenant: list(_stated(tenant, some, keys, out)) for tenant, some in notes.items() if _wanted(tenant, tenants)
    }
    sizes = {tenant: {one.size for one in some} for tenant, some in stated.items()}
    for number, line in enumerate(lines):
        _take(out, number, line, sizes, tenants)
    for tenant, some in stated.items():
        for one in some:
            _compare(out, tenant, one)
    for chain in out.chains.values():
        out.faults.extend(chain.faults[:MOST_FAULTS])
    return out


def _wanted(tenant: str, tenants: Sequence[str]) -> bool:
    return not tenants or tenant in tenants


def _take(out: Verified, number: int, line: bytes, sizes: Mapping[str, set[int]], tenants: Sequence[str]) -> None:
    try:
        said: Any = msgspec.json.decode(line)
        event = msgspec.convert(said, _Event)
        sound = _canonical(said) == line
    except (msgspec.MsgspecError, UnicodeError) as error:
        out.faults.append(Fault(what="event", tenant="", found=f"line {number + 1} can't be read: {error}"))
        return
    if not _wanted(event.tenant, tenants):
        return
    chain = out.chains.setdefault(event.tenant, Chain(tenant=event.tenant, frontier=Frontier(), roots={}, faults=[]))
    chain.faults.extend(_faults(chain, event, sound=sound))
    chain.head = sha256(line).digest()
    chain.frontier.add(leaf(line))
    if chain.size in sizes.get(event.tenant, ()):
        chain.roots[chain.size] = chain.frontier.root


def _faults(chain: Chain, event: _Event, *, sound: bool) -> Iterator[Fault]:
    if not sound:
        yield Fault(what="event", tenant=chain.tenant, seq=event.seq, found="it is not in canonical form")
    if event.seq != chain.size:
        found = f"event {event.seq} stands where {chain.size} has to"
        yield Fault(what="order", tenant=chain.tenant, seq=chain.size, found=found)
    if event.prev != chain.head.hex():
        found = "it names another event before it than the one that is there"
        yield Fault(what="link", tenant=chain.tenant, seq=event.seq, found=found)


def _stated(tenant: str, notes: Iterable[bytes], keys: Sequence[Key], out: Verified) -> Iterator[Stated]:
    for note in notes:
        try:
            yield read(note, keys)
        except ValueError as error:
            said = note[:200].decode("utf-8", "replace").split("\n")[:2]
            out.faults.append(Fault(what="signature", tenant=tenant, found=f"checkpoint {' '.join(said)}: {error}"))


def _compare(out: Verified, tenant: str, stated: Stated) -> None:
    chain = out.chains.get(tenant)
    size = 0 if chain is None else chain.size
    if stated.size > size:
        found = f"{size} events are there, and a checkpoint states {stated.size}"
        out.faults.append(Fault(what="truncated", tenant=tenant, found=found))
    elif chain is not None and chain.roots.get(stated.size) != stated.root:
        found = f"the first {stated.size} events are others than a checkpoint states"
        out.faults.append(Fault(what="rewritten", tenant=tenant, found=found))
    else:
        out.checkpoints += 1
        out.stated[tenant] = max(out.stated.get(tenant, 0), stated.size)
