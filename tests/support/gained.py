"""Made-up outcomes that are easy to reason about: three kinds of requests, and seats that differ in what they can do."""

import random
from functools import cache

from antiphon.evaluation.fit_gain import Example, Outcome
from antiphon.evaluation.tune_gain import tune
from antiphon.routing.gain import Calibration, Gain, Member, Spread, Trained
from antiphon.routing.gain_text import BUCKETS, MARKS

CHEAP, OTHER, STRONG = "cheap", "other", "strong"
SEATS = (CHEAP, OTHER, STRONG)
RIGHT = {"easy": (0.97, 0.96, 0.98), "hard": (0.35, 0.35, 0.85), "odd": (0.85, 0.4, 0.5)}
WORDS = {
    "easy": "add two small numbers please",
    "hard": "prove the theorem about ideals",
    "odd": "rhyme a verse in dialect",
}
COSTS = {CHEAP: 1_000, OTHER: 1_500, STRONG: 40_000}


def made(count: int, seed: int) -> list[Example]:
    """Examples. Seats err on their own; wrong answers are spread over five values."""
    chance = random.Random(seed)
    return [_example(chance, number) for number in range(count)]


def _example(chance: random.Random, number: int) -> Example:
    kind = chance.choice(tuple(RIGHT))
    outcomes: dict[str, Outcome] = {}
    for seat, rate in zip(SEATS, RIGHT[kind], strict=True):
        right = chance.random() < rate
        outcomes[seat] = Outcome(
            right=float(right),
            key="right" if right else f"wrong {chance.randrange(5)}",
            cost_nano_usd=COSTS[seat],
            output_tokens=chance.randrange(40, 60) if right else chance.randrange(60, 100),
        )
    return Example(text=f"{WORDS[kind]} {number}", outcomes=outcomes)


@cache
def tuned() -> Gain:
    """A model that was tuned on such examples."""
    return tune(made(600, 1), SEATS)


def member(seat: str, *right: float, cost_nano_usd: int, silent: float = 0.1) -> Member:
    """A seat with given rates."""
    spread = Spread(mean=(3.0,) * len(right), deviation=(1.0,) * len(right))
    return Member(
        seat=seat,
        right=right,
        silent=(silent,) * len(right),
        cost_nano_usd=(cost_nano_usd,) * len(right),
        mean_cost_nano_usd=cost_nano_usd,
        length_right=spread,
        length_wrong=spread,
    )


def model(*members: Member, bias: tuple[float, ...] = (0.0, 0.0), worth_nano_usd: int = 1_000_000) -> Gain:
    """A model that knows nothing of texts."""
    classes = len(bias)
    return Gain(
        members=members,
        bias=bias,
        words=((0.0,) * classes,) * BUCKETS,
        form_marks=((0.0,) * classes,) * len(MARKS),
        apart=(2.0,) * classes,
        length_weight=0.0,
        worth_nano_usd=worth_nano_usd,
        calibration=Calibration(),
        trained=Trained(),
    )
