"""Tunes a model of expected gain on recorded outcomes: which seats are worth asking, at which worth, how sure it may be."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from antiphon.evaluation.fit_gain import Example, Table, fit
from antiphon.evaluation.measures import calibration_error
from antiphon.routing.gain import Belief, Calibration, Gain, Rung, Trained, begin
from antiphon.routing.gain_course import Course

FOLDS = 3
MOST_SEATS = 8
MOST_CALLS = 6
_TOO_WEAK = 0.06
"""A seat that a cheaper one beats by more is not worth asking."""
_BINS = 16
_RUNGS = tuple(2.0**power for power in (-3, -2, -1.5, -1.25, -1, -0.75, -0.5, 0, 0.5, 1, 1.25, 1.5, 1.75, 2))
"""Worths that are tried, in units of what the best seat's answer costs over what it adds to the cheapest seat's."""


class Played(Struct, frozen=True, gc=False, kw_only=True):
    """One example, as it would have been answered."""

    right: float
    cost_nano_usd: int
    calls: int
    chance: float
    """That the answer is right, as it was thought to be."""
    seats: tuple[str, ...]
    """Who was asked, in order."""
    gave: str
    """Whose answer was given."""


def play(
    model: Gain, example: Example, worth_nano_usd: float, *, most: int = MOST_CALLS, begun: Belief | None = None
) -> Played:
    """Answer an example from its outcomes.

    Args:
        begun: What `begin` says of its text; None: it isn't known yet.
    Raises: ValueError, when no seat of the model has an outcome.
    """
    course = Course(model, example.text, [seat for seat in model.seats() if seat in example.outcomes], {}, begun=begun)
    asked: list[str] = []
    cost = 0
    while ranked := course.next(worth_nano_usd, most):
        seat = ranked[0].seat
        outcome = example.outcomes[seat]
        course.asked(seat)
        course.heard(seat, outcome.key, outcome.output_tokens)
        asked.append(seat)
        cost += outcome.cost_nano_usd or 0
    chosen = course.chosen()
    if chosen is None:
        raise ValueError("no seat of the model has an outcome for this example")
    return Played(
        right=example.outcomes[chosen.seat].right,
        cost_nano_usd=cost,
        calls=len(asked),
        chance=chosen.chance,
        seats=tuple(asked),
        gave=chosen.seat,
    )


def tune(examples: Sequence[Example], seats: Sequence[str], *, seed: int = 0, trained: Trained | None = None) -> Gain:
    """Fit a model, choose its seats and its worth, and calibrate it; all of it on examples that the model, then, was not
    fitted on. Raises: ValueError, when a seat has no outcome, or there are fewer examples than folds.
    """
    if len(examples) < FOLDS:
        raise ValueError(f"{len(examples)} examples are too few: {FOLDS} at least")
    table = Table(examples, seats)
    kept = worth_asking(examples, seats)
    folds = [int(place) % FOLDS for place in np.random.default_rng(seed).permutation(len(examples))]
    best = max(seats, key=lambda seat: _mean(examples, seat)[0])
    right, cost = _mean(examples, best)
    ladder = _ladder(examples, kept, best)
    played: list[list[Played]] = [[] for _ in ladder]
    for fold in range(FOLDS):
        model = _only(fit(table.rows([at for at, own in enumerate(folds) if own != fold]), seed=seed), kept)
        held = [example for example, own in zip(examples, folds, strict=True) if own == fold]
        begun = [begin(model, example.text) for example in held]
        for rung, worth in enumerate(ladder):
            played[rung] += [play(model, example, worth, begun=at) for example, at in zip(held, begun, strict=True)]
    rungs = tuple(_rung(worth, one) for worth, one in zip(ladder, played, strict=True))
    calibration, loss, error = calibrate([one for rung in played[3:] for one in rung])
    return replace(
        _only(fit(table, seed=seed), kept),
        worth_nano_usd=next((one.worth_nano_usd for one in rungs if one.right >= right), rungs[-1].worth_nano_usd),
        calibration=calibration,
        trained=replace(
            trained or Trained(),
            examples=len(examples),
            seed=seed,
            best_seat=best,
            best_right=round(right, 5),
            best_cost_nano_usd=round(cost),
            rungs=rungs,
            log_loss=round(loss, 5),
            calibration_error=round(error, 5),
        ),
    )


def worth_asking(examples: Sequence[Example], seats: Sequence[str], most: int = MOST_SEATS) -> tuple[str, ...]:
    """Seats that no cheaper one clearly beats: `most` of them, in their order."""
    means = {seat: _mean(examples, seat) for seat in seats}

    def beaten(seat: str) -> float:
        right, cost = means[seat]
        return max((means[other][0] - right for other in seats if means[other][1] < cost), default=-1.0)

    ranked = sorted(seats, key=beaten)[:most]
    return tuple(seat for seat in seats if seat in ranked and beaten(seat) <= _TOO_WEAK)


def calibrate(played: Sequence[Played]) -> tuple[Calibration, float, float]:
    """A rising line through the shares of right answers; then log loss and calibration error with it.

    Source: pooling adjacent violators, Ayer et al. 1955, Ann. Math. Stat. 26(4), over bins of equal numbers.
    """
    ordered = sorted((one.chance, one.right) for one in played)
    bins = [
        ordered[int(part[0]) : int(part[-1]) + 1]
        for part in np.array_split(np.arange(len(ordered)), _BINS)
        if len(part)
    ]
    pooled: list[tuple[float, float, int]] = []
    for part in bins:
        pooled.append((fmean(chance for chance, _ in part), fmean(right for _, right in part), len(part)))
        while len(pooled) > 1 and (pooled[-2][1] >= pooled[-1][1] or pooled[-2][0] >= pooled[-1][0]):
            after, before = pooled.pop(), pooled.pop()
            count = before[2] + after[2]
            pooled.append(
                (
                    (before[0] * before[2] + after[0] * after[2]) / count,
                    (before[1] * before[2] + after[1] * after[2]) / count,
                    count,
                )
            )
    line = Calibration(
        said=(0.0, *(round(one[0], 6) for one in pooled), 1.0),
        right=(round(pooled[0][1], 6), *(round(one[1], 6) for one in pooled), round(pooled[-1][1], 6)),
    )
    said = np.clip([line.of(chance) for chance, _ in ordered], 1e-6, 1 - 1e-6)
    right = np.array([one for _, one in ordered])
    loss = -float(np.mean(right * np.log(said) + (1 - right) * np.log(1 - said)))
    return line, loss, calibration_error(said, right)


def _mean(examples: Sequence[Example], seat: str) -> tuple[float, float]:
    """Share of right answers, and cost."""
    outcomes = [one for example in examples if (one := example.outcomes.get(seat)) is not None]
    if not outcomes:
        raise ValueError(f"no outcome of {seat!r} is among the {len(examples)} examples")
    return fmean(one.right for one in outcomes), fmean(one.cost_nano_usd or 0 for one in outcomes)


def _ladder(examples: Sequence[Example], seats: Sequence[str], best: str) -> list[float]:
    cheapest_right, cheapest_cost = min((_mean(examples, seat) for seat in seats), key=lambda mean: mean[1])
    right, cost = _mean(examples, best)
    unit = max(cost - cheapest_cost, 1.0) / max(right - cheapest_right, 0.02)
    return [unit * rung for rung in _RUNGS]


def _only(model: Gain, seats: Sequence[str]) -> Gain:
    return replace(model, members=tuple(member for member in model.members if member.seat in seats))


def _rung(worth: float, played: Sequence[Played]) -> Rung:
    return Rung(
        worth_nano_usd=round(worth),
        right=round(fmean(one.right for one in played), 5),
        cost_nano_usd=round(fmean(one.cost_nano_usd for one in played)),
        calls=round(fmean(one.calls for one in played), 3),
    )
