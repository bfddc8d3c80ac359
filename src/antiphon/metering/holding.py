"""Budget that is held for several attempts together, before the first of them."""

from collections.abc import Callable, Sequence

from antiphon.core.ticket import Bound
from antiphon.metering.purse import Purse

MONEY, TOKENS = 0, 2
"""Places of what hard budgets hold, as `covers.Group.lines` has them."""


class Holding:
    """What is held on hard budgets. It gets less as attempts take tickets of their own, and ends with the run."""

    __slots__ = ("_left", "_wake")

    def __init__(self, lines: Sequence[tuple[Purse, int]], bound: Bound, wake: Callable[[Purse], None]) -> None:
        """Take it from purses that have it. `wake`: tells those who wait for a purse that it has more."""
        amounts = {MONEY: bound.money_nano_usd or 0, TOKENS: bound.tokens or 0}
        self._left = [(purse, at, amounts[at]) for purse, at in lines if amounts.get(at)]
        self._wake = wake
        for purse, _, amount in self._left:
            purse.tickets += 1
            purse.open += amount
            purse.left -= amount

    @property
    def held_nano_usd(self) -> int:
        """What is still held of money, on the budget that holds most."""
        return max((amount for _, at, amount in self._left if at == MONEY), default=0)

    def give(self, bound: Bound) -> None:
        """Let go of an attempt's bound, whose ticket is taken next, before anything else can run."""
        given = {MONEY: bound.money_nano_usd or 0, TOKENS: bound.tokens or 0}
        for place, (purse, at, amount) in enumerate(self._left):
            less = min(amount, given[at])
            purse.open -= less
            purse.left += less
            self._left[place] = purse, at, amount - less

    def end(self) -> None:
        """Give back what is left. Harmless when it was given back before."""
        left, self._left = self._left, []
        for purse, _, amount in left:
            purse.tickets -= 1
            purse.open -= amount
            purse.left += amount
            if purse.waiting:
                self._wake(purse)
