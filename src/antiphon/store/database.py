"""What is asked of the database: a shipper writes, everybody reads."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence

from msgspec import Struct

from antiphon.core.budget import Measure
from antiphon.core.error import StoreError
from antiphon.core.kept import Entry
from antiphon.core.ledger import Posting
from antiphon.core.score import Forgetting, Score, Tally
from antiphon.core.vault_store import Content, DataKey

MOST_TALLIES = 20_000
"""That are read at once."""
LAG_NS = 33 * 86_400_000_000_000
"""A journal says anew each day what its records name, and partitions that hold those records go by months."""


Noted = tuple[str, str, str, bytes | None]
"""Tenant, kind, what it is about, and the event as MessagePack; of a receipt that is made when it is chained."""


class AlreadyBooked(Exception):
    """Some postings of a batch are in the ledger; nothing of the batch was written."""

    def __init__(self, ids: set[str]) -> None:
        super().__init__(f"{len(ids)} entries are in the ledger already")
        self.ids = ids


class Row(Struct, frozen=True, gc=False, kw_only=True):
    """A receipt on its way into the table; `body` is its JSON, or what its basis does not say."""

    id: str
    tenant: str
    at_ns: int
    outcome: str
    body: bytes
    basis: str | None = None


class Use(Struct, frozen=True, gc=False):
    """What the postings of a batch come to on one account."""

    holder: str
    """Whose lease it is of; empty: nobody's, as of a correction."""
    key: str
    start_ns: int
    tenant: str
    amount: int
    slot_ns: int = 0
    """Of a rolling window: where its slot begins."""
    length_ns: int = 0
    """Of a rolling window: length of its slots; 0: it is none."""


class Known(Struct, frozen=True, gc=False):
    """An account, as far as its use has to be booked."""

    tenant: str
    measure: Measure
    rolling_ns: int


class Batch(Struct, frozen=True, kw_only=True):
    """What is written in one transaction."""

    rows: list[Row] = []
    bases: list[tuple[str, bytes]] = []
    """(id, tail): what many receipts have in common, as `Basis.tail` gives it. Those that are there stay."""
    contents: list[Content] = []
    notes: list[Noted] = []
    """What is to be chained for auditors, in order."""
    keys: list[DataKey] = []
    """Of those that were erased since they were made nothing is written."""
    kept: list[Entry] = []
    """What callers left to be kept, in order of writing."""
    began: list[tuple[str, str]] = []
    """(receipt id, writer) of requests that still run."""
    ended: list[str] = []
    """Ids of requests that run no more."""
    positions: dict[str, int] = {}
    """Journal segment to the offset up to which it is in the database once this is."""
    holds: list[tuple[str, str, bytes]] = []
    """(id, tenant, accounts as MessagePack). Those that are there stay."""
    postings: list[Posting] = []
    uses: list[Use] = []
    """What `postings` come to."""
    scores: list[Score] = []
    """Of several of one id, also with those that are there, the last counts."""
    forgetting: Forgetting = Forgetting()
    """How what `scores` come to is counted."""
    released: list[str] = []
    """Holders that are dead, and whose use is booked to the end: what is left of their leases is free."""


class Lapsed(Struct, frozen=True, gc=False, kw_only=True):
    """How many rows a retention took."""

    receipts: int = 0
    entries: int = 0
    accounts: int = 0
    bases: int = 0
    holds: int = 0


