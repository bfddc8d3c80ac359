"""Objects that the admin API owns: keys, service accounts, role bindings, budgets, limits, bundles of policies and documents of agents, and the changes that made them what they are.

What the configuration file says is not among them: each object has one owner.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from antiphon.core.object_kinds import OBJECT_KINDS, ObjectKind

__all__ = ["OBJECT_KINDS", "Action", "Change", "Edit", "Object", "ObjectKind", "Objects", "Update"]

Action = Literal[
    "create",
    "replace",
    "delete",
    "rotate",
    "revoke",
    "raise",
    "publish",
    "rollout",
    "rollback",
    "withdraw",
]


class Object(Struct, frozen=True, kw_only=True):
    """An object as it stands."""

    kind: ObjectKind
    name: str
    tenant: str
    spec: bytes
    """JSON: its fields as the configuration file would have them."""
    version: int
    """Of the change that made it so."""
    at_ns: int
    by: str
    """Who made it so: `key/NAME`, `bootstrap`, or `cli`."""


class Change(Struct, frozen=True, kw_only=True):
    """What somebody did to an object. Changes are never altered; their versions rise, and are seen in that order."""

    version: int
    at_ns: int
    kind: ObjectKind
    name: str
    tenant: str
    action: Action
    by: str
    before: bytes | None
    """JSON, no secrets in it; None: it was not there."""
    after: bytes | None
    """JSON, no secrets in it; None: it is there no more."""


class Edit(Struct, frozen=True, kw_only=True):
    """What is to become of an object."""

    kind: ObjectKind
    name: str
    tenant: str
    action: Action
    expects: int
    """Version that it must have; 0: it must not be there."""
    spec: bytes | None
    """None: it is deleted."""
    before: bytes | None = None
    """For the record of changes, as `after`."""
    after: bytes | None = None


class Update(Struct, frozen=True, kw_only=True):
    """What differs from what was known."""

    version: int
    """Of the newest change."""
    whole: bool
    """`objects` are all there are; else those that changed."""
    objects: tuple[Object, ...]
    """As they stand."""
    gone: tuple[tuple[ObjectKind, str], ...]
    """(kind, name) of those that were deleted."""


class Objects(ABC):
    """Where they are kept. Blocks on files or sockets, so it is asked beside the loop. All methods raise StoreError."""

    @abstractmethod
    def since(self, version: int) -> Update:
        """What changed after a version; all there is where that is 0, or above the newest: the store is an older one."""

    @abstractmethod
    def get(self, kind: ObjectKind, name: str) -> Object | None:
        """One of them; None when it isn't there."""

    @abstractmethod
    def page(self, kind: ObjectKind, after: str, most: int, tenant: str | None = None) -> list[Object]:
        """Those whose names come after one, in order of names; of one tenant or of all."""

    @abstractmethod
    def edit(self, edit: Edit, by: str, at_ns: int) -> int:
        """Change an object and note that, in one transaction.

        Returns: the version of the change.
        Raises: VersionConflict, when it is not there as `edit` expects; then nothing changed.
        """

    @abstractmethod
    def changes(
        self, before: int, most: int, kind: ObjectKind | None = None, name: str | None = None
    ) -> Sequence[Change]:
        """Changes whose version is below one, the newest first."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store."""
