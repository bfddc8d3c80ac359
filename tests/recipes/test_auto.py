from collections.abc import Sequence

import pytest
from gained import member, model
from msgspec.structs import replace
from scripted_calls import Fails, Says, Script, ScriptedCalls, play, question

from antiphon.core.content import ToolCall
from antiphon.core.error import UpstreamBroken, UpstreamLimited
from antiphon.core.plan import Envelope
from antiphon.recipes.port import Answer, Seated
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_auto import AutoSettings
from antiphon.recipes.settings_contract import ChoiceSettings, ContractSettings
from antiphon.routing.gain import Gain

CHEAP = (Seated(seat="a", cost_nano_usd=1), Seated(seat="b", cost_nano_usd=2), Seated(seat="c", cost_nano_usd=90))
GAIN = model(
    member("a", 0.97, 0.3, cost_nano_usd=1_000),
    member("b", 0.95, 0.3, cost_nano_usd=2_000),
    member("c", 0.99, 0.9, cost_nano_usd=50_000),
)
ALIKE = model(*(member(seat, 0.9, 0.5, cost_nano_usd=1_000) for seat in ("a", "b", "c")))
BROKEN = UpstreamBroken("gone")


def auto(calls: ScriptedCalls, settings: AutoSettings | None = None, **asked: object) -> Answer:
    recipe = RecipeSettings(auto=settings or AutoSettings(), contract=asked.pop("contract", None))  # type: ignore[arg-type]
    gain = asked.pop("gain", None)
    return play(run(recipe, replace(question(**asked), gain=gain), calls))  # type: ignore[arg-type]


def by_gain(
    scripts: dict[str, Script], *, gain: Gain = GAIN, stream: bool = False, **settings: object
) -> tuple[Answer, ScriptedCalls]:
    calls = ScriptedCalls(scripts, stream=stream)
    given = AutoSettings(members=["a", "b", "c"], file="gain.json", **settings)  # type: ignore[arg-type]
    return auto(calls, given, gain=gain, stream=stream), calls


def asked(calls: ScriptedCalls) -> list[str]:
    return [made.asked.seat for made in calls.made]


def test_by_the_rule_two_cheap_members_that_agree_are_enough() -> None:
    calls = ScriptedCalls({"a": "It is 4.", "b": "Answer: 4"})

    answer = auto(calls, seats=CHEAP, contract=number())

    assert answer.text == "Answer: 4"
    assert asked(calls) == ["a", "b"]
    assert calls.notes[-1].why == "two cheap members agree"


def number() -> ContractSettings:
    return ContractSettings(choice=ChoiceSettings(options=["4", "5"]), on_violation="warn")


def test_by_the_rule_the_dearest_answers_where_they_do_not() -> None:
    calls = ScriptedCalls({"a": "4", "b": "5", "c": "6"})

    assert auto(calls, seats=CHEAP).text == "6"
    assert asked(calls) == ["a", "b", "c"]
    assert calls.made[-1].final


def test_by_the_rule_both_cheap_ones_are_asked_at_once() -> None:
    calls = ScriptedCalls({"a": Says(text="4", after_s=3), "b": Says(text="4", after_s=3)})

    auto(calls, seats=CHEAP)

    assert {made.ended_s for made in calls.made} == {3.0}


@pytest.mark.parametrize("seats", [CHEAP[2:], CHEAP[1:]])
def test_with_two_members_or_fewer_the_dearest_answers_alone(seats: Sequence[Seated]) -> None:
    calls = ScriptedCalls({"c": "yes"})

    assert auto(calls, seats=seats).seat == "c"
    assert asked(calls) == ["c"]


def test_where_costs_are_unknown_members_count_as_they_stand() -> None:
    calls = ScriptedCalls({"a": "1", "b": "2"})

    auto(calls, AutoSettings(members=["b", "c", "a"]))

    assert asked(calls) == ["b", "c", "a"]


def test_when_the_dearest_fails_a_cheap_answer_is_given() -> None:
    calls = ScriptedCalls({"a": "4", "b": "5", "c": BROKEN})

    assert auto(calls, seats=CHEAP).text in {"4", "5"}
    assert "fell_back" in calls.whats()


def test_when_all_fail_the_most_telling_error_is_raised() -> None:
    with pytest.raises(UpstreamLimited):
        auto(ScriptedCalls({"a": BROKEN, "b": UpstreamLimited("slow down"), "c": BROKEN}), seats=CHEAP)


def test_by_gain_a_right_answer_of_little_worth_is_asked_of_the_cheapest_alone() -> None:
    answer, calls = by_gain({"a": "4"}, worth_usd=0.000002)

    assert answer.text == "4"
    assert asked(calls) == ["a"]


