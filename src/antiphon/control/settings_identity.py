"""Who may call beside keys."""

from msgspec import Struct


class IdentitySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may call beside keys."""
