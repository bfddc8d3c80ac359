"""Budget held for one attempt."""

from msgspec import Struct

from antiphon.core.money import NanoUsd


class Ticket(Struct, frozen=True, gc=False, kw_only=True):
    """Taken before an attempt, settled exactly once after it."""

    id: str
    tenant: str
    deployment: str
    bound_nano_usd: NanoUsd | None = None
    """The most that the attempt may cost; None: unknown."""
