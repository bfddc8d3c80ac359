"""Corrections: entries beside those that they correct, which stay."""

import time

from msgspec import Struct

from antiphon.core.audit import Event, Said
from antiphon.core.error import NotFound
from antiphon.core.ledger import Posting
from antiphon.metering.batching import Batching
from antiphon.store.audit import noted
from antiphon.store.database import Batch, Database


class Correction(Struct, frozen=True, kw_only=True):
    """What is added to an entry; less than 0: it is taken away."""

    entry: str
    money_nano_usd: int = 0
    tokens: int = 0
    requests: int = 0
    note: str
    by: str = "cli"
    """Who makes it, for auditors."""


def correct(database: Database, correction: Correction, entry_id: str) -> Posting:
    """Book a correction, on the accounts and in the time of the entry that it is of.

    Args:
        entry_id: The new entry's own.
    Returns: the new entry. Raises: NotFound, StoreError.
    """
    entry = database.posting(correction.entry)
    if entry is None:
        raise NotFound(f"there is no entry {correction.entry} in the ledger", code="entry_not_found")
    made = Posting(
        id=entry_id,
        at_ns=entry.at_ns,
        kind="correction",
        tenant=entry.tenant,
        receipt=entry.receipt,
        holds=entry.holds,
        debit=entry.debit,
        credit=entry.credit,
        money_nano_usd=correction.money_nano_usd,
        tokens=correction.tokens,
        requests=correction.requests,
        price=entry.price,
        corrects=entry.id,
        note=correction.note,
    )
    told = noted(_event(made, correction, time.time_ns()))
    database.write(Batch(postings=[made], uses=Batching(database).uses("", [made]), notes=[told]))
    return made


def _event(made: Posting, correction: Correction, now_ns: int) -> Event:
    """What auditors are told of a correction, in the transaction that books it."""
    detail: dict[str, Said] = {
        "entry": made.id,
        "money_nano_usd": correction.money_nano_usd,
        "tokens": correction.tokens,
        "requests": correction.requests,
    }
    about = f"ledger/{correction.entry}"
    return Event(tenant=made.tenant, kind="admin.change", by=correction.by, at_ns=now_ns, about=about, detail=detail)
