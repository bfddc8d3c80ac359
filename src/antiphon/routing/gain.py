"""What one more answer is worth: how sure the answers so far make us, by their agreement, and what a further call adds.

Requests fall into a few classes, which differ in who answers them rightly. A request's text tells the chances of its
class; each answer tells more: of its class, and of which answer is right. Given the class, models err on their own;
wrong answers meet as they do in a restaurant whose guests join a table the likelier the more sit there.

Source: latent classes, Dawid and Skene 1979, JRSS C 28(1); tables of wrong answers, Ewens 1972, Theor. Popul. Biol. 3.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import exp, log, sqrt

from msgspec import Struct

from antiphon.routing.gain_text import buckets, marks

FORM = 1
"""Version of the file's form."""


class Spread(Struct, frozen=True, kw_only=True):
    """The logarithm of an answer's output tokens, by class: its mean and its standard deviation."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


class Member(Struct, frozen=True, kw_only=True):
    """What is known of one seat, by class."""

    seat: str
    right: tuple[float, ...]
    """Chance that its answer is right."""
    silent: tuple[float, ...]
    """Chance that a wrong answer of it comes to nothing that could be compared."""
    cost_nano_usd: tuple[int, ...]
    """What a call costs; 0: unknown."""
    mean_cost_nano_usd: int
    """Over all classes."""
    length_right: Spread
    length_wrong: Spread


class Calibration(Struct, frozen=True, kw_only=True):
    """From what the answers say to a chance: straight lines between points."""

    said: tuple[float, ...] = (0.0, 1.0)
    """From 0 to 1, rising."""
    right: tuple[float, ...] = (0.0, 1.0)
    """Share of right answers where so much was said."""

    def of(self, chance: float) -> float:
        at = min(max(bisect_right(self.said, chance), 1), len(self.said) - 1)
        low, high = self.said[at - 1], self.said[at]
        part = (min(max(chance, low), high) - low) / (high - low) if high > low else 1.0
        return self.right[at - 1] + part * (self.right[at] - self.right[at - 1])


class Rung(Struct, frozen=True, kw_only=True):
    """How examples were answered at one worth of a right answer, by models that were not fitted on them."""

    worth_nano_usd: int
    right: float
    """Share of them, 0 to 1."""
    cost_nano_usd: int
    """Mean of a request."""
    calls: float
    """Mean of a request."""


class Trained(Struct, frozen=True, kw_only=True):
    """What a model of expected gain was made from, and how well it did."""

    at: str = ""
    source: str = ""
    examples: int = 0
    seed: int = 0
    best_seat: str = ""
    """Whose answers were right most often, of all seats."""
    best_right: float = 0.0
    best_cost_nano_usd: int = 0
    rungs: tuple[Rung, ...] = ()
    """From the least worth to the highest."""
    log_loss: float | None = None
    """Of the chance that the chosen answer is right, on examples that it was not fitted on."""
    calibration_error: float | None = None


class Gain(Struct, frozen=True, kw_only=True):
    """A fitted model: what a file has."""

    form: int = FORM
    members: tuple[Member, ...]
    bias: tuple[float, ...]
    """Of each class."""
    words: tuple[tuple[float, ...], ...]
    """Weights of each bucket of words, by class."""
    form_marks: tuple[tuple[float, ...], ...]
    """Weights of each mark of a text's form, by class."""
    apart: tuple[float, ...]
    """How readily wrong answers differ, by class."""
    length_weight: float
    """How much the length of an answer counts, 0 to 1."""
    worth_nano_usd: int = 0
    """What a right answer is taken to be worth where nobody says: the least at which examples were answered as well as
    by the best seat alone."""
    calibration: Calibration = Calibration()
    trained: Trained = Trained()

    def seats(self) -> tuple[str, ...]:
        return tuple(member.seat for member in self.members)

    def classes(self, text: str) -> tuple[float, ...]:
        """Chances of a request's classes, by its text alone."""
        found = buckets(text)
        share = 1 / sqrt(len(found) or 1)
        scores = list(self.bias)
        for bucket in found:
            for at, weight in enumerate(self.words[bucket]):
                scores[at] += share * weight
        for mark, weights in zip(marks(text), self.form_marks, strict=True):
            for at, weight in enumerate(weights):
                scores[at] += mark * weight
        highest = max(scores)
        raised = [exp(score - highest) for score in scores]
        total = sum(raised)
        return tuple(one / total for one in raised)


