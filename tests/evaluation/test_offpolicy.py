"""What another way would have been worth is told without bias, and its interval holds."""

import random

import numpy as np
import pytest

from antiphon.core.chance import Chance
from antiphon.core.error import BadRequest
from antiphon.evaluation.grid import grid
from antiphon.evaluation.offpolicy import Logged, estimate, logged
from antiphon.evaluation.outcomes import Outcome
from antiphon.routing.selector_explore import draw, propensities

RATES = np.array([[0.2, 0.9], [0.8, 0.3]])
"""Chance of success by context (row) and model (column)."""
CONTEXTS = 400


def world(seed: int, explore: float = 0.3):
    """Choices that were mostly model 0, and the value of always choosing the right one."""
    chance = np.random.default_rng(seed)
    context = chance.integers(0, 2, CONTEXTS)
    spread = np.array([1 - explore / 2, explore / 2])
    chosen = (chance.random(CONTEXTS) < spread[1]).astype(int)
    scores = (chance.random(CONTEXTS) < RATES[context, chosen]).astype(float)
    target = np.zeros((CONTEXTS, 2))
    target[np.arange(CONTEXTS), 1 - context] = 1
    return context, Logged(chosen=chosen, scores=scores, propensities=spread[chosen]), target


@pytest.fixture(scope="module")
def estimates():
    out = []
    for seed in range(300):
        context, done, target = world(seed)
        wrong = np.full((CONTEXTS, 2), 0.5)
        out.append((estimate(target, done, wrong), estimate(target, done, RATES[context])))
    return out


@pytest.mark.parametrize("kind", ["ips", "self_normalised", "doubly_robust"])
def test_estimates_are_unbiased_also_by_wrong_predictions(estimates, kind):
    means = [getattr(one, kind).mean for one, _ in estimates]
    truth = (RATES[0, 1] + RATES[1, 0]) / 2
    assert np.mean(means) == pytest.approx(truth, abs=4 * np.std(means) / np.sqrt(len(means)) + 0.002)


@pytest.mark.parametrize("kind", ["ips", "self_normalised", "doubly_robust"])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(estimates, kind):
    truth = (RATES[0, 1] + RATES[1, 0]) / 2
    held = np.mean([getattr(one, kind).low <= truth <= getattr(one, kind).high for one, _ in estimates])
    assert held > 0.88


def test_right_predictions_make_the_doubly_robust_one_surer(estimates):
    by_wrong = np.std([one.doubly_robust.mean for one, _ in estimates])
    by_right = np.std([one.doubly_robust.mean for _, one in estimates])
    assert by_right < by_wrong < np.std([one.ips.mean for one, _ in estimates])


def test_a_way_that_was_never_taken_rests_on_nothing():
    done = Logged(chosen=np.array([0, 0]), scores=np.array([1.0, 0.0]), propensities=np.array([1.0, 1.0]))
    found = estimate(np.array([[0.0, 1.0]] * 2), done, np.full((2, 2), 0.5))
    assert found.effective == 0
    assert (found.self_normalised.low, found.self_normalised.high) == (0.0, 1.0)


def outcome(prompt: str, propensity: float | None, model: str = "a") -> Outcome:
    return Outcome(prompt_id=prompt, prompt="?", model=model, score=1.0, propensity=propensity)


def test_logged_choices_are_found_by_their_propensity():
    outcomes = [outcome("1", None), outcome("2", 0.5), outcome("2", None, "b")]
    rows, found = logged(grid(outcomes), outcomes)
    assert rows.tolist() == [1]
    assert found.propensities.tolist() == [0.5]


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([outcome("1", None)], "no outcome has a propensity"),
        ([outcome("1", 0.5), outcome("1", 0.5, "b")], "two logged choices"),
    ],
)
def test_what_was_not_logged_can_not_be_valued(outcomes, said):
    with pytest.raises(BadRequest, match=said):
        logged(grid(outcomes), outcomes)


CHANCES = {"sure": Chance(0.8, 0.75, 0.85), "open": Chance(0.6, 0.3, 0.95), "bad": Chance(0.2, 0.1, 0.3)}


def test_propensities_add_up_and_none_is_zero():
    found = propensities(CHANCES, "sure", 0.1)
    assert sum(found.values()) == pytest.approx(1)
    assert found["sure"] > 0.9
    assert found["open"] > found["bad"] > 0


def test_models_are_drawn_as_often_as_their_propensity_says():
    drawn = [draw(CHANCES, "sure", 0.3, seed) for seed in range(20_000)]
    told = propensities(CHANCES, "sure", 0.3)
    for model, expected in told.items():
        share = np.mean([one.model == model for one in drawn])
        assert share == pytest.approx(expected, abs=4 * np.sqrt(expected / 20_000))
    assert all(one.propensity == told[one.model] for one in drawn)


def test_the_same_seed_draws_the_same_and_without_exploration_nothing_is_drawn():
    assert draw(CHANCES, "sure", 0.3, 5) == draw(CHANCES, "sure", 0.3, 5)
    assert {draw(CHANCES, "bad", 0.0, random.randrange(99)).model for _ in range(50)} == {"bad"}
    assert draw(CHANCES, "bad", 0.0, 1).propensity == 1
