"""What the console's pages ask."""

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from antiphon.control.deployment_board import Placed
from antiphon.control.inbox import Inbox
from antiphon.control.policy_board import InForce
from antiphon.core.audit_store import AuditStore
from antiphon.core.bank import Bank
from antiphon.core.budget import Budget
from antiphon.core.clock import Clock
from antiphon.core.ports import AuditNotes, Sealer
from antiphon.core.spend import Spending
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
    sealer: Callable[[], Sealer]
    clock: Clock
    rows: int
    """Of receipts on a page."""
    in_force: InForce
    """Policies."""
    notes: AuditNotes | None = None
    """None: there is no audit log; so for `audit`."""
    audit: AuditStore | None = None
    inbox: Inbox | None = None
    """None: nobody is asked."""
