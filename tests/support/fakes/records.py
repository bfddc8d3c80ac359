from hashlib import sha256

import msgspec

from antiphon.core.error import OverLimit, StoreError
from antiphon.core.ledger import Holds
from antiphon.core.money import NanoUsd
from antiphon.core.ports import Journal, Sealer, Store, Tickets
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt, Told
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage
from antiphon.metering.counting_tickets import CountingTickets


class ListedJournal(Journal):
    """Keeps records in lists, as they would be read again; fails where it is told to."""

    def __init__(self, events: list[str]) -> None:
        self._events = events
        self.open: list[Receipt] = []
        self.shut: list[Receipt] = []
        self.owed: list[Receipt] = []
        self.contents: dict[str, bytes] = {}
        self.failing: set[str] = set()

    def _note(self, event: str) -> None:
        self._events.append(f"journal.{event}")
        if event in self.failing:
            raise StoreError("the journal can't be written: the disk is full")

    def opened(self, told: Told, tail: bytes = b"}") -> None:
        self._note("opened")
        self.open.append(read_again(told, tail))

    def closed(self, told: Told, tail: bytes = b"}") -> None:
        self._note("closed")
        self.shut.append(read_again(told, tail))

    def owe(self, told: Told, tail: bytes = b"}") -> None:
        self._events.append("journal.owed")
        self.owed.append(read_again(told, tail))

    def held(self, holds: Holds) -> None:
        self._note("held")

    def captured(self, receipt_id: str, tenant: str, sealed: bytes, *, until_ns: int = 0) -> None:
        self._note("captured")
        self.contents[receipt_id] = sealed


def read_again(told: Told, tail: bytes) -> Receipt:
    return msgspec.json.decode(msgspec.json.encode(told)[:-1] + tail, type=Receipt)


class NotedTickets(Tickets):
    """Counting tickets whose every step is an event; refuses when it is told to."""

    def __init__(self, events: list[str]) -> None:
        self._events = events
        self.counted = CountingTickets("t")
        self.bounds: list[NanoUsd | None] = []
        self.refuses = False

    def reserve(self, principal: Principal, deployment: str, bound_nano_usd: NanoUsd | None) -> Ticket:
        self._events.append("tickets.reserve")
        if self.refuses:
            raise OverLimit("the budget is spent", retry_after_s=60)
        self.bounds.append(bound_nano_usd)
        return self.counted.reserve(principal, deployment, bound_nano_usd)

    def settle(self, ticket: Ticket, usage: Usage | None, cost_nano_usd: int | None) -> None:
        self._events.append("tickets.settle")
        self.counted.settle(ticket, usage, cost_nano_usd)


class PlainSealer(Sealer):
    """Seals nothing: shows what would be sealed, and for whom."""

    def seal(self, plain: bytes, context: str, *, tenant: str = "", subject: str = "") -> bytes:
        return context.encode() + b"|" + plain

    def unseal(self, sealed: bytes, context: str) -> bytes:
        return sealed.removeprefix(context.encode() + b"|")

    def stamp(self, text: bytes) -> bytes:
        return sha256(text).digest()


class ListedStore(Store):
    """Receipts by id."""

    def __init__(self, *receipts: Receipt) -> None:
        self._receipts = {receipt.id: receipt for receipt in receipts}

    def receipt(self, receipt_id: str) -> Receipt | None:
        return self._receipts.get(receipt_id)

    def last(self, tenant: str | None = None) -> Receipt | None:
        return max(self._receipts.values(), key=lambda receipt: receipt.id, default=None)

    def content(self, receipt_id: str) -> bytes | None:
        return None
