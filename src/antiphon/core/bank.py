"""The bank: grants leases of budgets to workers, so that a hard cap costs no round trip on the path.

For each account: booked + leased <= limit, at every grant. What is booked comes from the journal, in the transaction that
books it; what is leased and not booked yet stays leased until its holder gives it back, or until its journal is read
to the end after its death. So no time-out ever frees money that may have been spent.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from msgspec import Struct

from antiphon.core.budget import Account
from antiphon.core.ledger import Balance


class Want(Struct, frozen=True, gc=False, kw_only=True):
    """What a holder wants of an account. All amounts are totals since the lease began, so asking twice grants once."""

    account: Account
    limit: int
    """Of the budget, with raises."""
    hard: bool
    """False: granted whatever the limit says, so that use is known."""
    granted: int
    """What the holder knows it was granted. Less than that in the store: it was granted once and never heard of it."""
    need: int
    """The least total that helps; at most `granted`: nothing is needed."""
    like: int
    """The total that it would like. Below `granted`: the difference is given back."""
    ends: bool = False
    """The holder forgets this lease: nothing of it is open, `like` is what was used, and its totals begin from 0 again
    once the answer has come. Asking so twice ends it once."""


class Grant(Struct, frozen=True, gc=False, kw_only=True):
    """What a holder has."""

    granted: int
    """Its total now."""
    spent: int
    """Booked on the account by all, within the window."""
    held: int
    """Leased to all, this holder included, and not booked yet."""
    booked: int = 0
    """What of its total is booked: the rest of what it used is on its way."""
    scarce: bool
    """Somebody got less than they needed a moment ago: what isn't needed should be given back at once."""


class Bank(ABC):
    """Where leases come from. Blocks on files or sockets, so it is asked beside the loop."""

    @abstractmethod
    def grant(self, holder: str, wants: Sequence[Want], now_ns: int) -> list[Grant]:
        """Change a holder's leases, all in one transaction.

        Of a hard account no more is granted than is free: between need and like, and the less the nearer the cap is;
        nothing when the need is not free.

        Args:
            holder: The worker's name in the journal.
        Returns: one for each want, in order.
        Raises: StoreError; then it is unknown what was granted, and the next ask tells.
        """

    @abstractmethod
    def balances(self, keys: Iterable[str], now_ns: int) -> list[Balance]:
        """How accounts stand, those that nobody ever used left out. Raises: StoreError."""

    @abstractmethod
    def accounts(self, budget: str, after: str, most: int) -> list[str]:
        """Keys of the accounts of a budget that anybody ever used: those after one, in order. Raises: StoreError."""

    @abstractmethod
    def announce(self, account: Account, mark: float, now_ns: int) -> bool:
        """Ask to be the one who tells that an account came to a threshold.

        Args:
            mark: The threshold in the budget's measure, so that one of a limit that was raised is another one.
        Returns: False, when somebody told that before, or of a higher one, in this window: of a rolling one, within its
            length. Raises: StoreError.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the store."""
