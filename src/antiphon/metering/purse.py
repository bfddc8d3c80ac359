"""A worker's lease of one account, and what it does with it.

Always: `granted = used + open + left`. Reserving moves from left to open, settling from open to used. What was used
beyond what was held takes from left, which may fall below 0; the next grant makes up for it.
"""

from antiphon.core.bank import Grant, Want
from antiphon.core.budget import Account, Budget

TICKETS = 8
"""A lease is for at least so many tickets like the last one …"""
USE_S = 2.0
"""… and for about so many seconds of use, so that it is refilled about once a second."""
AMPLE = 4
"""What lies idle beyond so many times a lease's usual size goes back."""
IN_USE_S = 0.25
"""While an account is scarce, whoever didn't use it so long keeps nothing."""
QUIET = -(2**61)
"""A low mark that nothing falls below: the bank is going to be asked already."""
GONE = -(2**62)
"""What is left in a purse that was put away, so that nobody takes from it."""
NOTHING = Grant(granted=0, spent=0, held=0, scarce=False)


class Purse:
    """Mutable, and used within one thread. Amounts are in the budget's measure."""

    __slots__ = (
        "account",
        "alerted",
        "asked",
        "asked_s",
        "budget",
        "clears_s",
        "ending",
        "gap_s",
        "granted",
        "hungry",
        "known",
        "last",
        "leaving",
        "left",
        "low",
        "open",
        "rate",
        "refused_s",
        "seen",
        "stirred_s",
        "tickets",
        "used_then",
        "waiting",
        "wanted",
        "yields",
    )

    def __init__(self, account: Account, budget: Budget, now_s: float) -> None:
        self.account = account
        self.budget = budget
        self.granted = 0
        self.open = 0
        """Held by tickets that are open."""
        self.tickets = 0
        """How many are open, those that hold 0 too."""
        self.left = 0
        self.low = 1
        """Below this the bank is asked for more."""
        self.last = 1
        """What a ticket held of late."""
        self.known = False
        """The bank has answered."""
        self.seen = NOTHING
        """How the account stood then."""
        self.refused_s = 0.0
        """Until then the bank isn't asked again for what it didn't have."""
        self.gap_s = 0.0
        """How long that was, the last time."""
        self.clears_s = 0.0
        """Throttling at the cap: when the next request may pass."""
        self.alerted = 0
        """Thresholds of the budget that were passed."""
        self.asked = False
        """The bank was asked, whatever it said."""
        self.asked_s = now_s
        self.used_then = 0
        """Used and open when the bank was last asked."""
        self.stirred_s = now_s
        """When it was last seen to be in use."""
        self.rate = 0.0
        """Use in a second, of late."""
        self.hungry = False
        """It has less than it should have."""
        self.waiting = 0
        """Requests that wait for it."""
        self.wanted: tuple[int, int] = (0, 0)
        """The least that one of them wants, and what they all want."""
        self.yields = False
        """What is left covers nobody who waits here: it is offered to others before more is asked for."""
        self.leaving = False
        """Its window or budget is over: it gets no more, and goes once nothing is open."""
        self.ending: int | None = None
        """It was put away with so much used, and its lease ends once the bank knows."""

    @property
    def gone(self) -> bool:
        """It was put away: whoever still has it looks for its successor."""
        return self.ending is not None

    @property
    def used(self) -> int:
        return self.granted - self.open - self.left

    @property
    def total(self) -> int:
        """Use of the account by all, as far as it is known here: booked and held when the bank last answered, and what
        this worker did since. What lies idle here doesn't count.
        """
        return self.seen.spent + self.seen.held - self.left

    @property
    def size(self) -> int:
        """What a lease usually has beyond what is open."""
        return max(TICKETS * self.last, int(USE_S * self.rate))

    @property
    def counted(self) -> int:
        """Use of the account by all, as far as it is known here: booked when the bank last answered, and what this worker
        used that isn't booked, or holds. Others' leases don't count: most of them may never be used.
        """
        return self.seen.spent + max(self.used - self.seen.booked, 0) + self.open

    def fraction(self, limit: int) -> float:
        """The part of the limit that is used."""
        return self.counted / limit if limit > 0 else 1.0

    def may_go(self, now_ns: int) -> bool:
        """Whether its lease may end: nobody uses it, and all that was used is covered, or is no matter any more."""
        if self.tickets or self.waiting:
            return False
        return self.left >= 0 or now_ns >= self.account.span.end_ns

    def stir(self, now_s: float) -> bool:
        """Note whether it was used since the bank was asked."""
        if self.used + self.open == self.used_then and not self.tickets:
            return False
        self.stirred_s = now_s
        return True

    def ask(self, now_ns: int, now_s: float, term_s: float) -> Want:
        """What the bank is asked. What is offered back can't be used from here on, whatever becomes of the ask."""
        told = self.granted
        self.asked = True
        if self.ending is not None:
            need = like = self.ending
        else:
            self._measure(now_s)
            bound = self.used + self.open
            need = bound if self.yields else bound + self._wanted(now_ns)
            like = need if self.yields else max(need, bound + self._spare(now_s, term_s))
            self.hungry = False
            if like < told:
                self.left -= told - like
                self.granted = like
        return Want(
            account=self.account,
            limit=self.budget.limit_at(now_ns),
            hard=self.budget.hard,
            granted=told,
            need=need,
            like=like,
            ends=self.ending is not None,
        )

    def _wanted(self, now_ns: int) -> int:
        """What helps those who wait: as many as the account has room for, as far as is known; at least one."""
        least, whole = self.wanted
        free = self.budget.limit_at(now_ns) - self.seen.spent - self.seen.held + max(self.left, 0)
        return min(whole, max(least, free))

    def end(self) -> None:
        """Put it away: nothing is open, and nobody can use it any more."""
        self.ending = self.used
        self.left = GONE

    def _spare(self, now_s: float, term_s: float) -> int:
        """What it should have beyond what is used and open."""
        left = max(self.left, 0)
        if self.waiting:
            return max(left, self.wanted[1] + (0 if self.seen.scarce else self.size))
        if self.leaving or (not self.tickets and now_s - self.stirred_s >= term_s):
            return 0
        if self.seen.scarce:
            in_use = self.tickets or now_s - self.stirred_s < IN_USE_S
            return self.last if self.hungry else min(left, self.last) if in_use else 0
        return max(left, self.size) if self.hungry else min(left, AMPLE * self.size)

    def _measure(self, now_s: float) -> None:
        self.stir(now_s)
        used, elapsed_s = self.used + self.open, now_s - self.asked_s
        if elapsed_s > 0:
            rate = max(0, used - self.used_then) / elapsed_s
            self.rate = rate if rate > self.rate else (self.rate + rate) / 2
            self.asked_s, self.used_then = now_s, used

    def take(self, grant: Grant) -> None:
        """Count with what the bank says."""
        self.left += grant.granted - self.granted
        self.granted = grant.granted
        self.seen = grant
        self.known = True
        self.low = QUIET if self.leaving else max(0, min(self.size, self.left) // 2)
