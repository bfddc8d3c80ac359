"""Shows what was said, to those who may see it, once that is noted for auditors."""

from collections.abc import Callable

from antiphon.control.roles import EVERYWHERE, Scope
from antiphon.control.sight import Sight
from antiphon.core.audit import Event
from antiphon.core.error import NotFound
from antiphon.core.ports import AuditNotes, Store
from antiphon.core.receipt import Receipt
from antiphon.metering.captured import Captured


def receipt_of(store: Store, receipt_id: str, sight: Sight) -> Receipt:
    """A receipt. Blocks on files. Raises: NotAllowed; NotFound, also for those of others: whether they exist is not told."""
    sight.need("read")
    receipt = store.receipt(receipt_id)
    if receipt is None or not sight.sees(receipt.principal):
        raise NotFound(f"there is no receipt {receipt_id[:64]!r} that you may see", code="receipt_not_found")
    return receipt


def content_of(
    opened: Callable[[Receipt], Captured], notes: AuditNotes, receipt: Receipt, sight: Sight, now_ns: int
) -> Captured:
    """What was captured with a receipt that they may see. Blocks on files.

    Args:
        opened: Raises: NotFound, Erased, StoreError.
    Raises: NotAllowed, and what `opened` does. What can't be noted isn't shown.
    """
    owner = receipt.principal
    sight.who.need("content", EVERYWHERE if owner is None else Scope(owner.tenant, owner.team))
    tenant = "" if owner is None else owner.tenant
    notes.note(Event(tenant=tenant, kind="content.view", by=sight.by, at_ns=now_ns, about=receipt.id))
    return opened(receipt)
