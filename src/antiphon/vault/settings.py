"""Keys that content at rest is sealed by."""

from msgspec import Struct


class VaultSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that content at rest is sealed by."""
