"""Corrections: entries beside those that they correct, which stay."""

from msgspec import Struct

from antiphon.core.error import NotFound
from antiphon.core.ledger import Posting
from antiphon.metering.batching import Batching
from antiphon.store.database import Batch, Database


class Correction(Struct, frozen=True, kw_only=True):
    """What is added to an entry; less than 0: it is taken away."""

    entry: str
    money_nano_usd: int = 0
    tokens: int = 0
    requests: int = 0
    note: str


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
    database.write(Batch(postings=[made], uses=Batching(database).uses("", [made])))
    return made
