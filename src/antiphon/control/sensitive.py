"""Who may see what is kept: nobody whose clearance its class is above."""

from antiphon.core.data_class import DataClass
from antiphon.core.error import NotAllowed
from antiphon.core.principal import Principal
from antiphon.policy.judge import below


def check_clearance(principal: Principal, data_class: DataClass | None) -> None:
    """See that a caller may be shown what is of a class; None: nothing is known of it. Raises: NotAllowed."""
    if data_class is not None and below(principal, data_class):
        raise NotAllowed(
            f"what is kept here is {data_class}, above the clearance of the key {principal.key!r}; ask whoever owns the key",
            code="above_clearance",
        )
