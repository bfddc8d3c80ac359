"""Fits the model of expected gain to recorded outcomes, by expectation and maximisation."""

from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.evaluation.fit_gain_tables import apart
from antiphon.evaluation.fit_gain_text import Reader, Texts, reader
from antiphon.routing.gain import Gain, Member, Spread, Trained

Array = NDArray[np.float64]
CLASSES = 5
ROUNDS = 60
LENGTH_WEIGHT = 0.5
"""Lengths of several answers to one request are not independent: each counts by half."""
_PRIOR = 3.0
"""Answers that a class's rate starts from, at the mean of all classes."""
_PRIOR_LENGTH = 5.0
_LEAST_RATE = 0.01
_LEAST_VARIANCE = 0.02


class Outcome(Struct, frozen=True, gc=False, kw_only=True):
    """What one seat made of one request."""

    right: float
    """0 to 1."""
    key: str | None
    """What its answer comes to; None: nothing that could be compared."""
    cost_nano_usd: int | None = None
    output_tokens: int | None = None


class Example(Struct, frozen=True, kw_only=True):
    """A request and what each seat made of it. Seats may be left out."""

    text: str
    outcomes: Mapping[str, Outcome]


class Table:
    """Examples as arrays: a row for each, a column for each seat."""

    def __init__(self, examples: Sequence[Example], seats: Sequence[str]) -> None:
        self.seats = tuple(seats)
        self.texts = Texts([example.text for example in examples])
        shape = len(examples), len(seats)
        self.seen = np.zeros(shape)
        self.right = np.zeros(shape)
        self.size = np.zeros(shape)
        self.sized = np.zeros(shape)
        self.cost = np.zeros(shape)
        self.priced = np.zeros(shape)
        self.key = np.full(shape, -1)
        for at, example in enumerate(examples):
            keys: dict[str, int] = {}
            for place, seat in enumerate(seats):
                one = example.outcomes.get(seat)
                if one is not None:
                    self._put((at, place), one, keys)

    def _put(self, spot: tuple[int, int], one: Outcome, keys: dict[str, int]) -> None:
        self.seen[spot] = 1
        self.right[spot] = one.right
        if one.key is not None:
            self.key[spot] = keys.setdefault(one.key, len(keys))
        if one.output_tokens is not None:
            self.sized[spot], self.size[spot] = 1, np.log(one.output_tokens + 1)
        if one.cost_nano_usd is not None:
            self.priced[spot], self.cost[spot] = 1, one.cost_nano_usd

    def rows(self, places: Sequence[int]) -> "Table":
        """Some of the examples."""
        found, chosen = copy(self), list(places)
        found.texts = self.texts.rows(chosen)
        for name in ("seen", "right", "size", "sized", "cost", "priced", "key"):
            setattr(found, name, getattr(self, name)[chosen])
        return found


class Rates(Struct, kw_only=True):
    """What the classes differ in: a row for each class, a column for each seat."""

    right: Array
    means: tuple[Array, Array]
    """Logarithm of output tokens, of wrong and of right answers."""
    deviations: tuple[Array, Array]


def fit(table: Table, *, classes: int = CLASSES, seed: int = 0) -> Gain:
    """Fit a model. The same examples and seed give the same model.

    Raises: ValueError, when a seat has no outcome.
    """
    for place, seat in enumerate(table.seats):
        if not table.seen[:, place].any():
            raise ValueError(f"no outcome of {seat!r} is among the {len(table.seen)} examples")
    shares = _start(table, classes, np.random.default_rng(seed))
    read = reader(table.texts, classes)
    for turn in range(ROUNDS):
        rates = _rates(table, shares)
        read.fit(shares, steps=8 if turn else 40)
        shares = _shares(np.log(read.chances() + 1e-12) + _fits(table, rates))
    return _model(table, shares, _rates(table, shares), read, Trained(examples=len(table.seen), seed=seed))


