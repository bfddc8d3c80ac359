import asyncio
from typing import get_args

import pytest
from scripted_calls import Never, Says, ScriptedCalls, play, question, scripted

from antiphon.core.error import AntiphonError, ContractViolated, EnvelopeExceeded, UpstreamBroken, UpstreamOverloaded
from antiphon.core.plan import Envelope, Pattern
from antiphon.recipes.port import Answer
from antiphon.recipes.run import RUNS, run
from antiphon.recipes.settings import PATTERNS, RecipeSettings
from antiphon.recipes.settings_best_of import BestOfSettings
from antiphon.recipes.settings_cascade import CascadeSettings, StageSettings
from antiphon.recipes.settings_contract import ChoiceSettings, ContractSettings
from antiphon.recipes.settings_envelope import EnvelopeSettings
from antiphon.recipes.settings_panel import PanelSettings
from antiphon.recipes.settings_ratings import RatingsSettings
from antiphon.recipes.settings_single import SingleSettings
from antiphon.recipes.settings_vote import VoteSettings

GONE = UpstreamBroken("gone")
SINGLE = SingleSettings(seat="a")


def choice(on_violation: str = "repair", repairs: int = 1, render: str = "as_is") -> ContractSettings:
    return ContractSettings(
        choice=ChoiceSettings(options=["A", "B"]), on_violation=on_violation, repairs=repairs, render=render
    )


def went(recipe: RecipeSettings, scripts: dict[str, object], **beside: object) -> tuple[Answer, ScriptedCalls]:
    calls = scripted(recipe, scripts, **beside)
    return play(run(recipe, question(stream=bool(beside.get("stream"))), calls)), calls


def test_every_pattern_can_be_run() -> None:
    assert {*RUNS, "python"} == set(PATTERNS) == set(get_args(Pattern))


def test_a_single_recipe_is_one_call_to_its_seat() -> None:
    answer, calls = went(RecipeSettings(single=SingleSettings(seat="fast")), {"fast": "42"})

    assert (answer.text, calls.steps(), calls.made[0].final) == ("42", ["answer"], True)


def test_without_a_seat_the_route_answers() -> None:
    assert went(RecipeSettings(single=SingleSettings()), {})[1].made[0].asked.seat == ""


def test_without_any_answer_the_most_telling_error_is_raised() -> None:
    recipe = RecipeSettings(vote=VoteSettings(members=["a", "b", "c"]))

    with pytest.raises(UpstreamOverloaded):
        went(recipe, {"a": GONE, "b": UpstreamOverloaded("busy"), "c": GONE})
    with pytest.raises(UpstreamBroken):  # what an upstream said tells more than an envelope that is too small
        play(run(recipe, question(), ScriptedCalls({"a": GONE}, Envelope(calls=1))))
    with pytest.raises(EnvelopeExceeded):
        play(run(recipe, question(), ScriptedCalls(envelope=Envelope(calls=0))))


def test_the_envelope_is_as_many_calls_as_the_steps_can_make_unless_it_says_fewer() -> None:
    members = ["a", "b", "c"]

    assert RecipeSettings(vote=VoteSettings(members=members)).envelope_of().calls == 3
    assert RecipeSettings(vote=VoteSettings(members=members), contract=choice(repairs=2)).envelope_of().calls == 5
    assert RecipeSettings(vote=VoteSettings(members=members), contract=choice("warn")).envelope_of().calls == 3
    limits = EnvelopeSettings(money_usd=0.05, calls=2, seconds=9, output_tokens=100, concurrency=3)
    assert RecipeSettings(vote=VoteSettings(members=members), envelope=limits).envelope_of(attempts=4) == Envelope(
        attempts=4, seconds=9, output_tokens=100, money_nano_usd=50_000_000, calls=2, concurrency=3
    )


def test_so_many_calls_run_at_once_as_the_envelope_says() -> None:
    recipe = RecipeSettings(vote=VoteSettings(members=list("abcdefg")), envelope=EnvelopeSettings(concurrency=2))

    assert went(recipe, {})[1].purse.most_at_once == 2


def test_a_recipe_has_exactly_one_pattern() -> None:
    assert RecipeSettings().check()[0][1] == "it has none of the patterns"
    two = RecipeSettings(single=SINGLE, vote=VoteSettings())
    assert two.check()[0][1] == "it has single and vote of the patterns"
    with pytest.raises(ValueError, match="exactly one pattern, not single and vote"):
        _ = two.pattern


# What a contract asks for.


def test_an_answer_that_breaks_the_contract_is_mended_within_the_envelope() -> None:
    answer, calls = went(RecipeSettings(single=SINGLE, contract=choice()), {"a": ["Hard to say.", "B"]})

    assert (answer.text, calls.steps()) == ("B", ["answer", "repair"])
    assert calls.of("repair").asked.seat == "a"
    assert [noted.what for noted in calls.notes][-1] == "repaired"


def test_each_repair_is_a_step_of_the_shape() -> None:
    recipe = RecipeSettings(single=SINGLE, contract=choice(repairs=3))

    _, calls = went(recipe, {"a": "Hard to say."})

    assert calls.steps() == [step.name for step in recipe.steps()] == ["answer", "repair", "repair-2", "repair-3"]
    assert [step.after for step in recipe.steps()[1:]] == [("answer",), ("repair",), ("repair-2",)]


def test_where_no_repair_helps_the_answer_of_a_member_that_keeps_the_contract_is_released() -> None:
    settings = PanelSettings(members=["a", "b"], judge="j", final="f")
    scripts = {"a": "A", "b": "no idea", "f": "Hard to say.", "j": "{}"}

    for how in ("refuse", "best"):
        assert went(RecipeSettings(panel=settings, contract=choice(how)), scripts)[0].text == "A"
    answer, calls = went(RecipeSettings(panel=settings, contract=choice("repair")), scripts)
    assert (answer.text, calls.steps()[-1]) == ("Hard to say.", "repair")


