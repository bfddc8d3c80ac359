"""Chains of events, and where they are kept."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from antiphon.core.audit import Event
from antiphon.core.objects import Change
from antiphon.core.ports import AuditNotes


class Stored(Struct, frozen=True, gc=False, kw_only=True):
    """A receipt that has ended, as it lies in the database."""

    id: str
    tenant: str
    body: bytes | None
    """Its JSON; None: it is gone already."""


class Head(Struct, frozen=True, gc=False, kw_only=True):
    """How far a tenant's chain has come."""

    tenant: str
    size: int = 0
    """So many events; the first has the number 0."""
    head: bytes = bytes(32)
    """SHA-256 of the last one."""
    frontier: bytes = b""
    """Roots of the whole subtrees that its events make up, the largest first."""


class Link(Struct, frozen=True, gc=False, kw_only=True):
    """An event in its chain."""

    tenant: str
    seq: int
    kind: str
    about: str
    body: bytes
    """The event in canonical JSON, with its number and the digest of the one before."""


class Grown(Struct, frozen=True, kw_only=True):
    """What chains are to become."""

    links: list[Link]
    heads: list[Head]
    batches: list[tuple[str, int, bytes]]
    """(tenant, number, root) of batches of events that are whole."""


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A signed statement of how far a chain had come."""

    tenant: str
    size: int
    at_ns: int
    note: bytes
    """Text of a signed note."""
    exported: bool = False
    """It lies outside the database too."""


Pending = Event | Stored | Change
Chain = Callable[[Sequence[Pending], Mapping[str, Head]], Grown]
"""Makes links of what waits, from how far the chains of its tenants have come."""


class AuditStore(AuditNotes):
    """Keeps chains. Any thread may ask. All methods block, and raise StoreError."""

    @abstractmethod
    def grow(self, chain: Chain, most: int) -> int:
        """Chain what waits, in one transaction that no other process crosses. Returns: how many events."""

    @abstractmethod
    def heads(self) -> list[Head]:
        """How far every chain has come, in order of tenants."""

    @abstractmethod
    def links(self, tenant: str, first: int, most: int) -> list[Link]:
        """Events of a chain from a number on, in order."""

    @abstractmethod
    def about(self, what: str, most: int) -> list[Link]:
        """Events about a receipt or an object, of all tenants, the first first."""

    @abstractmethod
    def batches(self, tenant: str) -> list[bytes]:
        """Roots of a chain's whole batches, in order."""

    @abstractmethod
    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; of one size the first stays, and is exported once any call says so."""

    @abstractmethod
    def checkpoints(self, tenant: str, most: int) -> list[Checkpoint]:
        """A chain's checkpoints, the largest first."""

    @abstractmethod
    def unexported(self, most: int) -> list[Checkpoint]:
        """Checkpoints that lie in the database alone, the oldest first."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store."""
