"""Which call comes next: each seat's expected gain, two calls ahead, against its cost; none, when none is worth it."""

from collections.abc import Mapping, Sequence
from operator import mul

from msgspec import Struct

from antiphon.routing.gain import Belief, Gain, Masses, Member

Costs = Mapping[str, Sequence[float]]
"""What a call of each seat costs, in nano-USD, by class."""


class Next(Struct, frozen=True, kw_only=True):
    """A call that is worth its cost."""

    seat: str
    gain: float
    """By how much it raises the chance of a right answer, with the call that may follow it."""
    cost_nano_usd: float
    """Of both, on the mean."""
    last: bool
    """Whatever it answers, no call follows."""


class _State:
    """Masses, and what all seats share in looking ahead from them."""

    __slots__ = ("best", "masses", "met", "tables", "total", "weights")

    def __init__(self, model: Gain, masses: Sequence[Masses], tables: Sequence[int]) -> None:
        self.masses = masses
        self.tables = tables
        answered = sum(tables)
        self.met: list[Masses] = []
        for row, guests in zip(masses, tables, strict=False):
            wrong = answered - guests
            self.met.append([mass / (wrong + apart) for mass, apart in zip(row, model.apart, strict=True)])
        sums = [sum(row) for row in masses]
        self.total = sum(sums)
        self.best = max(sums[:-1], default=0.0)
        self.weights = [sum(column) for column in zip(*masses, strict=True)]


class _Look:
    """One seat, ready to be looked ahead with."""

    __slots__ = ("apart", "cost", "right", "seat", "silent", "spoken", "spread")

    def __init__(self, model: Gain, member: Member, cost: Sequence[float]) -> None:
        self.seat = member.seat
        self.right = member.right
        self.silent = [(1 - right) * silent for right, silent in zip(member.right, member.silent, strict=True)]
        self.spoken = [(1 - right) * (1 - silent) for right, silent in zip(member.right, member.silent, strict=True)]
        self.apart = model.apart
        self.spread = list(map(mul, self.spoken, model.apart))
        self.cost = cost

    def gain(self, state: _State) -> float:
        """By how much the mass of the likeliest answer grows on the mean."""
        masses, tables = state.masses, state.tables
        count = len(tables)
        another = sum(map(mul, masses[count], self.right))
        if not count:
            return another
        spread, silent, right = self.spread, self.silent, self.right
        part = max([sum(map(mul, met, spread)) for met in state.met])
        nothing = max([sum(map(mul, row, silent)) for row in masses[:count]])
        found = max(another, part) + nothing - state.best
        if count == 1:
            return found + sum(map(mul, masses[0], right))
        joins = [sum(map(mul, met, self.spoken)) for met in state.met]
        for at, guests in enumerate(tables):
            others = max([join for place, join in enumerate(joins) if place != at])
            found += max(sum(map(mul, masses[at], right)), others * guests)
        return found

    def outcomes(self, state: _State) -> list[tuple[list[Masses], Sequence[int]]]:
        """What may come of a call: it comes to one of the answers, to another one, or to nothing."""
        tables, count = state.tables, len(state.tables)
        answered = sum(tables)
        none = [mass / (answered + apart) for mass, apart in zip(state.masses[count], self.apart, strict=True)]
        every = [*state.met, none]
        found: list[tuple[list[Masses], Sequence[int]]] = []
        for at, guests in enumerate(tables):
            masses = [[one * guests for one in map(mul, met, self.spoken)] for met in every]
            masses[at] = list(map(mul, state.masses[at], self.right))
            found.append((masses, [*tables[:at], guests + 1, *tables[at + 1 :]]))
        masses = [list(map(mul, met, self.spread)) for met in every]
        masses.insert(count, list(map(mul, state.masses[count], self.right)))
        found.append((masses, [*tables, 1]))
        found.append(([list(map(mul, row, self.silent)) for row in state.masses], tables))
        return found


class Ahead:
    """Looks ahead with a model, at given costs."""

    def __init__(self, model: Gain, costs: Costs) -> None:
        """`costs`: of the seats that may be asked."""
        self._model = model
        self._looks = {
            member.seat: _Look(model, member, costs[member.seat]) for member in model.members if member.seat in costs
        }

    def next(self, belief: Belief, left: Sequence[str], worth_nano_usd: float, *, more: bool = True) -> Next | None:
        """The call with the highest expected net worth; None: none is worth its cost.

        Args:
            left: Seats that may be asked.
            worth_nano_usd: What a right answer is worth.
            more: Whether another call may follow.
        """
        ranked = self.ranked(belief, left, worth_nano_usd, more=more)
        return ranked[0] if ranked else None

    def ranked(self, belief: Belief, left: Sequence[str], worth_nano_usd: float, *, more: bool = True) -> list[Next]:
        """All calls that are worth their cost, best first."""
        state = _State(self._model, belief.masses, belief.tables)
        looks = [self._looks[seat] for seat in left if seat in self._looks]
        found: list[tuple[float, int, Next]] = []
        for at, look in enumerate(looks):
            cost = sum(map(mul, state.weights, look.cost))
            if (state.total - state.best) * worth_nano_usd <= cost:
                continue
            others = [other for other in looks if other is not look] if more else []
            gain, rest = self._after(look, others, state, worth_nano_usd)
            net = gain * worth_nano_usd - cost - rest
            if net > 0:
                call = Next(
                    seat=look.seat, gain=gain / state.total, cost_nano_usd=(cost + rest) / state.total, last=rest == 0
                )
                found.append((-net, at, call))
        return [call for _, _, call in sorted(found, key=lambda one: one[:2])]

    def _after(self, look: _Look, others: Sequence[_Look], state: _State, worth: float) -> tuple[float, float]:
        """Expected gain of a call with the best one that may follow, and what that one costs on the mean."""
        if not others:
            return look.gain(state), 0.0
        reached, spent = 0.0, 0.0
        for masses, tables in look.outcomes(state):
            after = _State(self._model, masses, tables)
            reached += after.best
            best_net, best_gain, best_cost = 0.0, 0.0, 0.0
            open_worth = (after.total - after.best) * worth
            for other in others:
                cost = sum(map(mul, after.weights, other.cost))
                if open_worth <= cost:
                    continue
                gain = other.gain(after)
                net = gain * worth - cost
                if net > best_net:
                    best_net, best_gain, best_cost = net, gain, cost
            reached += best_gain
            spent += best_cost
        return reached - state.best, spent
