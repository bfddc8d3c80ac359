"""One request under a model of expected gain: who is asked next, and whose answer is given."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from antiphon.routing.gain import Belief, Gain, begin, observe
from antiphon.routing.gain_ahead import Ahead, Next


class Chosen(Struct, frozen=True, kw_only=True):
    """An answer that is given."""

    seat: str
    chance: float
    """That it is right, calibrated."""
    agreed: int
    """How many gave it."""


class Course:
    """What is known of one request while it is answered."""

    def __init__(
        self,
        model: Gain,
        text: str,
        seats: Sequence[str],
        costs: Mapping[str, int | None],
        *,
        call_nano_usd: int = 0,
        begun: Belief | None = None,
    ) -> None:
        """Args:
        text: The request's.
        seats: Who may be asked; those that the model doesn't know are left out.
        costs: What a call of each likely costs, in nano-USD; one that isn't there costs what the model says.
        call_nano_usd: Counted for each call beside its price; all there is to it where that is unknown.
        begun: What `begin` says of the text; None: it isn't known yet.
        """
        self._model = model
        self._members = {member.seat: member for member in model.members if member.seat in seats}
        self._ahead = Ahead(
            model,
            {
                seat: _costs(member.cost_nano_usd, member.mean_cost_nano_usd, costs.get(seat), call_nano_usd)
                for seat, member in self._members.items()
            },
        )
        self._costs = costs
        self._tables: dict[str, int] = {}
        self._heard: list[tuple[str, int | None]] = []
        self._left = list(self._members)
        self._asked = 0
        self.belief: Belief = begun or begin(model, text)

    def next(self, worth_nano_usd: float, most: int) -> tuple[Next, ...]:
        """Calls that are worth their cost, best first. None: nobody is worth asking, or `most` calls were made.

        Before the first call there is one in any case: else the seat that costs least.
        """
        room = most - self._asked
        if room < 1 or not self._left:
            return ()
        ranked = self._ahead.ranked(self.belief, self._left, worth_nano_usd, more=room > 1)
        if ranked or self._asked:
            return tuple(ranked[:room])
        return (Next(seat=min(self._left, key=self._price), gain=0.0, cost_nano_usd=0.0, last=True),)

    def _price(self, seat: str) -> int:
        known = self._costs.get(seat)
        return self._members[seat].mean_cost_nano_usd if known is None else known

    def asked(self, seat: str) -> None:
        """Whoever is asked isn't asked again, whatever comes of it."""
        self._left.remove(seat)
        self._asked += 1

    def heard(self, seat: str, key: str | None, output_tokens: int | None) -> None:
        """Take an answer in. `key`: what it comes to; None: nothing that could be compared."""
        table = None if key is None else self._tables.setdefault(key, len(self._tables))
        self.belief = observe(self._model, self.belief, self._members[seat], table, output_tokens)
        self._heard.append((seat, table))

    def chosen(self) -> Chosen | None:
        """The likeliest answer, as the best of those seats gave it; None: nobody answered."""
        if not self._heard:
            return None
        table, chance = self.belief.best()
        gave = [seat for seat, one in self._heard if one == table] or [seat for seat, _ in self._heard]
        best = max(gave, key=lambda seat: sum(self._members[seat].right))
        return Chosen(seat=best, chance=self._model.calibration.of(chance), agreed=len(gave) if table >= 0 else 0)


def _costs(by_class: Sequence[int], mean: int, likely: int | None, call_nano_usd: int) -> tuple[float, ...]:
    """By class. A class's part in the cost is the model's, its height is what is known of this request."""
    if likely is None:
        return tuple(float(cost + call_nano_usd) for cost in by_class)
    part = likely / mean if mean else 0.0
    return tuple((cost * part if mean else likely) + call_nano_usd for cost in by_class)
