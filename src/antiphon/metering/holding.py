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

    def give(self, bound: Bound) -> tuple[int, ...]:
        """Let go of an attempt's bound, whose ticket is taken next, before anything else can run.

        Returns: what was let go of, for `take_back`.
        """
        asked = {MONEY: bound.money_nano_usd or 0, TOKENS: bound.tokens or 0}
        given = tuple(min(amount, asked[at]) for _, at, amount in self._left)
        self._move(given, -1)
        return given

    def take_back(self, given: tuple[int, ...]) -> None:
        """Hold again what was let go of for an attempt that nothing was sent of: no more than is still there."""
        if self._left:
            self._move([min(amount, max(0, line[0].left)) for amount, line in zip(given, self._left, strict=True)], 1)

    def _move(self, amounts: Sequence[int], sign: int) -> None:
        for place, ((purse, at, held), amount) in enumerate(zip(self._left, amounts, strict=True)):
            purse.open += sign * amount
            purse.left -= sign * amount
            self._left[place] = purse, at, held + sign * amount

    def end(self) -> None:
        """Give back what is left. Harmless when it was given back before."""
        left, self._left = self._left, []
        for purse, _, amount in left:
            purse.tickets -= 1
            purse.open -= amount
            purse.left += amount
            if purse.waiting:
                self._wake(purse)
