"""The console's pages."""

from msgspec import Struct


class ConsoleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The console's pages."""
