"""What the console's pages ask."""

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from antiphon.agents.documents.shelf import Shelf
from antiphon.control.approvals import Book
from antiphon.control.deployment_board import Placed
from antiphon.control.policy_board import InForce
from antiphon.control.run_office import RunOffice
from antiphon.core.audit_store import AuditStore
from antiphon.core.bank import Bank
from antiphon.core.budget import Budget
from antiphon.core.clock import Clock
from antiphon.core.receipt import Receipt
from antiphon.core.spend import Spending
from antiphon.metering.captured import Captured
from antiphon.metering.records import Records


class Desk(Struct, frozen=True, kw_only=True):
    """The use cases. All of them block on files or sockets."""

    records: Records
    spending: Spending
    bank: Callable[[], Bank]
    """Opens one, to be closed after use."""
    budgets: Callable[[], Sequence[Budget]]
    """The file's and the admin API's."""
    placed: Sequence[Placed]
    """Deployments as they are configured."""
    metrics: Path
    """Where the workers of this machine count."""
    content: Callable[[Receipt], Captured]
    """What was captured with a receipt. Raises: NotFound, Erased, StoreError."""
    clock: Clock
    rows: int
    """Of receipts on a page."""
    in_force: InForce
    """Policies."""
    audit: AuditStore
    """Who looked at what was said is noted there too."""
    book: Callable[[], Book]
    """Approvals. Fetches keys at first use."""
    runs: Callable[[], RunOffice] | None = None
    """Of agents. Fetches keys at first use; None: none are kept."""
    shelf: Callable[[], Shelf] = Shelf
    """Documents of agents."""
