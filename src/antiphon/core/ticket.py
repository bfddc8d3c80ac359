"""Budget held for one attempt."""

from msgspec import Struct

from antiphon.core.money import NanoUsd
from antiphon.core.principal import Principal
from antiphon.core.request import NO_LINEAGE, Lineage


class Ticket(Struct, frozen=True, gc=False, kw_only=True):
    """Taken before an attempt, settled exactly once after it."""

    id: str
    tenant: str
    deployment: str
    bound_nano_usd: NanoUsd | None = None
    """The most that the attempt may cost; None: unknown."""


class Whose(Struct, frozen=True, gc=False, kw_only=True):
    """Whose use a request is, as far as budgets and limits count it."""

    principal: Principal
    model: str
    """Public name that was asked for."""
    route: str
    end_user: str = ""
    """The caller's own customer, as its body or header says."""
    lineage: Lineage = NO_LINEAGE


class Bound(Struct, frozen=True, gc=False, kw_only=True):
    """The most that an attempt may use, and what it likely will."""

    money_nano_usd: NanoUsd | None
    """Proven; None: unknown, since the deployment is unpriced or nothing bounds its answer."""
    tokens: int | None
    """Proven, of input and output together; None: unknown."""
    likely_nano_usd: int = 0
    likely_input_tokens: int = 0
    likely_output_tokens: int = 0
