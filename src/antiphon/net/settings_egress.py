"""Where connections may go."""

from msgspec import Struct


class EgressSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where connections may go."""
