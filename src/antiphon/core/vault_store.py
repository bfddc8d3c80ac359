"""Keys that content is sealed by, as they are stored: wrapped, and named by nobody's name."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

EVERYBODY = ""
"""Owner of an erasure or a hold that is of a whole tenant."""
CACHED = "\0cached"
"""Subject of what a cache keeps for whoever of a tenant asks next; erased with any subject of that tenant."""


class Content(NamedTuple):
    """What was captured with a receipt."""

    id: str
    """The receipt's."""
    tenant: str
    sealed: bytes
    """Empty: it was erased."""
    owner: str = ""
    """Whose data it is, as `DataKey.owner`."""
    until_ns: int = 0
    """From then on it is dropped; 0: as configured."""


class TenantKey(Struct, frozen=True, gc=False, kw_only=True):
    """The key that a tenant's data keys are wrapped by."""

    tenant: str
    wrapped: bytes
    scope: str = ""
    """Which gateway alone can unwrap it; empty: all that share the database."""
    wrapper: str
    """Which key it is wrapped by, as `KeyWrapper.name`."""
    at_ns: int


class DataKey(Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """A key that content is sealed by. What was sealed by it is gone once it is."""

    id: str
    """32 hexadecimal digits."""
    tenant: str
    owner: str
    """Whose data: 32 hexadecimal digits that nobody without the tenant's key can make of a name."""
    at_ns: int
    wrapped: bytes
    """By the tenant's key."""


class Erasure(Struct, frozen=True, gc=False, kw_only=True):
    """Data keys that were destroyed: all of an owner that were made until then."""

    number: int
    tenant: str
    owner: str
    at_ns: int


class Hold(Struct, frozen=True, kw_only=True):
    """What may not be erased, nor dropped for its age. Of `owner`, `receipt` and `session` one is there, or none: then it
    is all of the tenant's.
    """

    id: str
    tenant: str
    owner: str = ""
    receipt: str = ""
    session: str = ""
    by: str
    at_ns: int
    note: str = ""


class VaultStore(ABC):
    """Keeps keys, erasures and holds. Any thread may ask. All methods block, and raise StoreError."""

    @abstractmethod
    def tenant_key(self, tenant: str, scopes: Sequence[str]) -> TenantKey | None:
        """The key of a tenant, of the first of these scopes that has one; None: none has."""

    @abstractmethod
    def add_tenant_key(self, key: TenantKey) -> TenantKey:
        """Give a tenant a key. Returns: the one that it has in this scope, which another process may have given it first."""

    @abstractmethod
    def tenant_keys(self) -> list[TenantKey]:
        """All of them, in order of tenants."""

    @abstractmethod
    def rewrap(self, old: TenantKey, new: TenantKey) -> bool:
        """Put the same key, wrapped by another, in its place. Returns: False, where `old` isn't there any more."""

    @abstractmethod
    def keys(self, ids: Sequence[str]) -> dict[str, DataKey]:
        """Data keys by id; those that are gone left out."""

    @abstractmethod
    def add_keys(self, keys: Sequence[DataKey]) -> None:
        """Keep data keys; of those that were erased since they were made nothing."""

    @abstractmethod
    def erase(self, tenant: str, owner: str, at_ns: int) -> int:
        """Destroy an owner's data keys, and those that come later but were made before; `EVERYBODY`: all of a tenant's, and
        its own key. Leaves no bytes of them in SQLite's files; in Postgres they are gone once it has vacuumed, which this
        asks for. Returns: how many.
        """

    @abstractmethod
    def erasures(self, after: int) -> list[Erasure]:
        """Erasures whose number is above one, in order."""

    @abstractmethod
    def erased(self, key: DataKey) -> bool:
        """Whether a data key was erased since it was made."""

    @abstractmethod
    def wipe(self, tenant: str, receipts: Sequence[str]) -> int:
        """Take the content of receipts away, and that which comes later. Returns: how many had some."""

    @abstractmethod
    def of_session(self, tenant: str, session: str) -> list[str]:
        """Ids of a session's receipts, as far as they are in the database."""

    @abstractmethod
    def lapse(self, now_ns: int, before_ns: int, most: int) -> int:
        """Drop content whose time is over, or that is of before a time (0: none is), but not what is held.

        Returns: how many were dropped, of at most `most`.
        """

    @abstractmethod
    def hold(self, hold: Hold) -> None:
        """Place a hold."""

    @abstractmethod
    def lift(self, hold_id: str) -> Hold | None:
        """Lift a hold. Returns: what it was; None: there is none."""

    @abstractmethod
    def holds(self, tenant: str | None = None) -> list[Hold]:
        """Holds of a tenant or of all, the oldest first."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store."""
