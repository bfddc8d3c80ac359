"""Settings of guards."""

from msgspec import Struct


class SecretsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO."""
