"""Settings of guards."""

from msgspec import Struct


class UnicodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class InjectionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class TopicsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class HarmSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class LeakSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class OutputSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class SchemaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class LanguageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""


class LengthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""
