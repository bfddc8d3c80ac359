"""Shows receipts to those who may see them."""

from antiphon.control.who import who_is
from antiphon.core.error import NotFound
from antiphon.core.ports import Store
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt


def show(store: Store, receipt_id: str, principal: Principal) -> Receipt:
    """A receipt, for the key that made the request, for whoever reads those of its tenant or team, or for an admin key.

    Blocks on files. Raises: NotFound, also for receipts of others: whether they exist is not told.
    """
    receipt = store.receipt(receipt_id)
    if receipt is None or not _may_see(receipt, principal):
        raise NotFound(f"there is no receipt {receipt_id[:64]!r} of yours", code="receipt_not_found", param="id")
    return receipt


def _may_see(receipt: Receipt, principal: Principal) -> bool:
    if principal.admin:
        return True
    owner = receipt.principal
    if owner is None or owner.tenant != principal.tenant:
        return False
    return owner.key == principal.key or (bool(principal.roles) and who_is(principal).sees(owner))
