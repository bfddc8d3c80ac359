"""Settings of guards."""

from msgspec import Struct


class PiiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class PresidioSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""
