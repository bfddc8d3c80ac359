"""What policy says of a request."""

from msgspec import Struct


class Verdict(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Allowed or not, by which rules, and which deployments are left out."""

    allowed: bool
    reasons: tuple[str, ...] = ()
    """Ids of the rules that decided."""
    excluded: tuple[str, ...] = ()
    """Deployments that it forbids."""
