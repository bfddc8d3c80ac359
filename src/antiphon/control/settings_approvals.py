"""How people are asked."""

from msgspec import Struct


class ApprovalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people are asked."""
