"""All purses of a worker, and what the bank is to be asked for them. Never waits: the escrow does."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from antiphon.core.bank import Grant, Want
from antiphon.core.budget import Account, Budget, Span
from antiphon.metering.purse import QUIET, Purse

Alarm = tuple[Budget, Account, float, float]
"""A threshold was passed: the budget, the account, the part of the limit that is used, the threshold."""
Spot = tuple[str, int]
"""Account key and window start."""
MOST_WANTS = 500
"""Accounts that one ask is about."""
MOST_PURSES = 100_000
MOST_ALERTED = 100_000
"""Purses that were put away of which it is remembered what was told."""
TRIED = 100
"""Of them, how many are tried when there are too many and one should go."""
LOOKED_AT = 2_000
"""Purses that one sweep looks at."""
NEAR_CAP = 0.8
MUCH = 20
"""A lease of more than one so manieth of the limit is much."""
REFRESH_S, REFRESH_NEAR_S = 2.0, 0.25
"""An account in use is asked after so often, and so often near its cap."""
CERTAIN_S = 0.2
"""An account whose booked use leaves no room is not asked for again so long."""
FIRST_GAP_S, LAST_GAP_S = 0.01, 0.2
"""Between two asks for what the bank didn't have: at first, and at most."""
Asked = list[tuple[Purse, Want]]


