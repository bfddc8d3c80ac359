from graphlib import CycleError

import msgspec
import pytest

from antiphon.core.signal import Declared
from antiphon.expr.error import ExpressionError
from antiphon.routing.environment import Environment, environment, is_own
from antiphon.routing.settings_rules import ScoreSettings
from antiphon.signals.catalogue import environment as signals
from antiphon.signals.settings import SignalSettings

FACTS = signals(SignalSettings())


def made(**scores: object) -> Environment:
    return environment(FACTS, ["a", "b-c"], msgspec.convert(scores, dict[str, ScoreSettings]))


def test_it_declares_routings_own_facts_beside_those_of_signals() -> None:
    env = made(risk={"add": [{"of": "text.words", "weight": 1}]})

    own = {name: (one.kind, one.cost) for name, one in env.items() if is_own(name)}
    assert own == {
        "budget.share": ("double", "free"),
        "health.a": ("bool", "free"),
        "health.b-c": ("bool", "free"),
        "quality.a": ("double", "learned"),
        "quality.b-c": ("double", "learned"),
        "score.risk": ("double", "free"),
        "band.risk": ("string", "free"),
    }
    assert set(FACTS) < set(env)
    assert len(env) == len(list(env))
    assert "header.x_team" in env  # declared by use, so not listed
    assert "health.nobody" not in env


def test_no_fact_of_signals_is_called_as_one_of_routings_own() -> None:
    assert not [name for name in FACTS if is_own(name)]


@pytest.mark.parametrize(
    ("of", "cost"),
    [("text.words", "free"), ("task.confidence", "learned"), ("quality.a", "learned"), ("score.other", "learned")],
)
def test_a_score_costs_what_its_dearest_fact_does(of: str, cost: str) -> None:
    other = {"add": [{"of": "difficulty.score", "weight": 1}]}

    env = made(risk={"add": [{"of": "text.words", "weight": 1}, {"of": of, "weight": 1}]}, other=other)

    assert (env["score.risk"].cost, env["band.risk"].cost) == (cost, cost)


def test_scores_that_need_each_other_are_refused() -> None:
    with pytest.raises(CycleError):
        made(
            a={"add": [{"of": "score.b", "weight": 1}]},
            b={"add": [{"when": "band.a == 'x'", "weight": 1}], "bands": [{"name": "x"}]},
        )


def test_a_score_that_can_not_be_compiled_is_refused() -> None:
    with pytest.raises(ExpressionError, match=r"there is no fact `score\.b`"):
        made(a={"add": [{"of": "score.b", "weight": 1}]})


def test_what_a_fact_says_is_stated() -> None:
    assert all(isinstance(one, Declared) and one.says for one in made().values())