def _start(table: Table, classes: int, chance: np.random.Generator) -> Array:
    """Classes by the share of right answers."""
    rate = (table.right * table.seen).sum(1) / np.maximum(table.seen.sum(1), 1) + chance.normal(
        0, 0.15, len(table.seen)
    )
    place = np.argsort(np.argsort(rate)) * classes // len(rate)
    shares = np.full((len(rate), classes), 0.1 / classes)
    shares[np.arange(len(rate)), place] += 0.9
    return shares


def _rates(table: Table, shares: Array) -> Rates:
    all_right = (table.right * table.seen).sum(0) / table.seen.sum(0)
    right = (shares.T @ (table.right * table.seen) + _PRIOR * all_right) / (shares.T @ table.seen + _PRIOR)
    means, deviations = zip(*(_sizes(table, shares, weight) for weight in _by_right(table)), strict=True)
    return Rates(
        right=np.clip(right, _LEAST_RATE, 1 - _LEAST_RATE),
        means=(means[0], means[1]),
        deviations=(deviations[0], deviations[1]),
    )


def _by_right(table: Table) -> tuple[Array, Array]:
    return table.sized * (1 - table.right), table.sized * table.right


def _sizes(table: Table, shares: Array, weight: Array) -> tuple[Array, Array]:
    """Mean and deviation of lengths."""
    overall = (table.size * weight).sum(0) / np.maximum(weight.sum(0), 1e-9)
    count = shares.T @ weight + _PRIOR_LENGTH
    mean = (shares.T @ (weight * table.size) + _PRIOR_LENGTH * overall) / count
    square = (shares.T @ (weight * table.size**2) + _PRIOR_LENGTH * overall**2) / count
    return mean, np.sqrt(np.maximum(square - mean**2, _LEAST_VARIANCE) + _LEAST_VARIANCE)


def _fits(table: Table, rates: Rates) -> Array:
    """How well each class fits each example, as logarithms."""
    found = (table.right * table.seen) @ np.log(rates.right).T
    found += ((1 - table.right) * table.seen) @ np.log(1 - rates.right).T
    for weight, mean, deviation in zip(_by_right(table), rates.means, rates.deviations, strict=True):
        for place in range(table.size.shape[1]):
            away = (table.size[:, place, None] - mean[None, :, place]) / deviation[None, :, place]
            found += LENGTH_WEIGHT * weight[:, place, None] * (-(away**2) / 2 - np.log(deviation[None, :, place]))
    return found


def _shares(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def _model(table: Table, shares: Array, rates: Rates, read: Reader, trained: Trained) -> Gain:
    wrong = (1 - table.right) * table.seen
    silent = (shares.T @ (wrong * (table.key < 0)) + 1) / (shares.T @ wrong + 10)
    mean_cost = (table.cost * table.priced).sum(0) / np.maximum(table.priced.sum(0), 1)
    cost = (shares.T @ (table.cost * table.priced) + 5 * mean_cost) / (shares.T @ table.priced + 5)
    members = tuple(
        Member(
            seat=seat,
            right=_row(rates.right[:, place]),
            silent=_row(silent[:, place]),
            cost_nano_usd=tuple(round(float(one)) for one in cost[:, place]),
            mean_cost_nano_usd=round(float(mean_cost[place])),
            length_wrong=Spread(mean=_row(rates.means[0][:, place]), deviation=_row(rates.deviations[0][:, place])),
            length_right=Spread(mean=_row(rates.means[1][:, place]), deviation=_row(rates.deviations[1][:, place])),
        )
        for place, seat in enumerate(table.seats)
    )
    bias, words, form_marks = read.weights()
    return Gain(
        members=members,
        bias=_row(bias),
        words=tuple(_row(row) for row in words),
        form_marks=tuple(_row(row) for row in form_marks),
        apart=apart(table.right, table.key, shares),
        length_weight=LENGTH_WEIGHT,
        trained=trained,
    )


def _row(values: Array) -> tuple[float, ...]:
    return tuple(round(float(one), 5) for one in values)
