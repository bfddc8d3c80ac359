"""Policies as code."""

from msgspec import Struct


class PolicySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Policies as code."""