def test_by_gain_agreement_ends_it_and_contradiction_goes_on() -> None:
    agreed, one = by_gain({"a": "4", "b": "4", "c": "5"}, gain=ALIKE, worth_usd=0.00002)
    apart, two = by_gain({"a": "4", "b": "5", "c": "5"}, gain=ALIKE, worth_usd=0.00002)

    assert (agreed.text, apart.text) == ("4", "5")
    assert (asked(one), asked(two)) == (["a", "b"], ["a", "b", "c"])


def test_by_gain_the_receipt_is_told_what_each_call_was_to_add_and_how_sure_it_is() -> None:
    _, calls = by_gain({"a": "4", "b": "4"}, worth_usd=0.0001)

    first, last = calls.notes[0], calls.notes[-1]
    assert first.what == "asked"
    assert "points for" in first.why
    assert last.what == "accepted"
    assert last.score is not None
    assert 0.5 < last.score <= 1


def test_by_gain_the_file_s_own_worth_counts_where_none_is_set() -> None:
    calls = ScriptedCalls({"a": "4"})

    auto(
        calls, AutoSettings(members=["a", "b", "c"], file="gain.json"), gain=model(*GAIN.members, worth_nano_usd=2_000)
    )

    assert asked(calls) == ["a"]


def test_by_gain_a_failure_is_gone_on_from() -> None:
    answer, calls = by_gain({"a": Fails(error=BROKEN), "b": "4", "c": "4"}, worth_usd=0.001)

    assert answer.text == "4"
    assert calls.made[0].outcome == "failed" or "a" not in asked(calls)


def test_by_gain_no_more_calls_are_made_than_are_allowed() -> None:
    _, calls = by_gain({"a": "1", "b": "2", "c": "3"}, gain=ALIKE, worth_usd=1000, most_calls=2, at_once=3)

    assert len(calls.made) == 2


def test_by_gain_calls_that_are_worth_it_run_side_by_side_where_that_is_allowed() -> None:
    _, calls = by_gain({"a": "4", "b": "4", "c": "4"}, worth_usd=1.0, at_once=3)

    assert {made.began_s for made in calls.made} == {0.0}
    assert len(calls.made) == 3


def test_by_gain_each_call_counts_for_the_time_it_takes_too() -> None:
    _, calls = by_gain({"a": "4", "b": "5", "c": "5"}, worth_usd=0.001, call_usd=1.0)

    assert len(calls.made) == 1


def test_by_gain_live_costs_count_in_place_of_trained_ones() -> None:
    """Each call is likely to cost 500 nano-USD here, so the strongest is as cheap as the others."""
    _, trained = by_gain({"a": "4", "c": "4"}, worth_usd=0.00001)
    _, live = by_gain({"a": "4", "c": "4"}, worth_usd=0.00001, costs="live")

    assert asked(trained)[0] == "a"
    assert asked(live)[0] == "c"


def test_an_answer_that_calls_tools_is_given_as_it_is() -> None:
    tool = Says(tools=(ToolCall(id="1", name="find", arguments="{}"),), finish_reason="tool_calls")

    answer, calls = by_gain({"a": tool, "b": tool, "c": tool}, worth_usd=0.001)

    assert answer.calls_tools
    assert len(calls.made) == 1


def test_an_answer_that_breaks_the_contract_agrees_with_nobody() -> None:
    calls = ScriptedCalls({"a": "perhaps", "b": "perhaps", "c": "4"})

    assert auto(calls, seats=CHEAP, contract=number()).text == "4"


def test_an_answer_after_which_nothing_would_be_asked_streams_as_it_comes() -> None:
    answer, calls = by_gain({"a": "4"}, worth_usd=0.000001, stream=True)

    assert answer.streams
    assert [made.final for made in calls.made] == [True]


def test_an_answer_that_another_may_follow_is_held_back() -> None:
    answer, calls = by_gain({"a": "4", "b": "4", "c": "4"}, worth_usd=0.0003, stream=True)

    assert not answer.streams
    assert not any(made.final for made in calls.made)


def test_a_file_that_knows_no_member_leaves_it_to_the_rule() -> None:
    calls = ScriptedCalls({"x": "4", "y": "4"})

    auto(calls, AutoSettings(members=["x", "y", "z"], file="gain.json"), gain=GAIN)

    assert calls.notes[0].why == "the file knows none of the members: by the rule"
    assert asked(calls) == ["x", "y"]


def test_it_stays_within_its_envelope_and_gives_what_it_has() -> None:
    calls = ScriptedCalls({"a": "1", "b": "2", "c": "3"}, Envelope(calls=2, seconds=60, concurrency=4))
    settings = AutoSettings(members=["a", "b", "c"], file="gain.json", worth_usd=1000)

    answer = auto(calls, settings, gain=ALIKE)

    assert answer.text in {"1", "2", "3"}
    assert calls.purse.calls == 2


def test_its_shape_is_a_step_for_each_member() -> None:
    steps = AutoSettings(members=["a", "b", "a"]).steps()

    assert [(one.name, one.seat) for one in steps] == [("member-1", "a"), ("member-2", "b")]
