import asyncio

import pytest
from gained import SEATS, made, tuned

from antiphon.core.error import EnvelopeExceeded, Unavailable
from antiphon.core.plan import Envelope
from antiphon.evaluation.gain_examples import examples
from antiphon.evaluation.judge_route import judge, matched
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.recorded_calls import RecordedCalls
from antiphon.evaluation.replay_recipes import Prompt, Replayed, cost_at, most_given, prompts, replay, score_at
from antiphon.evaluation.tune_gain import play
from antiphon.recipes.extract import key_of
from antiphon.recipes.port import Asked, Seated
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_auto import AutoSettings
from antiphon.recipes.settings_cascade import CascadeSettings, StageSettings
from antiphon.recipes.settings_panel import PanelSettings
from antiphon.recipes.settings_vote import VoteSettings


def outcome(model: str, answer: str | None, score: float = 0.0, cost_nano_usd: int | None = 10) -> Outcome:
    return Outcome(
        prompt_id="p",
        prompt="What is 6 times 7?",
        model=model,
        score=score,
        cost_nano_usd=cost_nano_usd,
        input_tokens=5,
        output_tokens=3,
        answer=answer,
    )


OUTCOMES = {"a": outcome("a", "42", 1.0), "b": outcome("b", "41"), "c": outcome("c", "42", 1.0, 90)}
PROMPT = Prompt(id="p", text="What is 6 times 7?", outcomes=OUTCOMES)
PLACES = tuple(Seated(seat=name, cost_nano_usd=one.cost_nano_usd) for name, one in OUTCOMES.items())


def replayed(recipe: RecipeSettings, **beside: object) -> Replayed:
    return asyncio.run(replay(recipe, PROMPT, PLACES, **beside))  # type: ignore[arg-type]


async def test_an_answer_comes_with_its_recorded_tokens_and_cost() -> None:
    calls = RecordedCalls(OUTCOMES, texts={"c": "It is 42, I think."})

    short = await calls.ask(Asked(step="x", seat="a"))
    whole = await calls.final(Asked(step="y", seat="c"))

    assert (short.text, short.cost_nano_usd, short.usage and short.usage.output_tokens) == ("42", 10, 3)
    assert whole.text == "It is 42, I think."
    assert calls.cost_nano_usd == 100


async def test_what_was_not_recorded_fails_and_costs_nothing() -> None:
    calls = RecordedCalls(OUTCOMES)

    with pytest.raises(Unavailable, match="'z'"):
        await calls.ask(Asked(step="x", seat="z"))

    assert calls.cost_nano_usd == 0


async def test_the_envelope_holds() -> None:
    calls = RecordedCalls(OUTCOMES, envelope=Envelope(calls=5, money_nano_usd=95))

    await calls.ask(Asked(step="x", seat="a"))
    with pytest.raises(EnvelopeExceeded):
        await calls.ask(Asked(step="y", seat="c"))


def test_a_vote_pays_all_its_members_and_scores_as_the_winner() -> None:
    found = replayed(RecipeSettings(vote=VoteSettings(members=["a", "b", "c"], early_stop=False)))

    assert (found.score, found.cost_nano_usd, sorted(found.asked)) == (1.0, 110, ["a", "b", "c"])


def test_a_cascade_pays_for_what_it_asked_and_no_more() -> None:
    recipe = RecipeSettings(
        cascade=CascadeSettings(
            stages=[StageSettings(seat="a"), StageSettings(seat="c")], by=["agreement"], agree_with="b", samples=2
        )
    )

    found = replayed(recipe)

    assert (found.asked, found.gave, found.cost_nano_usd) == (("a", "b", "c"), "c", 110)


def test_a_panel_s_scripted_judge_gives_what_most_members_say() -> None:
    recipe = RecipeSettings(panel=PanelSettings(members=["a", "b", "c"], judge="c"))
    judged = '{"agreement": ["Two agree."], "contradiction": [], "unique": [], "blind_spots": [], "best": "A"}'

    found = replayed(recipe, scripts={"judge": lambda *_: judged, "final": most_given(key_of)})

    assert (found.score, found.cost_nano_usd) == (1.0, 10 + 10 + 90 + 90 + 90)


def test_where_nobody_answered_the_score_is_0() -> None:
    found = asyncio.run(
        replay(RecipeSettings(auto=AutoSettings(members=["x"])), PROMPT, [Seated(seat="x")]),
    )

    assert (found.score, found.gave, found.cost_nano_usd) == (0.0, "", 0)


def test_the_recipe_decides_as_the_model_alone() -> None:
    """Recipe, calls and envelope add nothing to what the model of expected gain decides, and take nothing from it."""
    worth, seats = tuned().worth_nano_usd, tuple(Seated(seat=seat) for seat in SEATS)
    recipe = RecipeSettings(auto=AutoSettings(members=list(SEATS), file="gain.json"))
    rows = [
        Outcome(
            prompt_id=f"{at}",
            prompt=one.text,
            model=seat,
            score=got.right,
            cost_nano_usd=got.cost_nano_usd,
            output_tokens=got.output_tokens,
            answer=got.key,
        )
        for at, one in enumerate(made(60, 9))
        for seat, got in one.outcomes.items()
    ]
    read = examples(rows)

    for prompt in prompts(rows):
        alone = play(tuned(), read[prompt.id], worth)
        found = asyncio.run(replay(recipe, prompt, seats, gain=tuned()))
        assert (found.asked, found.gave, found.cost_nano_usd) == (alone.seats, alone.gave, alone.cost_nano_usd)
        assert found.chance == pytest.approx(alone.chance, abs=1e-4)


def test_examples_have_what_answers_come_to() -> None:
    (found,) = examples([*OUTCOMES.values(), outcome("d", " "), outcome("e", None)]).values()

    assert {seat: one.key for seat, one in found.outcomes.items()} == {
        "a": "42",
        "b": "41",
        "c": "42",
        "d": None,
        "e": None,
    }


def test_a_frontier_is_read_between_its_points() -> None:
    points = [(1.0, 0.5), (3.0, 0.7), (4.0, 0.65)]

    assert cost_at(points, 0.6) == pytest.approx(2.0)
    assert cost_at(points, 0.4) == 1.0
    assert cost_at(points, 0.9) is None
    assert score_at(points, 2.0) == pytest.approx(0.6)
    assert score_at(points, 9.0) == 0.7
    assert score_at(points, 0.5) is None


def test_a_mix_of_equal_cost_lies_between_two_models() -> None:
    assert matched([(1.0, 0.5), (3.0, 0.9), (2.0, 0.4)], 2.0) == pytest.approx(0.7)


def test_a_route_is_judged_beside_the_best_single_model() -> None:
    found = [Replayed(score=1.0, cost_nano_usd=20, asked=("a", "b"), gave="a")] * 4
    rows = [
        Prompt(id=f"{at}", text="x", outcomes={**OUTCOMES, "a": outcome("a", "42", float(at > 0))}) for at in range(4)
    ]

    report = judge(rows, found, ("a", "b"))

    assert (report.best_single, report.best_single_score, report.gain) == ("a", 0.75, 0.25)
    assert (report.cost_ratio, report.calls, report.oracle_score) == (2.0, 2.0, 0.75)
    assert report.auc is None
