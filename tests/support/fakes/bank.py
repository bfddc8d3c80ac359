from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from antiphon.core.bank import Bank, Grant, Want
from antiphon.core.budget import Account
from antiphon.core.error import StoreError
from antiphon.core.ledger import Balance

SLOTS = 60
SCARCE_NS = 1_000_000_000


@dataclass
class Lease:
    """Totals of all that a holder ever leased; what it says itself counts from `ended` on."""

    granted: int = 0
    used: int = 0
    ended: int = 0

    @property
    def held(self) -> int:
        return max(0, self.granted - self.used)


@dataclass
class Book:
    """One account over one window."""

    account: Account
    spent: int = 0
    uses: list[tuple[int, int]] = field(default_factory=list)
    """Of a rolling window: (time, amount)."""
    leases: dict[str, Lease] = field(default_factory=lambda: defaultdict(Lease))
    scarce_until_ns: int = 0
    announced: float = 0.0
    announced_ns: int = 0

    def booked(self, now_ns: int) -> int:
        length = self.account.span.rolling_ns
        if not length:
            return self.spent
        slot = max(1_000_000_000, length // SLOTS)
        return sum(amount for at, amount in self.uses if (at // slot + 1) * slot > now_ns - length)

    @property
    def held(self) -> int:
        return sum(lease.held for lease in self.leases.values())


class BookBank(Bank):
    """The simplest bank that is right: everything in dictionaries, one call at a time."""

    def __init__(self) -> None:
        self.books: dict[tuple[str, int], Book] = {}
        self.away = False
        self.loses_replies = False
        """The next grants are made, and nobody is told."""
        self.asked: list[list[Want]] = []

    def grant(self, holder: str, wants: Sequence[Want], now_ns: int) -> list[Grant]:
        if self.away:
            raise StoreError("the store is away")
        self.asked.append(list(wants))
        spots = [(want.account.key, want.account.span.start_ns) for want in wants]
        assert len(set(spots)) == len(spots), "one call is about an account once"
        grants = [self._grant(holder, want, now_ns) for want in wants]
        if self.loses_replies:
            raise StoreError("the reply was lost")
        return grants

    def _grant(self, holder: str, want: Want, now_ns: int) -> Grant:
        book = self.book(want.account)
        lease = book.leases[holder]
        known = lease.granted - lease.ended
        if want.ends:
            if want.granted <= known:
                lease.granted = lease.ended = lease.ended + min(want.like, known)
        elif want.like < want.granted:
            lease.granted = lease.ended + max(want.like, known - (want.granted - want.like))
        elif want.like > known:
            self._more(book, lease, want, now_ns)
        return Grant(
            granted=lease.granted - lease.ended,
            spent=book.booked(now_ns),
            held=book.held,
            booked=max(lease.used - lease.ended, 0),
            scarce=now_ns < book.scarce_until_ns,
        )

    def _more(self, book: Book, lease: Lease, want: Want, now_ns: int) -> None:
        known = lease.granted - lease.ended
        if not want.hard:
            lease.granted = lease.ended + want.like
            return
        needed = max(0, want.need - known)
        free = want.limit - book.booked(now_ns) - book.held
        if needed > free:
            book.scarce_until_ns = now_ns + SCARCE_NS
            return
        lease.granted += max(needed, min(want.like - known, max(0, free) // 4))

    def balances(self, keys: Iterable[str], now_ns: int) -> list[Balance]:
        wanted = set(keys)
        return [
            Balance(account=key, start_ns=start, tenant=book.account.tenant, spent=book.booked(now_ns), held=book.held)
            for (key, start), book in self.books.items()
            if key in wanted
        ]

    def accounts(self, budget: str, after: str, most: int) -> list[str]:
        keys = {key for (key, _), book in self.books.items() if book.account.budget == budget and key > after}
        return sorted(keys)[:most]

    def announce(self, account: Account, mark: float, now_ns: int) -> bool:
        book = self.books.get((account.key, account.span.start_ns))
        if book is None:
            return False
        rolling = account.span.rolling_ns
        if book.announced >= mark and not (rolling and book.announced_ns <= now_ns - rolling):
            return False
        book.announced, book.announced_ns = mark, now_ns
        return True

    def close(self) -> None:
        """Nothing is open."""

    # --- what the shipper does

    def book(self, account: Account) -> Book:
        book = self.books.setdefault((account.key, account.span.start_ns), Book(account))
        book.account = account
        return book

    def post(self, holder: str, spot: tuple[str, int], amount: int, at_ns: int) -> None:
        """Book a settled ticket."""
        book = self.books[spot]
        book.spent += amount
        book.uses.append((at_ns, amount))
        book.leases[holder].used += amount

    def release(self, holder: str) -> None:
        """The journal of a holder that died was read to its end."""
        for book in self.books.values():
            book.leases.pop(holder, None)