class Wallet:
    """Purses by account. One thread uses it."""

    def __init__(self, *, term_s: float, kick: Callable[[], None] | None = None) -> None:
        """Args:
        term_s: An idle lease is given back after so many seconds.
        kick: Called when there is something to ask.
        """
        self._term_s = term_s
        self.kick = kick or _nothing
        self._purses: dict[Spot, Purse] = {}
        self._ending: dict[Spot, Purse] = {}
        """Purses that were put away, until the bank knows: their successors ask nothing before."""
        self._alerted: dict[Spot, int] = {}
        """Thresholds that were told of accounts whose purse was put away."""
        self._queue: dict[Purse, None] = {}
        self._round: list[Purse] = []

    def __len__(self) -> int:
        return len(self._purses)

    @property
    def purses(self) -> list[Purse]:
        return list(self._purses.values())

    def due_s(self, now_s: float) -> float | None:
        """When there is something to ask; None: nothing is."""
        if not self._queue:
            return None
        return max(now_s, min(purse.refused_s if self._rests(purse, now_s) else now_s for purse in self._queue))

    def _comes_after(self, purse: Purse) -> bool:
        """Its predecessor's lease has not ended yet."""
        return not purse.gone and (purse.account.key, purse.account.span.start_ns) in self._ending

    @staticmethod
    def _rests(purse: Purse, now_s: float) -> bool:
        """The bank said no a moment ago."""
        return purse.refused_s > now_s and not (purse.leaving or purse.gone or purse.yields)

    def purse(self, budget: Budget, key: str, tenant: str, span: Span, now_s: float) -> Purse:
        """The purse of an account; begun where there is none."""
        spot = (key, span.start_ns)
        purse = self._purses.get(spot)
        if purse is not None:
            if purse.leaving:
                purse.leaving = False
                purse.low = 1
            purse.budget = budget
            return purse
        account = Account(
            key=key, tenant="" if budget.shared else tenant, budget=budget.name, measure=budget.measure, span=span
        )
        purse = self._purses[spot] = Purse(account, budget, now_s)
        purse.alerted = self._alerted.pop(spot, 0)
        if len(self._purses) > MOST_PURSES:
            self._crowded()
        return purse

    def _crowded(self) -> None:
        """Put the oldest purse away that is idle."""
        for purse in islice(self._purses.values(), TRIED):
            if not purse.tickets and not purse.waiting and purse.left >= 0:
                self._put_away(purse)
                return

    def retire(self, purse: Purse, now_ns: int) -> None:
        """Give back what it has; it goes once nothing is open."""
        purse.leaving = True
        if purse.may_go(now_ns):
            self._put_away(purse)
        else:
            self._ask_for(purse)

    def _put_away(self, purse: Purse) -> None:
        """End a lease of which nothing is open."""
        spot = (purse.account.key, purse.account.span.start_ns)
        del self._purses[spot]
        if purse.alerted:
            self._alerted[spot] = purse.alerted
            if len(self._alerted) > MOST_ALERTED:
                del self._alerted[next(iter(self._alerted))]
        purse.end()
        if purse.asked:
            self._ending[spot] = purse
            self._ask_for(purse)
        else:
            self._queue.pop(purse, None)

    def thin(self, purse: Purse, amount: int) -> None:
        """A purse fell below its low mark by a ticket of this amount."""
        if purse.gone:
            return
        if amount > 0:
            purse.last = amount
        purse.hungry = True
        self._ask_for(purse)

    def _ask_for(self, purse: Purse) -> None:
        purse.low = QUIET
        self._queue[purse] = None
        self.kick()

    def sweep(self, now_ns: int, now_s: float) -> None:
        """Look after purses: those whose window is over, idle ones, and those whose account should be asked after."""
        if not self._round:
            self._round = list(self._purses.values())
        batch, self._round = self._round[:LOOKED_AT], self._round[LOOKED_AT:]
        for purse in batch:
            if not purse.gone:
                self._look(purse, now_ns, now_s)

    def _look(self, purse: Purse, now_ns: int, now_s: float) -> None:
        stirred = purse.stir(now_s)
        over = purse.leaving or now_ns >= purse.account.span.end_ns
        idle = not purse.tickets and not purse.waiting and now_s - purse.stirred_s >= self._term_s
        if over or (idle and purse.left >= 0):
            if not purse.leaving or purse.may_go(now_ns):
                self.retire(purse, now_ns)
            elif purse.left > 0:
                self._queue[purse] = None
        elif (
            purse.known
            and (stirred or purse.left != 0)
            and now_s - purse.asked_s >= (REFRESH_NEAR_S if _matters(purse, now_ns) else REFRESH_S)
        ):
            self._queue[purse] = None

    def refresh(self, purse: Purse, now_s: float) -> None:
        """Somebody looks at an account: ask after it when that was not done of late."""
        if now_s - purse.asked_s >= REFRESH_NEAR_S and purse not in self._queue:
            purse.stirred_s = now_s
            self._ask_for(purse)

    def ask(self, now_ns: int, now_s: float) -> Asked:
        """What the bank is to be asked, at most one ask at a time: end it with `answered` or `lost`."""
        asked: Asked = []
        later: dict[Purse, None] = {}
        for purse in list(self._queue):
            if len(asked) == MOST_WANTS:
                break
            del self._queue[purse]
            if self._rests(purse, now_s) or self._comes_after(purse):
                later[purse] = None
                continue
            asked.append((purse, purse.ask(now_ns, now_s, self._term_s)))
        self._queue.update(later)
        return asked

    def answered(self, asked: Asked, grants: Sequence[Grant], now_ns: int, now_s: float) -> list[Alarm]:
        """Count with what the bank granted. Returns: thresholds that were passed."""
        alarms: list[Alarm] = []
        for (purse, want), grant in zip(asked, grants, strict=True):
            if want.ends:
                del self._ending[purse.account.key, purse.account.span.start_ns]
                continue
            purse.take(grant)
            if purse.yields:
                purse.yields = False
                if purse.waiting:
                    self._ask_for(purse)
            elif want.hard and want.need > max(want.granted, grant.granted):
                self._refused(purse, want, now_s)
            else:
                purse.gap_s = purse.refused_s = 0.0
                if grant.scarce and not purse.waiting and purse.left > purse.last:
                    self._queue[purse] = None
            if purse.budget.alerts:
                alarms += _passed(purse, want.limit)
        return alarms

    def lost(self, asked: Asked) -> None:
        """The store is away, or didn't say what it did. The next ask tells."""
        for purse, want in asked:
            purse.hungry = purse.hungry or want.like > want.granted
            self._queue[purse] = None

    def _refused(self, purse: Purse, want: Want, now_s: float) -> None:
        purse.gap_s = min(LAST_GAP_S, purse.gap_s * 2 or FIRST_GAP_S)
        certain = purse.seen.spent + purse.wanted[0] > want.limit
        purse.refused_s = now_s + (CERTAIN_S if certain else purse.gap_s)
        if purse.waiting:
            purse.yields = purse.left > 0
            self._queue[purse] = None

    def arrange(self, budgets: Iterable[Budget], now_ns: int) -> None:
        """Other definitions hold: purses of budgets that remain are kept."""
        by_name = {budget.name: budget for budget in budgets}
        for purse in self.purses:
            budget = by_name.get(purse.account.budget)
            if budget is None or (budget.measure, budget.window) != (purse.budget.measure, purse.budget.window):
                self.retire(purse, now_ns)
                continue
            if budget.limit != purse.budget.limit or budget.raises != purse.budget.raises:
                purse.refused_s = purse.gap_s = 0.0
                purse.alerted = 0
                self._alerted.clear()
                if purse.waiting:
                    self._ask_for(purse)
            purse.budget = budget

    def give_back(self, now_ns: int) -> bool:
        """End all leases of which nothing is open, and offer back what is left of the others.

        Returns: whether there is anything to ask.
        """
        for purse in self.purses:
            if purse.may_go(now_ns) or purse.left > 0:
                self.retire(purse, now_ns)
        return bool(self._queue)


def _nothing() -> None:
    """Nobody waits for it."""


def _matters(purse: Purse, now_ns: int) -> bool:
    """Whether others may need what lies idle here: the account is near its cap, or much of it lies here."""
    limit = purse.budget.limit_at(now_ns)
    return purse.seen.spent + purse.seen.held >= NEAR_CAP * limit or purse.left * MUCH >= limit


def _passed(purse: Purse, limit: int) -> list[Alarm]:
    """Thresholds that an account passed since the last time, each once; of a rolling window again once it was below."""
    thresholds = purse.budget.alerts
    reached = sum(purse.counted >= threshold * limit for threshold in thresholds)
    passed = thresholds[purse.alerted : reached]
    purse.alerted = reached if purse.account.span.rolling_ns else max(purse.alerted, reached)
    return [(purse.budget, purse.account, purse.fraction(limit), threshold) for threshold in passed]
