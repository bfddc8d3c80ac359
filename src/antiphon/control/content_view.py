"""Shows what was said, to those who may see it, once that is noted for auditors."""

from collections.abc import Callable

from antiphon.control.roles import EVERYWHERE, Scope
from antiphon.control.sight import Sight
from antiphon.core.audit import Event
from antiphon.core.error import NotFound
from antiphon.core.ports import AuditNotes, Sealer, Store
from antiphon.core.receipt import Receipt
from antiphon.metering.captured import Captured, opened


def receipt_of(store: Store, receipt_id: str, sight: Sight) -> Receipt:
    """A receipt. Blocks on files. Raises: NotAllowed; NotFound, also for those of others: whether they exist is not told."""
    sight.need("read")
    receipt = store.receipt(receipt_id)
    if receipt is None or not sight.sees(receipt.principal):
        raise NotFound(f"there is no receipt {receipt_id[:64]!r} that you may see", code="receipt_not_found")
    return receipt


def content_of(
    store: Store, sealer: Callable[[], Sealer], notes: AuditNotes | None, receipt: Receipt, sight: Sight, now_ns: int
) -> Captured:
    """What was captured with a receipt that they may see. Blocks on files.

    Args:
        notes: None: there is no audit log.
    Raises: NotAllowed, NotFound, Erased, StoreError; what can't be noted isn't shown.
    """
    scope = EVERYWHERE if receipt.principal is None else Scope(receipt.principal.tenant, receipt.principal.team)
    sight.who.need("content", scope)
    sealed = store.content(receipt.id) if receipt.captured else None
    if sealed is None:
        raise NotFound(
            "no content was captured with this receipt; `storage.capture: content` keeps it from then on",
            code="content_not_found",
        )
    tenant = receipt.principal.tenant if receipt.principal is not None else ""
    if notes is not None:
        notes.note(Event(tenant=tenant, kind="content.view", by=sight.by, at_ns=now_ns, about=receipt.id))
    return opened(sealed, sealer(), tenant, receipt.id)
