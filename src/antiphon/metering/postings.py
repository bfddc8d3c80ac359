"""What a receipt is booked as: an entry of the ledger for each of its tickets, and what they come to on accounts."""

from collections.abc import Callable, Iterable, Sequence
from math import ceil

import msgspec
from msgspec import Struct

from antiphon.core.ledger import EntryKind, Posting
from antiphon.store.database import Known, Use

SLOTS = 60
"""Of a rolling window."""
SECOND_NS = 1_000_000_000
_accounts = msgspec.msgpack.Decoder(tuple[tuple[str, int], ...])


class Used(Struct, frozen=True, gc=False):
    """The tokens of an attempt."""

    input_tokens: int = 0
    output_tokens: int = 0


_NOTHING = Used()


class Tried(Struct, frozen=True, gc=False):
    """What is booked of an attempt; fields as in `core.receipt.Attempt`."""

    deployment: str
    provider: str
    started_us: int = 0
    ticket: str = ""
    usage: Used | None = None
    cost_nano_usd: int | None = None
    assumed: bool = False
    price: str = ""
    holds: str = ""
    held_nano_usd: int | None = None
    held_tokens: int = 0
    requests: int = 0
    open: bool = False
    overrun_nano_usd: int = 0


def postings(
    receipt_id: str, tenant: str, at_ns: int, attempts: Iterable[Tried], *, died: bool = False
) -> list[Posting]:
    """One entry for each attempt that took a ticket.

    A ticket that is open still is booked at what it held: its process `died`, or nobody could say what was used.
    """
    debit = f"tenant/{tenant}"
    entries: list[Posting] = []
    for one in attempts:
        if not one.ticket:
            continue
        kind: EntryKind = "assumed" if one.assumed else "settled"
        money, used = one.cost_nano_usd, one.usage or _NOTHING
        tokens = used.input_tokens + used.output_tokens
        if one.open:
            kind = "died" if died else "assumed"
            money, tokens = one.held_nano_usd, one.held_tokens
        entries.append(
            Posting(
                id=one.ticket,
                at_ns=at_ns + one.started_us * 1000,
                kind=kind,
                tenant=tenant,
                receipt=receipt_id,
                holds=one.holds,
                debit=debit,
                credit=f"provider/{one.provider}/{one.deployment}",
                money_nano_usd=money,
                tokens=tokens,
                requests=one.requests,
                overrun_nano_usd=one.overrun_nano_usd,
                price=one.price,
            )
        )
    return entries


Held = tuple[tuple[str, int, Known], ...]
"""Accounts of a holds: key, window start, and what has to be known of them."""


def uses(holder: str, entries: Sequence[Posting], held: Callable[[str], Held]) -> list[Use]:
    """What entries come to on the accounts that they hold on.

    Args:
        holder: Whose leases were used; empty: nobody's.
        held: Gives the accounts of a holds by its id.
    """
    sums: dict[tuple[str, int], list[int]] = {}
    for entry in entries:
        if not entry.holds:
            continue
        key = entry.holds, entry.at_ns // SECOND_NS
        found = sums.get(key)
        if found is None:
            sums[key] = [entry.money_nano_usd or 0, entry.tokens, entry.requests]
        else:
            found[0] += entry.money_nano_usd or 0
            found[1] += entry.tokens
            found[2] += entry.requests
    booked: dict[tuple[str, int, int], Use] = {}
    for (holds, second), amounts in sums.items():
        for key, start_ns, known in held(holds):
            amount = amounts[PLACES[known.measure]]
            length_ns = slot_length_ns(known.rolling_ns) if known.rolling_ns else 0
            slot_ns = second * SECOND_NS // length_ns * length_ns if length_ns else 0
            before = booked.get((key, start_ns, slot_ns))
            total = amount + (before.amount if before is not None else 0)
            booked[key, start_ns, slot_ns] = Use(holder, key, start_ns, known.tenant, total, slot_ns, length_ns)
    return [use for use in booked.values() if use.amount]


PLACES = {"money": 0, "tokens": 1, "requests": 2}


def slot_length_ns(rolling_ns: int) -> int:
    """A sixtieth of a rolling window, in whole seconds: what is booked in one leaves the window together."""
    return ceil(rolling_ns / (SLOTS * SECOND_NS)) * SECOND_NS


def accounts(packed: bytes) -> tuple[tuple[str, int], ...]:
    """(account key, window start in ns) of holds as the journal has them."""
    return _accounts.decode(packed)


def tenant_of(names: Sequence[tuple[str, int]]) -> str:
    """Whose accounts these are: the second part of their keys; empty where all are shared."""
    return next((part for key, _ in names if (part := key.split("|", 2)[1])), "")
