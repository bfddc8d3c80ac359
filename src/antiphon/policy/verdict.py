"""Decides what a principal may do. Today's one rule: the models that a key lists."""

from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict

ALLOWED = Verdict(allowed=True, reasons=("key.models",))
DENIED = Verdict(allowed=False, reasons=("key.models",))


def decide(principal: Principal, model: str) -> Verdict:
    """Whether this principal may ask for a public model name."""
    return ALLOWED if principal.may_ask(model) else DENIED
