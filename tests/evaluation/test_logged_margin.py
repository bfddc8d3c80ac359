"""A selector of logged choices alone: one model was asked each prompt, and chance said which."""

import random

import numpy as np
import pytest
from made_outcomes import MODELS, TRUTH, made
from msgspec.structs import replace

from antiphon.core.error import BadRequest
from antiphon.evaluation.grid import grid
from antiphon.evaluation.judge import judge
from antiphon.evaluation.logged_margin import LEAST_CHOICES
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.report import STAY
from antiphon.evaluation.train import train
from antiphon.routing.selector import Selector


def drawn(count: int, seed: int = 0, truth: dict[str, dict[str, float]] = TRUTH) -> list[Outcome]:
    """Of each prompt one outcome, of whom chance chose."""
    every, chance = made(count, seed, truth), random.Random(seed)
    return [replace(every[3 * at + chance.randrange(3)], propensity=1 / 3) for at in range(count)]


def test_choices_that_chance_made_tell_how_far_to_go_and_it_holds_on_other_prompts() -> None:
    outcomes = drawn(900)

    trained = train(grid(outcomes, MODELS), "ridge", outcomes=outcomes)

    assert trained.choices == 900
    assert trained.file.margin < 0.2
    fresh = made(600, seed=5)
    found = judge(Selector(trained.file), grid(fresh, MODELS), fresh).judged
    assert found is not None
    assert found.gain > 0.1
    assert found.kept_gain > -0.02
    assert found.kept_cost_ratio < 1


def test_a_few_explored_choices_among_many_of_the_favourite_are_weighed_for_what_they_are() -> None:
    """Nine in ten asked the favourite; what is told of the others rests on the rest."""
    every, chance, explore = made(3000, 4), random.Random(4), 0.15
    outcomes = []
    for at in range(3000):
        place = chance.randrange(3) if chance.random() < explore else 1
        outcomes.append(replace(every[3 * at + place], propensity=explore / 3 + (1 - explore if place == 1 else 0)))

    trained = train(grid(outcomes, MODELS), "ridge", outcomes=outcomes)

    fresh = made(600, seed=9)
    found = judge(Selector(trained.file), grid(fresh, MODELS), fresh).judged
    assert np.mean([one.propensity or 0 for one in outcomes]) > 0.75
    assert found is not None
    assert found.gain > 0.05
    assert found.kept_gain > -0.02


def test_where_one_model_is_best_at_everything_prompts_stay_with_it() -> None:
    flat = {kind: {"cheap": 0.3, "poet": 0.9, "coder": 0.4} for kind in TRUTH}
    outcomes = drawn(600, truth=flat)

    trained = train(grid(outcomes, MODELS), "ridge", outcomes=outcomes)

    assert trained.file.best_single == "poet"
    fresh = made(400, seed=7, truth=flat)
    found = judge(Selector(trained.file), grid(fresh, MODELS), fresh).judged
    assert found is not None
    assert found.gain > -0.02
    assert found.kept_gain > -0.02


def test_few_choices_and_choices_without_a_propensity_change_nothing() -> None:
    outcomes = drawn(900)
    bare = [replace(one, propensity=None) for one in outcomes]
    few = [*outcomes[: LEAST_CHOICES - 1], *bare[LEAST_CHOICES - 1 :]]
    for some in (bare, few):
        trained = train(grid(some, MODELS), "ridge", outcomes=some)
        assert (trained.choices, trained.file.margin) == (0, STAY)


def test_prompts_that_every_model_answered_go_before_choices() -> None:
    every = made(200)
    logged = [replace(one, propensity=1 / 3) if at % 3 == 0 else one for at, one in enumerate(every)]

    assert train(grid(logged, MODELS), "ridge", outcomes=logged).file == train(grid(every, MODELS), "ridge").file


def test_two_choices_of_one_prompt_are_refused() -> None:
    outcomes = [replace(one, propensity=0.5) for at, one in enumerate(made(300)) if at % 3 != at // 3 % 3]
    with pytest.raises(BadRequest, match="two logged choices"):
        train(grid(outcomes, MODELS), "ridge", outcomes=outcomes)
