"""What is booked: one entry for each ticket that was settled, and one for each correction."""

from typing import Literal

from msgspec import Struct

EntryKind = Literal["settled", "assumed", "died", "correction"]
"""`settled` by what the upstream said; `assumed` where it never said; `died`: the process ended before the answer did,
and what the ticket held is booked; `correction` of another entry, which stays."""


class Holds(Struct, frozen=True, kw_only=True):
    """The accounts that a ticket holds on: the same for many tickets, so they are written once and named by `id`."""

    id: str
    """36 characters; a digest of the rest."""
    accounts: tuple[tuple[str, int], ...]
    """(account key, window start in ns), as `Account` has them."""


class Posting(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An entry of the ledger. Use is moved from `credit` to `debit`, and counted on all accounts of `holds`."""

    id: str
    """The ticket's, or the correction's own."""
    at_ns: int
    kind: EntryKind
    tenant: str
    receipt: str
    holds: str
    """Id of `Holds`; empty: it held on nothing."""
    debit: str
    """Who used it: `tenant/NAME`."""
    credit: str
    """Who is owed for it: `provider/NAME/DEPLOYMENT`."""
    money_nano_usd: int | None = None
    """None: unknown, as the deployment is unpriced."""
    tokens: int = 0
    requests: int = 0
    overrun_nano_usd: int = 0
    """Of the money, what went beyond the ticket's bound."""
    price: str = ""
    """Revision that the price is of."""
    corrects: str = ""
    """Id of the entry that it corrects."""
    note: str = ""


class Balance(Struct, frozen=True, gc=False, kw_only=True):
    """How an account stands, in its budget's measure."""

    account: str
    start_ns: int
    tenant: str
    spent: int
    """Booked. Of a rolling window: within it."""
    held: int
    """Leased to workers, and not booked yet."""
