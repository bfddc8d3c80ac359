"""How much of an account is granted, whatever store it stands in.

A lease counts totals since its row was made: `granted`, of them `used`. Where a holder forgot a lease and began anew,
`ended` is the total at which it did so, and what the holder says counts from there.
"""

from msgspec import Struct

from antiphon.core.bank import Grant, Want
from antiphon.core.budget import Account

ACCOUNTS = "SELECT DISTINCT key FROM accounts WHERE key > {0} AND key < {0} AND budget = {0} ORDER BY key LIMIT {0}"
"""Its values are `accounts_values`."""
ANNOUNCE = """
    UPDATE accounts SET announced = {0}, announced_ns = {0} WHERE key = {0} AND start_ns = {0}
        AND (announced < {0} OR (rolling_ns > 0 AND announced_ns <= {0} - rolling_ns))
"""
"""Its values are `announce_values`."""
USED_NS = 3_600_000_000_000
"""How exactly it is known when an account was asked for last."""
SCARCE_NS = 2_000_000_000
"""How long after an unmet need no more than needs are granted."""


def announce_values(account: Account, mark: float, now_ns: int) -> tuple[object, ...]:
    return mark, now_ns, account.key, account.span.start_ns, mark, now_ns


class State(Struct, gc=False, kw_only=True):
    """An account and one holder's lease of it, as they stand within a transaction."""

    spent: int = 0
    """Booked within the window."""
    held: int = 0
    scarce_until_ns: int = 0
    others: int = 0
    """Other holders who hold something of it."""
    granted: int = 0
    ended: int = 0
    used: int = 0

    @property
    def open(self) -> int:
        """What this holder holds: granted and not used yet."""
        return max(self.granted - self.used, 0)


def grant(state: State, want: Want, now_ns: int) -> Grant:
    """Change a holder's lease as far as the account allows. A cap that is raised or lowered holds from here on."""
    known = state.granted - state.ended
    if want.ends:
        if want.granted <= known:  # else it ended before, and the answer was lost
            _set(state, state.ended + min(want.like, known))
            state.ended = state.granted
        return _told(state, now_ns)
    if want.granted > known:  # the store forgot: what the holder has counts
        _set(state, state.ended + want.granted)
        known = want.granted
    if want.like < want.granted:
        _set(state, state.ended + max(want.like, known - (want.granted - want.like)))
    elif want.like > known:
        _set(state, state.granted + _more(state, want, known, now_ns))
    return _told(state, now_ns)


def _more(state: State, want: Want, known: int, now_ns: int) -> int:
    """How much is added to a lease."""
    asked, needed = want.like - known, max(want.need - known, 0)
    if not want.hard:
        return asked
    free = want.limit - state.spent - state.held
    if needed > free:
        state.scarce_until_ns = now_ns + SCARCE_NS
        return 0
    if state.scarce_until_ns > now_ns:
        return needed
    share = max(free, 0) // (2 * (state.others + 1))
    return min(asked, max(needed, share))


def _set(state: State, granted: int) -> None:
    before = state.open
    state.granted = granted
    state.held += state.open - before


def _told(state: State, now_ns: int) -> Grant:
    return Grant(
        granted=state.granted - state.ended,
        spent=state.spent,
        held=state.held,
        booked=max(state.used - state.ended, 0),
        scarce=state.scarce_until_ns > now_ns,
    )


def accounts_values(budget: str, after: str, most: int) -> tuple[str, str, str, int]:
    """The values of `ACCOUNTS`: keys begin with the budget's name and `|`, so only that stretch is looked at. Before `|`
    comes `{`, and `}` behind it: the account of a budget that all share is called by its name and `|` alone.
    """
    return max(after, f"{budget}{{"), f"{budget}}}", budget, most
