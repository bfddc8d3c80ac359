"""What the paths of the admin API ask."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from antiphon.control.approvals import Book
from antiphon.control.audit_log import AuditLog
from antiphon.control.ceiling import Ceiling
from antiphon.control.documents import Documents
from antiphon.control.erasing import Erasing
from antiphon.control.policies import Bundles
from antiphon.control.registry import Fields, Registry
from antiphon.control.run_office import RunOffice
from antiphon.control.trigger_office import TriggerOffice
from antiphon.control.who import Who
from antiphon.core.bank import Bank
from antiphon.core.clock import Clock
from antiphon.core.ids import Ids
from antiphon.core.ports import AuditNotes
from antiphon.core.receipt import Receipt
from antiphon.metering.captured import Captured
from antiphon.store.database import Database
from antiphon.vault.rotation import Rotated


class Proof(Struct, frozen=True, kw_only=True):
    """What opens, erases and rotates what lies sealed."""

    erasing: Erasing
    rotate: Callable[[], Rotated]
    reveal: Callable[[str, Sequence[str]], dict[str, str]]
    """What tokens of a tenant stand for. Raises: StoreError."""
    content: Callable[[Receipt], Captured]
    """What was captured with a receipt. Raises: NotFound, Erased, StoreError."""
    receipt: Callable[[str], Receipt | None]


class Desk(Struct, frozen=True, kw_only=True):
    """The use cases."""

    registry: Registry
    policies: Bundles
    bank: Callable[[], Bank]
    """Opens one, to be closed after use."""
    database: Callable[[], Database]
    """The same."""
    clock: Clock
    ids: Ids
    notes: AuditNotes
    """Takes down what no record of changes has."""
    log: AuditLog
    proof: Callable[[], Proof]
    """What needs keys, which are fetched at first use."""
    documents: Documents
    """Of agents."""
    runs: Callable[[], RunOffice] | None = None
    """Of agents; None: none are kept."""
    triggers: Callable[[], TriggerOffice] | None = None
    """Of agents; None: none are kept."""
    approvals: Callable[[], Book] | None = None
    """What people are asked; None: nothing is kept."""

    def ceiling(self, who: Who) -> Ceiling:
        """What whoever asks sees of the registry's objects, and may make of them."""

        def own() -> Fields:
            kind, _, name = who.by.partition("/")
            return self.registry.get("account" if kind == "account" else "key", name).spec

        return Ceiling(who=who, own=own)


class Done(Struct, frozen=True, kw_only=True):
    """What came of a request."""

    value: Any
    version: int | None = None
    """Of the object that is shown."""
    changed: int | None = None
    """Version of the change that was made."""
    made: bool = False
    """Something is there that was not."""
