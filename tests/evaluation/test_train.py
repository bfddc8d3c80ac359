"""A trained selector knows what is true of made outcomes, tells chances that hold, and is the same each time."""

import random

import msgspec
import numpy as np
import pytest
from made_outcomes import MODELS, TRUTH, made, prompt, table, vector
from msgspec.structs import replace

from antiphon.core.error import BadRequest
from antiphon.evaluation.grid import grid
from antiphon.evaluation.judge import foretell, judge
from antiphon.evaluation.measures import calibration_error
from antiphon.evaluation.train import embedded, train
from antiphon.routing.selector import Selector

METHODS = ("prior", "ridge", "logistic", "blend")


@pytest.fixture(scope="module")
def outcomes():
    return table(600)


@pytest.fixture(scope="module")
def selector(outcomes):
    return Selector(train(outcomes, "logistic").file)


@pytest.mark.parametrize("kind", TRUTH)
def test_chances_are_near_the_truth(selector, kind):
    chance = random.Random(7)
    told = [selector.predict(prompt(kind, chance)) for _ in range(60)]
    for model in MODELS:
        assert np.mean([one[model].mean for one in told]) == pytest.approx(TRUTH[kind][model], abs=0.1)


@pytest.mark.parametrize("kind", TRUTH)
def test_the_interval_holds_the_truth_and_is_no_wider_than_the_data_says(selector, kind):
    chance = random.Random(8)
    told = [selector.predict(prompt(kind, chance))[model] for _ in range(40) for model in MODELS]
    truths = [TRUTH[kind][model] for _ in range(40) for model in MODELS]
    held = np.mean([one.low - 0.02 <= truth <= one.high + 0.02 for one, truth in zip(told, truths, strict=True)])
    assert held > 0.7
    assert all(one.low <= one.mean <= one.high for one in told)
    assert max(one.high - one.low for one in told) < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_chances_of_unseen_prompts_are_calibrated(outcomes, method):
    selector, fresh = Selector(train(outcomes, method).file), table(500, seed=1)
    told = foretell(selector, fresh.texts, None).chances
    assert calibration_error(told.ravel(), fresh.scores.ravel()) < 0.05


def test_following_it_gains_on_unseen_prompts(selector):
    fresh = made(500, seed=2)
    found = judge(selector, grid(fresh, selector.models), fresh).judged
    assert found.gain_low > 0.05
    assert found.equal_cost_ratio < 0.8
    assert found.oracle_score > found.best_single_score + found.gain


def test_where_nothing_can_be_gained_the_margin_keeps_to_the_best_single_model():
    alike = {kind: {"cheap": 0.3, "poet": 0.8, "coder": 0.5} for kind in TRUTH}
    file = train(table(300, truth=alike), "ridge").file
    fresh = made(500, 5, alike)
    assert file.best_single == "poet"
    found = judge(Selector(file), grid(fresh, tuple(file.models)), fresh).judged
    assert abs(found.gain) < 0.01


def test_within_the_tolerance_the_cheapest_route_loses_nothing_out_of_fold(outcomes):
    report = train(outcomes, "ridge").file.report
    assert report.kept_gain >= 0
    assert report.kept_cost_ratio < 1


def test_lengths_of_answers_are_foreseen(selector):
    chance = random.Random(9)
    poem, sum_ = (selector.foresee(prompt(kind, chance)).output_tokens["poet"] for kind in ("poem", "sum"))
    assert poem == pytest.approx(205, rel=0.35)
    assert sum_ == pytest.approx(25, rel=0.5)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_outcomes_and_seed_give_the_same_file(method):
    one, other = (train(table(120), method, seed=3).file for _ in range(2))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert train(table(120), "ridge", seed=4).file.sha256 != train(table(120), "ridge", seed=3).file.sha256


def test_a_model_with_a_hundred_labels_is_known_by_how_it_goes_with_the_others(outcomes):
    scores = outcomes.scores.copy()
    scores[100:, 2] = np.nan
    selector = Selector(train(replace(outcomes, scores=scores), "ridge").file)
    chance = random.Random(10)
    code = np.mean([selector.predict(prompt("code", chance))["coder"].mean for _ in range(40)])
    poem = np.mean([selector.predict(prompt("poem", chance))["coder"].mean for _ in range(40)])
    assert code > 0.65
    assert poem < 0.5


def test_where_one_model_was_asked_of_each_prompt_kinds_are_told_apart_all_the_same():
    whole, chance = table(1500, seed=6), np.random.default_rng(0)
    scores = np.full_like(whole.scores, np.nan)
    rows, columns = np.arange(1500), chance.integers(0, 3, 1500)
    scores[rows, columns] = whole.scores[rows, columns]
    selector = Selector(train(replace(whole, scores=scores), "ridge").file)
    draw = random.Random(11)
    for kind, best in (("poem", "poet"), ("code", "coder")):
        told = [selector.predict(prompt(kind, draw)) for _ in range(40)]
        assert max(MODELS, key=lambda model: sum(one[model].mean for one in told)) == best  # noqa: B023


@pytest.mark.parametrize("method", ["knn", "blend", "ridge"])
def test_an_embedding_tells_what_words_do_not(outcomes, method):
    chance = random.Random(12)
    # The words are those of sums throughout; only the embedding tells the kind.
    blind = replace(outcomes, texts=tuple(prompt("sum", chance) for _ in outcomes.texts))
    vectors = embedded("made", [vector(kind, chance) for kind in outcomes.tasks])
    selector = Selector(train(blind, method, vectors).file)
    text = prompt("sum", chance)
    seeing = np.mean([selector.predict(text, vector("code", chance))["cheap"].mean for _ in range(20)])
    assert seeing == pytest.approx(0.3, abs=0.12)
    assert selector.predict(text)["cheap"].mean == pytest.approx(0.47, abs=0.12)
    with pytest.raises(BadRequest, match="3 numbers; 16 are expected"):
        selector.predict(text, vector("sum", chance, 3))


@pytest.mark.parametrize(
    ("grid_of", "method", "said"),
    [
        (lambda: table(20), "ridge", "20 prompts have an outcome; at least 50"),
        (lambda: grid(made(60), ["poet"]), "ridge", "chooses among two models"),
        (lambda: grid(made(60), ["poet", "nobody"]), "ridge", "nobody has no score"),
        (lambda: table(60), "knn", "name an embedder"),
    ],
)
def test_what_can_not_be_learned_from_is_refused_with_the_remedy(grid_of, method, said):
    with pytest.raises(BadRequest, match=said):
        train(grid_of(), method)
