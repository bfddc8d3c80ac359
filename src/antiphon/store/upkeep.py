"""What is done with a database as a whole, by hand: its version, its copies, and whether it is in order."""

from abc import ABC, abstractmethod
from pathlib import Path

from msgspec import Struct

from antiphon.core.budget import Measure


class Home(Struct, frozen=True, gc=False, kw_only=True):
    """A gateway that the database knows of, by the name in its data directory."""

    name: str
    connected: bool
    """It has connections to the database. False where nobody can tell."""
    holders: int
    """Of its processes, those that were granted something and aren't released."""
    accounts: int
    """That they hold something of."""
    running: int
    """Requests that ran when it was last heard of."""


class Lease(Struct, frozen=True, gc=False, kw_only=True):
    """What a process holds of an account."""

    holder: str
    key: str
    start_ns: int
    tenant: str
    measure: Measure
    rolling_ns: int
    held: int
    """Granted and not booked yet."""


class Standing(Struct, frozen=True, gc=False, kw_only=True):
    """An account as it stands in its table."""

    key: str
    start_ns: int
    tenant: str
    measure: str
    spent: int
    held: int


class Audit(Struct, frozen=True, kw_only=True):
    """What the money's tables say, all at one moment."""

    damage: tuple[str, ...]
    """What the database itself finds wrong with its files."""
    entries: int
    debits: int
    credits: int
    """Sums of money, in nano-USD, over those who used and those who are owed."""
    stray: tuple[str, ...]
    """Ids of corrections of what is not in the ledger."""
    sums: tuple[tuple[str, int, int, int], ...]
    """Holds, and what its entries come to: money, tokens, requests."""
    holds: dict[str, bytes]
    accounts: tuple[Standing, ...]
    leased: dict[tuple[str, int], int]
    """What leases hold of each account."""
    holders: dict[str, str]
    """Who holds leases, and the gateway that it is of."""
    unnamed: tuple[str, ...]
    """Holders of leases whom nobody is going to release."""


class Upkeep(ABC):
    """All methods raise StoreError."""

    newest: int
    """Version of the tables that this code is for."""

    @abstractmethod
    def version(self) -> int:
        """Version of the tables; 0: there are none."""

    @abstractmethod
    def migrate(self, wanted: int | None = None) -> tuple[int, int]:
        """Bring the tables to a version, by default the newest. Nobody may use them. Returns: from which, to which."""

    @abstractmethod
    def audit(self) -> Audit:
        """Read everything that has to agree. The tables must have the newest version."""

    @abstractmethod
    def homes(self) -> tuple[Home, ...]:
        """Gateways that hold something or have requests running, in order of names."""

    @abstractmethod
    def leases(self, home: str) -> tuple[Lease, ...]:
        """What a gateway's processes hold still."""

    @abstractmethod
    def copy(self, directory: Path) -> Path:
        """Copy the database, also one that is in use, into a directory. Returns: the file that was written."""

    @abstractmethod
    def restore(self, directory: Path) -> None:
        """Put such a copy in the place of the database. Nobody may use it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections."""
