"""Frees what a gateway holds that is lost with its journal: booked whole, since nobody can say what of it was spent."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from msgspec import Struct, msgpack
from msgspec.structs import replace

from antiphon.core.budget import Measure
from antiphon.core.error import StoreError
from antiphon.core.ledger import Holds, Posting
from antiphon.metering.batching import Batching
from antiphon.metering.postings import Held, tenant_of, uses
from antiphon.store.database import AlreadyBooked, Batch, Database, Known
from antiphon.store.upkeep import Lease

ID_CHARACTERS = 36
Layer = tuple[tuple[Lease, ...], int]
"""Leases that have an amount in common, and that amount."""


class Released(Struct, frozen=True, kw_only=True):
    """What became of a lost gateway."""

    holders: tuple[str, ...]
    requests: int
    """That ran when it was last heard of; their receipts say `interrupted`."""
    entries: tuple[Posting, ...]
    """All of the kind `died`: tickets of those requests, and what was left of leases."""


def release(database: Database, leases: Sequence[Lease], home: str, now_ns: int) -> Released:
    """Book what a lost gateway holds, and free it. Each of its processes is one transaction, so it can be asked again.

    Args:
        database: Opened as that gateway's own.
        leases: Its own, as they stand.
    Raises: StoreError, also when somebody else releases it meanwhile.
    """
    running: dict[str, list[str]] = {}
    for receipt_id, writer in database.running().items():
        running.setdefault(writer, []).append(receipt_id)
    holders = sorted({*database.holders(), *running})
    entries: list[Posting] = []
    for holder in holders:
        batch = Batching(database).died(holder, sorted(running.get(holder, ())))
        batch = _with_leases(batch, [one for one in leases if one.holder == holder], home, now_ns)
        try:
            database.write(batch)
        except AlreadyBooked as error:
            raise StoreError(f"what {holder} holds was booked meanwhile ({error}); ask again") from error
        entries += batch.postings
    database.forget(list(database.positions()))
    return Released(holders=tuple(holders), requests=sum(map(len, running.values())), entries=tuple(entries))


def _with_leases(batch: Batch, leases: Sequence[Lease], home: str, now_ns: int) -> Batch:
    """The same with what is left of leases once the tickets are booked that were open."""
    booked = {(use.key, use.start_ns): 0 for use in batch.uses}
    for use in batch.uses:
        booked[use.key, use.start_ns] += use.amount
    left = [replace(one, held=one.held - max(booked.get((one.key, one.start_ns), 0), 0)) for one in leases]
    holds: list[tuple[str, str, bytes]] = []
    known: dict[str, Held] = {}
    made: list[Posting] = []
    for tenant, measure in sorted({(one.tenant, one.measure) for one in left}):
        for some, amount in layers(one for one in left if (one.tenant, one.measure) == (tenant, measure)):
            named = _holds(some)
            holds.append((named.id, tenant_of(named.accounts), msgpack.encode(named.accounts)))
            known[named.id] = tuple(
                (one.key, one.start_ns, Known(one.tenant, one.measure, one.rolling_ns)) for one in some
            )
            made.append(_posting(some[0], named.id, amount, home, now_ns))
    return replace(
        batch,
        holds=[*batch.holds, *holds],
        postings=[*batch.postings, *made],
        uses=[*batch.uses, *(uses(leases[0].holder, made, known.__getitem__) if made else ())],
    )


def layers(leases: Iterable[Lease]) -> Iterator[Layer]:
    """Amounts that leases have in common, so that together they come to the largest of them and each to its own.

    An attempt is held on several accounts at once: an entry for each of them would owe its cost several times.
    """
    rest = sorted((one for one in leases if one.held > 0), key=lambda one: (one.held, one.key, one.start_ns))
    below = 0
    while rest:
        amount = rest[0].held - below
        yield tuple(rest), amount
        below += amount
        rest = [one for one in rest if one.held > below]


def _holds(leases: Sequence[Lease]) -> Holds:
    accounts = tuple(sorted((one.key, one.start_ns) for one in leases))
    return Holds(id=sha256(msgpack.encode(accounts)).hexdigest()[:ID_CHARACTERS], accounts=accounts)


def _posting(lease: Lease, holds: str, amount: int, home: str, now_ns: int) -> Posting:
    """The same lease gives the same id, so that nothing is booked twice."""
    amounts: dict[Measure, int] = {"money": 0, "tokens": 0, "requests": 0, lease.measure: amount}
    named = sha256(f"{lease.holder} {lease.measure} {holds}".encode()).hexdigest()[:ID_CHARACTERS]
    return Posting(
        id=named,
        at_ns=now_ns,
        kind="died",
        tenant=lease.tenant,
        receipt="",
        holds=holds,
        debit=f"tenant/{lease.tenant}",
        credit=f"provider/lost/{home}",
        money_nano_usd=amounts["money"],
        tokens=amounts["tokens"],
        requests=amounts["requests"],
        note="what was left of leases of a lost gateway",
    )