def test_where_none_keeps_it_the_caller_is_refused_if_the_contract_says_so() -> None:
    with pytest.raises(ContractViolated):
        went(RecipeSettings(single=SINGLE, contract=choice("refuse")), {"a": "Hard to say."})


def test_a_repair_that_says_nothing_does_not_replace_an_answer() -> None:
    answer, _ = went(RecipeSettings(single=SINGLE, contract=choice()), {"a": ["Hard to say.", ""]})

    assert answer.text == "Hard to say."


def test_a_repair_that_fails_leaves_the_answer() -> None:
    assert (
        went(RecipeSettings(single=SINGLE, contract=choice()), {"a": ["Hard to say.", GONE]})[0].text == "Hard to say."
    )


def test_what_is_to_be_checked_does_not_stream_and_what_is_not_does() -> None:
    for contract, streams in ((choice(), False), (choice("warn"), True), (choice("warn", render="json"), False)):
        recipe = RecipeSettings(single=SINGLE, contract=contract)
        answer, calls = went(recipe, {"a": "A"}, stream=True)
        assert answer.streams == streams
        assert ("skipped" in calls.whats()) == streams


def test_an_answer_that_calls_tools_is_held_to_nothing() -> None:
    from antiphon.core.content import ToolCall

    calling = Says(tools=(ToolCall(id="t", name="look", arguments="{}"),))

    assert went(RecipeSettings(single=SINGLE, contract=choice("refuse")), {"a": calling})[0].calls_tools


# Failure rules and cancellation.


def test_a_strict_recipe_makes_no_call_after_a_step_that_it_needs_has_failed() -> None:
    settings = PanelSettings(members=["a", "b"], judge="j", final="f")
    calls = ScriptedCalls({"j": GONE})

    with pytest.raises(UpstreamBroken):
        play(run(RecipeSettings(panel=settings, on_failure="fail"), question(), calls))

    assert calls.steps() == ["member-1", "member-2", "judge#1"]


def test_a_cancelled_run_ends_at_once_and_settles_what_it_drew() -> None:
    calls = ScriptedCalls(dict.fromkeys("abc", Never()))
    recipe = RecipeSettings(vote=VoteSettings(members=["a", "b", "c"]), envelope=EnvelopeSettings(concurrency=2))

    async def story() -> None:
        task = asyncio.create_task(run(recipe, question(), calls))
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert calls.now_s() == 3

    play(story())
    assert [made.outcome for made in calls.made] == ["cancelled"] * 2
    assert calls.purse.spent_nano_usd == 0


def test_the_time_of_an_envelope_ends_a_run_with_what_it_has() -> None:
    settings = CascadeSettings(stages=[StageSettings(seat="a"), StageSettings(seat="b")], by=["logprob"])
    recipe = RecipeSettings(cascade=settings, envelope=EnvelopeSettings(seconds=5))

    answer, calls = went(recipe, {"b": Never()})

    assert answer.seat == "a"
    assert calls.of("stage-2").ended_s == 5


def test_a_recipe_s_own_failure_without_an_upstream_s_is_said_to_be_its_own() -> None:
    recipe = RecipeSettings(vote=VoteSettings(members=["a"], samples=1, quorum=1), on_failure="fail")

    with pytest.raises(AntiphonError) as caught:
        went(recipe, {"a": ""})

    assert (caught.value.said_code, caught.value.said_status) == ("recipe_failed", 502)


def test_mistakes_of_the_pattern_and_of_the_contract_are_found() -> None:
    recipe = RecipeSettings(cascade=CascadeSettings(by=["verifier"]), contract=ContractSettings(regex="("))

    assert [path for path, _, _ in recipe.check()] == ["cascade.verifier", "contract.regex"]
    assert RecipeSettings(cascade=CascadeSettings(by=["contract"])).check()[0][0] == "cascade.by"


# What becomes known of how good answers are.


def test_an_answer_is_rated_once_by_its_contract_however_often_that_is_checked() -> None:
    stages = [StageSettings(seat="a"), StageSettings(seat="b")]
    recipe = RecipeSettings(cascade=CascadeSettings(stages=stages, by=["contract"]), contract=choice())

    _, calls = went(recipe, {"a": "A"})
    assert calls.rated == [("stage-1", "contract", 1.0)]

    _, calls = went(recipe, {"a": "Hard to say.", "b": "B"})
    assert calls.rated == [("stage-1", "contract", 0.0), ("stage-2", "contract", 1.0)]


def test_marks_of_judges_are_told_as_fractions() -> None:
    rating = RatingsSettings(members=["a", "b"], raters=["j"])
    best = BestOfSettings(members=["a", "b"], judge="j")
    verified = CascadeSettings(stages=[StageSettings(seat="a"), StageSettings(seat="b")], by=["verifier"], verifier="j")
    marks = '{"A": 10, "B": 1, "score": 10, "chance": 0.25}'

    _, calls = went(RecipeSettings(ratings=rating), {"a": "x", "b": "y", "j": marks})
    assert sorted(score for _, _, score in calls.rated) == [0.0, 1.0]
    _, calls = went(RecipeSettings(best_of=best), {"a": "x", "b": "y", "j": marks})
    assert calls.rated == [("member-1", "judge", 1.0), ("member-2", "judge", 1.0)]
    _, calls = went(RecipeSettings(cascade=verified), {"a": "x", "j": marks})
    assert calls.rated == [("stage-1", "judge", 0.25)]
