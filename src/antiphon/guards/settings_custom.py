"""Settings of guards."""

from msgspec import Struct


class RegexSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class PythonGuardSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""
