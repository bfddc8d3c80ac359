"""Who calls."""

from typing import Literal

from msgspec import Struct

from antiphon.core.data_class import DataClass

Lane = Literal["high", "normal", "low"]
LANES: tuple[Lane, ...] = ("high", "normal", "low")
"""Lanes of a waiting room, from the first served to the last."""


class Principal(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The caller that a key stands for. Every stored row carries its tenant."""

    tenant: str
    key: str
    """Name of the key, never its text."""
    user: str = ""
    team: str = ""
    department: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ("*",)
    """Public names it may ask for; `*` for all, `prefix*` for those that begin so."""
    admin: bool = False
    priority: Lane = "normal"
    """The lane that its requests wait in, and the highest that they may ask for."""

    roles: tuple[str, ...] = ()
    """What it may do in the control plane, and what policies call it."""
    employment: str = ""
    """Such as `employee`, `contractor` or `service`; empty: unknown."""
    data_class: DataClass | None = None
    """The least that what it sends is taken for; None: as configured."""
    clearance: DataClass | None = None
    """The highest class that it may send, and see unmasked; None: as policies say."""
    passthrough: tuple[str, ...] = ()
    """Providers that it may ask as they are; `*` for all."""

    def may_pass(self, provider: str) -> bool:
        """Whether it may ask a provider as it is; an admin may, where its key names none."""
        return provider in self.passthrough or "*" in self.passthrough or (self.admin and not self.passthrough)

    def subject(self, end_user: str = "", session: str = "") -> str:
        """Whose data a request is: `user/NAME` of the end user that it names, or of this caller; else `session/NAME`; else
        `key/NAME`. What was kept of it is sealed by keys of theirs, and erased with those.
        """
        if end_user or self.user:
            return f"user/{end_user or self.user}"
        return f"session/{session}" if session else f"key/{self.key}"

    @property
    def limited(self) -> bool:
        """Its key lists models."""
        return "*" not in self.models

    def may_ask(self, model: str) -> bool:
        """Whether the key's list of models holds this public name."""
        if "*" in self.models:
            return True
        return any(
            model.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == model for pattern in self.models
        )
