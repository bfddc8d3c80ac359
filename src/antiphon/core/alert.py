"""What somebody has to be told of a budget."""

from msgspec import Struct


class Alert(Struct, frozen=True, gc=False, kw_only=True, tag_field="type", tag="budget.threshold"):
    """An account has come to a fraction of its limit."""

    at_ns: int
    budget: str
    account: str
    tenant: str
    measure: str
    threshold: float
    """The fraction that was crossed."""
    fraction: float
    """Where it stands: booked and held, of the limit."""
    limit: int
    window_ends_ns: int | None = None
    """None: it has no end."""
