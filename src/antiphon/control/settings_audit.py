"""The record that stands up to an auditor."""

from msgspec import Struct


class AuditSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record that stands up to an auditor."""