Masses = list[float]
"""Of one hypothesis, by class."""


class Belief(Struct, kw_only=True):
    """What the answers so far say. Hypotheses: each answer that came is the right one; none of them is (the last)."""

    masses: tuple[Masses, ...]
    tables: tuple[int, ...] = ()
    """How many gave each answer, in the order in which the answers came first."""

    @property
    def answered(self) -> int:
        """Answers that can be compared."""
        return sum(self.tables)

    def chances(self) -> tuple[float, ...]:
        """That each answer is right; last, that none is."""
        sums = [sum(masses) for masses in self.masses]
        total = sum(sums) or 1.0
        return tuple(one / total for one in sums)

    def best(self) -> tuple[int, float]:
        """Which answer is likeliest to be right, and its chance; -1: none came."""
        chances = self.chances()[:-1]
        if not chances:
            return -1, 0.0
        highest = max(chances)
        return chances.index(highest), highest


def begin(model: Gain, text: str) -> Belief:
    """Before any answer."""
    return Belief(masses=(list(model.classes(text)),))


def observe(model: Gain, belief: Belief, member: Member, table: int | None, output_tokens: int | None) -> Belief:
    """After an answer.

    Args:
        table: Which of the answers so far it comes to; their number: another one; None: it can't be compared.
        output_tokens: Its length; None: unknown.
    """
    right, wrong = lengths(model, member, output_tokens)
    count = len(belief.tables)
    made: list[Masses] = []
    for at, masses in enumerate(belief.masses):
        holds = at == table and at < count
        made.append(
            [mass * chance * fit for mass, chance, fit in zip(masses, member.right, right, strict=True)]
            if holds
            else _wrong(model, belief, member, at, table, wrong)
        )
    tables = belief.tables
    if table is not None and table == count:
        first = [mass * chance * fit for mass, chance, fit in zip(belief.masses[-1], member.right, right, strict=True)]
        made.insert(count, first)
        tables = (*tables, 1)
    elif table is not None:
        tables = (*tables[:table], tables[table] + 1, *tables[table + 1 :])
    total = sum(map(sum, made)) or 1.0
    return Belief(masses=tuple([one / total for one in masses] for masses in made), tables=tables)


def _wrong(model: Gain, belief: Belief, member: Member, at: int, table: int | None, fits: Sequence[float]) -> Masses:
    """A hypothesis under which the answer is wrong."""
    count = len(belief.tables)
    wrong = belief.answered - (belief.tables[at] if at < count else 0)
    found: Masses = []
    for mass, chance, silent, apart, fit in zip(
        belief.masses[at], member.right, member.silent, model.apart, fits, strict=True
    ):
        if table is None:
            met = silent
        else:
            met = (belief.tables[table] if table < count else apart) / (wrong + apart) * (1 - silent)
        found.append(mass * (1 - chance) * met * fit)
    return found


def lengths(model: Gain, member: Member, output_tokens: int | None) -> tuple[Sequence[float], Sequence[float]]:
    """How well an answer's length fits a right one and a wrong one, by class."""
    if output_tokens is None or not model.length_weight:
        ones = (1.0,) * len(model.bias)
        return ones, ones
    size, weight = log(output_tokens + 1), model.length_weight
    return _fits(member.length_right, size, weight), _fits(member.length_wrong, size, weight)


def _fits(spread: Spread, size: float, weight: float) -> Sequence[float]:
    return [
        exp(weight * (-(((size - mean) / deviation) ** 2) / 2 - log(deviation)))
        for mean, deviation in zip(spread.mean, spread.deviation, strict=True)
    ]
