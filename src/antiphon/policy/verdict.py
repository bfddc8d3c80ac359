"""What a verdict without policies says, and how a refusal is told."""

from antiphon.core.error import NotAllowed, PolicyDenied
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict

KEY_MODELS = "key.models"
ALLOWED = Verdict(allowed=True, reasons=(KEY_MODELS,))
DENIED = Verdict(allowed=False, reasons=(KEY_MODELS,))


def decide(principal: Principal, model: str) -> Verdict:
    """Whether this principal may ask for a public model name."""
    return ALLOWED if principal.may_ask(model) else DENIED


def refusal(verdict: Verdict, principal: Principal, model: str) -> NotAllowed:
    """What a caller is told of a verdict that says no."""
    if KEY_MODELS in verdict.reasons:
        return NotAllowed(
            f"the key {principal.key!r} may not ask for {model!r}; GET /v1/models lists what it may",
            code="model_not_allowed",
            param="model",
        )
    asked = f" of class {verdict.data_class}" if verdict.data_class else ""
    return PolicyDenied(
        f"policy forbids this request{asked} to {model!r}: {', '.join(verdict.reasons) or 'default.deny'}; ask whoever owns "
        "these policies, or send what they allow",
        reasons=verdict.reasons or ("default.deny",),
        param="model",
    )