class Database(ABC):
    """The one writing connection of a shipper. In a store that several gateways share, what is asked of segments,
    running requests and holders is asked of the own gateway's alone. All methods raise StoreError.
    """

    @abstractmethod
    def write(self, batch: Batch) -> None:
        """All of a batch or nothing. A receipt that is no longer running is never changed. Raises: AlreadyBooked."""

    @abstractmethod
    def purge(self, now_ns: int) -> int:
        """Drop what was kept until now, and slots of rolling windows that are over. Returns: how many entries."""

    @abstractmethod
    def retain(self, receipts_ns: int, ledger_ns: int, most: int, unused_ns: int = 0) -> Lapsed:
        """Drop receipts, and ledger entries with accounts whose windows are over, that are older than these times; then
        bases and holds that nothing names any more, since journals last said them `LAG_NS` before.

        Args:
            receipts_ns: 0: all stay; so for `ledger_ns`.
            most: Rows of each kind that are dropped at most; partitions are dropped whole.
            unused_ns: With `ledger_ns` also accounts whose windows don't end and that nobody asked for since then.
        """

    @abstractmethod
    def forget(self, segments: Iterable[str]) -> None:
        """Drop the positions of segments that are gone."""

    @abstractmethod
    def running(self) -> dict[str, str]:
        """Requests that ran when last heard of: receipt id to writer."""

    @abstractmethod
    def positions(self) -> dict[str, int]:
        """Journal segment to the offset up to which it is in the database."""

    @abstractmethod
    def receipt(self, receipt_id: str) -> bytes | None:
        """A receipt's JSON."""

    @abstractmethod
    def basis(self, basis_id: str) -> bytes | None:
        """What receipts with this basis have in common."""

    @abstractmethod
    def holders(self) -> set[str]:
        """Who was ever granted a lease and isn't released."""

    @abstractmethod
    def holds(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Accounts of holds, as MessagePack, by id."""

    @abstractmethod
    def accounts(self, names: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Known]:
        """Accounts by (key, window start)."""

    @abstractmethod
    def posting(self, entry_id: str) -> Posting | None:
        """An entry of the ledger."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection."""


class Reader(ABC):
    """Reads; any thread may ask. All methods raise StoreError."""

    @abstractmethod
    def receipt(self, receipt_id: str) -> bytes | None:
        """A receipt's JSON."""

    @abstractmethod
    def basis(self, basis_id: str) -> bytes | None:
        """What receipts with this basis have in common."""

    @abstractmethod
    def last(self, tenant: str) -> bytes | None:
        """A tenant's newest receipt's JSON."""

    @abstractmethod
    def newest(self) -> Generator[bytes]:
        """Every receipt's JSON, the newest first; a connection is taken until the iterator is closed."""

    @abstractmethod
    def between(
        self, since: str, before: str, most: int, tenant: str | None = None, outcome: str | None = None
    ) -> list[bytes]:
        """JSON of receipts whose ids lie from one to below another, the newest first; of one tenant or all, with one
        outcome or any.
        """

    @abstractmethod
    def content(self, receipt_id: str) -> bytes | None:
        """Sealed content that was captured with a receipt."""

    @abstractmethod
    def kept(self, keys: Sequence[str]) -> list[Entry]:
        """Entries by their keys, also those that are gone."""

    @abstractmethod
    def kept_parts(self, key: str) -> list[Entry]:
        """The parts of a whole, also those that are gone."""

    @abstractmethod
    def positions(self) -> dict[str, int]:
        """Journal segment to the offset up to which it is in the database."""

    @abstractmethod
    def scores(self, receipt_id: str) -> list[Score]:
        """How good an answer was."""

    @abstractmethod
    def scored(self, tenant: str, since_ns: int, until_ns: int) -> Generator[bytes]:
        """JSON of a tenant's receipts of a time that have a score, in order of their ids."""

    @abstractmethod
    def tallies(self, tenant: str = "") -> list[Tally]:
        """What a tenant's scores come to (empty: everybody's); of more than `MOST_TALLIES` those scored last."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections."""


def joined(row: tuple[bytes, str | None, bytes | None] | None) -> bytes | None:
    """A receipt's JSON out of its body, its basis's id and that basis. Raises: StoreError, when that is missing."""
    if row is None:
        return None
    body, basis, tail = row
    if basis is None:
        return body
    if tail is None:
        raise StoreError(f"the basis {basis} of a receipt is missing in the database")
    return body[:-1] + tail
