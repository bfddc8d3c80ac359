"""Whether the books are right: balances made anew from the ledger, beside those that grants are made from."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from antiphon.metering.postings import PLACES, accounts
from antiphon.store.upkeep import Audit

Name = tuple[str, int]
"""Account key and window start in ns."""


class Fault(Struct, frozen=True, kw_only=True):
    """Something in the books that is not as it has to be."""

    what: Literal["damage", "sides", "spent", "held", "holds", "correction", "lease"]
    about: str
    found: str


def rebuild(audit: Audit) -> dict[Name, int]:
    """What is spent on each account, in its measure, as the ledger says."""
    measures = {(one.key, one.start_ns): one.measure for one in audit.accounts}
    spent: dict[Name, int] = defaultdict(int)
    for holds, *amounts in audit.sums:
        for name in accounts(audit.holds[holds]) if holds in audit.holds else ():
            if name in measures:
                spent[name] += amounts[PLACES[measures[name]]]
    return spent


def faults(audit: Audit, *, whole: bool) -> Iterator[Fault]:
    """What does not agree.

    Args:
        whole: Every entry is there still; else accounts may have more spent than the ledger knows of.
    """
    yield from (Fault(what="damage", about="database", found=one) for one in audit.damage)
    if audit.debits != audit.credits:
        found = f"{audit.debits} nano-USD are debited and {audit.credits} credited"
        yield Fault(what="sides", about="ledger", found=found)
    for holds, *_ in audit.sums:
        if holds not in audit.holds:
            yield Fault(
                what="holds", about=holds, found="entries name these holds, and nobody knows which accounts they are"
            )
    spent = rebuild(audit)
    for one in audit.accounts:
        name = one.key, one.start_ns
        booked, leased = spent.get(name, 0), audit.leased.get(name, 0)
        if one.spent < booked or (whole and one.spent != booked):
            found = f"{one.spent} spent, and the ledger says {booked} ({one.measure})"
            yield Fault(what="spent", about=f"{one.key} @{one.start_ns}", found=found)
        if one.held != leased:
            found = f"{one.held} held, and leases say {leased} ({one.measure})"
            yield Fault(what="held", about=f"{one.key} @{one.start_ns}", found=found)
    if whole:
        yield from (
            Fault(what="correction", about=one, found="corrects an entry that is not in the ledger")
            for one in audit.stray
        )
    yield from (
        Fault(what="lease", about=one, found="has leases, and no gateway is going to free them")
        for one in audit.unnamed
    )
