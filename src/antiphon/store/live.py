"""What is asked of a live database for reports and exports."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from antiphon.core.ids import first_id
from antiphon.core.ledger import Posting
from antiphon.core.spend import Spending
from antiphon.store.parquet_rows import Row

MARGIN_NS = 60_000_000_000
"""How far the time in an id may be from the receipt's own."""


class Live(Spending):
    """Any thread may ask; every question has a connection of its own. All methods raise StoreError."""

    @abstractmethod
    def rows(self, since_ns: int, until_ns: int) -> Iterator[Row]:
        """Receipts of a time that have ended, in order of their ids."""

    @abstractmethod
    def running(self, since_ns: int, until_ns: int) -> int:
        """How many receipts of a time have not ended."""

    @abstractmethod
    def oldest_ns(self) -> int | None:
        """When the oldest receipt came in; None: there is none."""

    @abstractmethod
    def entries(self, since_ns: int, until_ns: int) -> Iterator[Posting]:
        """Entries of the ledger of a time, in order of time."""


def span(since_ns: int, until_ns: int) -> dict[str, Any]:
    """Bounds by id, which the table is in order of, and by the time itself."""
    first, last = first_id(since_ns - MARGIN_NS), first_id(until_ns + MARGIN_NS)
    return {"first": first, "last": last, "since": since_ns, "until": until_ns}
