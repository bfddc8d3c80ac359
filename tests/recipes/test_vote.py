import pytest
from scripted_calls import Never, Says, ScriptedCalls, play, question

from antiphon.core.content import Sampling, ToolCall
from antiphon.core.error import UpstreamBroken
from antiphon.recipes.port import Answer, Seated
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_contract import ChoiceSettings, ContractSettings, ExactSettings
from antiphon.recipes.settings_vote import VoteSettings

CHOICE = ContractSettings(choice=ChoiceSettings(options=["A", "B", "C"]), on_violation="warn")
NUMBER = ContractSettings(exact=ExactSettings(type="number"), on_violation="warn")


def vote(
    calls: ScriptedCalls, settings: VoteSettings, contract: ContractSettings | None = CHOICE, **asked: object
) -> Answer:
    return play(run(RecipeSettings(vote=settings, contract=contract), question(**asked), calls))


def of(*members: str, **settings: object) -> VoteSettings:
    return VoteSettings(members=list(members), **settings)


def test_what_most_come_to_is_released_as_a_member_said_it() -> None:
    calls = ScriptedCalls({"a": "The answer is B.", "b": "I choose (C)", "c": "B"})

    answer = vote(calls, of("a", "b", "c"))

    assert (answer.text, answer.seat) == ("The answer is B.", "a")
    assert (calls.notes[-1].what, calls.notes[-1].why) == ("voted", "2 of 3 answers come to the same")
    assert calls.notes[-1].score == pytest.approx(2 / 3)


def test_the_receipt_is_told_no_words_of_an_answer() -> None:
    calls = ScriptedCalls({"a": "SECRET", "b": "SECRET"})

    vote(calls, of("a", "b"), None)

    assert "secret" not in repr(calls.notes).lower()


def test_a_single_member_is_drawn_from_five_times_each_with_a_seed_of_its_own() -> None:
    calls = ScriptedCalls({"a": "B"})

    vote(calls, of("a", early_stop=False), seed=7)

    assert calls.steps() == [f"sample-{place}" for place in range(1, 6)]
    assert [made.asked.seed for made in calls.made] == [9, 10, 11, 12, 13]


@pytest.mark.parametrize(
    ("caller", "recipe", "asked"),
    [(None, None, None), (0.3, None, None), (0.0, None, 0.7), (0.0, 1.1, 1.1), (0.3, 0.0, 0.0)],
)
def test_the_caller_s_temperature_stays_unless_it_leaves_nothing_to_chance(
    caller: float | None, recipe: float | None, asked: float | None
) -> None:
    calls = ScriptedCalls({"a": "B"})

    vote(calls, of("a", temperature=recipe), sampling=Sampling(temperature=caller))

    said = {made.asked.content and made.asked.content.sampling.temperature for made in calls.made}
    assert said == {asked}


def test_members_that_answer_once_get_the_request_as_it_came() -> None:
    calls = ScriptedCalls({"a": "B", "b": "B"})

    vote(calls, of("a", "b"))

    assert [(made.asked.content, made.asked.seed) for made in calls.made] == [(None, 0), (None, 0)]


def test_without_members_the_route_s_candidates_vote() -> None:
    calls = ScriptedCalls({"x": "A", "y": "A"})

    vote(calls, VoteSettings(), seats=["x", "y", Seated(seat="judge", candidate=False)])

    assert [made.asked.seat for made in calls.made] == ["x", "y"]


def test_it_ends_when_the_outcome_can_not_change_any_more() -> None:
    slow = Says(text="C", after_s=50)
    calls = ScriptedCalls({"a": "B", "b": "B", "c": "B", "d": slow, "e": slow})

    answer = vote(calls, of("a", "b", "c", "d", "e"))

    assert answer.text == "B"
    assert [made.outcome for made in calls.made] == ["answered"] * 3 + ["cancelled"] * 2
    assert {made.ended_s for made in calls.made} == {1.0}
    assert "stopped_early" in calls.whats()


def test_it_goes_on_while_a_tie_is_still_possible() -> None:
    calls = ScriptedCalls({"a": "B", "b": "B", "c": Says(text="C", after_s=5), "d": Says(text="C", after_s=6)})

    vote(calls, of("a", "b", "c", "d"))

    assert [made.outcome for made in calls.made] == ["answered"] * 4


def test_two_at_a_time_it_never_begins_what_is_not_needed() -> None:
    calls = ScriptedCalls({"a": "B"})

    vote(calls, of("a", samples=9, concurrency=2))

    assert len(calls.made) == 6  # 5 of 9 are a majority, and they come in pairs


def test_as_many_as_are_told_to_agree_end_it() -> None:
    calls = ScriptedCalls({"a": "B"})

    vote(calls, of("a", samples=9, concurrency=1, agree=2))

    assert len(calls.made) == 2


def test_an_answer_that_says_nothing_does_not_keep_it_waiting_and_one_that_calls_tools_does() -> None:
    late = Says(text="C", after_s=50)
    tool = Says(tools=(ToolCall(id="t", name="look", arguments="{}"),))

    for first, ended_s in ((Says(text=""), 1.0), (tool, 50.0)):
        calls = ScriptedCalls({"a": first, "b": "B", "c": "B", "d": late})
        assert vote(calls, of("a", "b", "c", "d")).text == "B"
        assert calls.of("sample-4").ended_s == ended_s


def test_early_stop_can_be_turned_off() -> None:
    calls = ScriptedCalls({"a": "B"})

    vote(calls, of("a", samples=4, concurrency=1, agree=1, early_stop=False))

    assert len(calls.made) == 4


def test_weights_decide() -> None:
    calls = ScriptedCalls({"a": "B", "b": "C", "c": "C"})

    assert vote(calls, of("a", "b", "c", weights={"a": 3.0})).text == "B"


def test_measured_quality_weighs_as_log_odds_of_right_against_one_wrong_option() -> None:
    seats = [Seated(seat="a", quality=0.95), Seated(seat="b", quality=0.5), Seated(seat="c", quality=0.5)]
    calls = ScriptedCalls({"a": "B", "b": "C", "c": "C"})

    assert vote(calls, of("a", "b", "c", by_quality=True), seats=seats).text == "B"
    assert vote(ScriptedCalls({"a": "B", "b": "C", "c": "C"}), of("a", "b", "c"), seats=seats).text == "C"


@pytest.mark.parametrize(
    ("said", "quality", "won"),
    [
        ({"a": "A", "b": "B"}, {}, "A"),  # the first in the recipe's order
        ({"a": "A", "b": "B"}, {"b": 2.0, "a": 2.0}, "A"),
        ({"a": "A", "b": "B", "c": "B"}, {"a": 2.0}, "B"),  # as much weight, more answers
        ({"a": "A", "b": "A", "c": "B", "d": "B"}, {"a": 1.0, "b": 1.0, "c": 1.5, "d": 0.5}, "B"),  # the weightiest one
    ],
)
def test_ties_are_broken_by_answers_then_by_the_weightiest_member_then_by_order(
    said: dict[str, str], quality: dict[str, float], won: str
) -> None:
    calls = ScriptedCalls(said)

    assert vote(calls, of(*said, weights=quality)).text == won
    assert calls.notes[-1].why.endswith("a tie")


def test_an_answer_that_can_not_be_read_has_no_vote() -> None:
    calls = ScriptedCalls({"a": "It depends on many things.", "b": "C", "c": "no idea"})

    assert vote(calls, of("a", "b", "c")).text == "C"
    assert "2 could not be read" in calls.notes[-1].why


def test_where_none_can_be_read_the_one_most_like_the_others_is_released() -> None:
    long = "It depends on the weather, the season and the soil, which this essay looks at one by one. " * 9
    calls = ScriptedCalls({"a": "完全不同的回答。" * 60, "b": long + "First.", "c": long + "Second."})

    answer = vote(calls, of("a", "b", "c"), None)

    assert answer.seat == "b"
    assert calls.notes[-1].what == "voted"


def test_numbers_in_other_words_are_the_same_vote() -> None:
    calls = ScriptedCalls({"a": "答案是 1,200。", "b": "7", "c": "It is 1200"})

    assert vote(calls, of("a", "b", "c"), NUMBER).seat == "a"


def test_failures_are_left_out_and_the_rest_votes() -> None:
    calls = ScriptedCalls({"a": UpstreamBroken("gone"), "b": "C", "c": Says(text="", after_s=1)})

    assert vote(calls, of("a", "b", "c")).text == "C"


def test_fewer_than_the_quorum_still_answer_and_it_is_told() -> None:
    calls = ScriptedCalls({"a": UpstreamBroken("gone"), "b": "C", "c": UpstreamBroken("gone")})

    assert vote(calls, of("a", "b", "c", quorum=2)).text == "C"
    assert [noted.why for noted in calls.notes if noted.what == "fell_back"] == ["1 answers of the 2 that are needed"]


def test_fewer_than_the_quorum_are_an_error_where_the_recipe_says_so() -> None:
    calls = ScriptedCalls({"a": UpstreamBroken("gone"), "b": "C"})
    recipe = RecipeSettings(vote=of("a", "b", quorum=2), on_failure="fail")

    with pytest.raises(UpstreamBroken):
        play(run(recipe, question(), calls))


def test_a_quorum_cuts_off_who_is_late() -> None:
    calls = ScriptedCalls({"a": "C", "b": "A", "c": Never()})

    assert vote(calls, of("a", "b", "c", quorum=2, grace_s=1)).text == "C"
    assert calls.of("sample-3").ended_s == 2.0


def test_where_most_call_tools_the_first_such_answer_is_released_as_it_is() -> None:
    tool = ToolCall(id="t", name="look", arguments="{}")
    calls = ScriptedCalls({"a": "B", "b": Says(tools=(tool,)), "c": Says(tools=(tool,))})

    answer = vote(calls, of("a", "b", "c"))

    assert (answer.seat, answer.calls_tools) == ("b", True)
    assert vote(ScriptedCalls({"a": "B", "b": Says(tools=(tool,)), "c": "B"}), of("a", "b", "c")).text == "B"
    assert vote(ScriptedCalls({"a": "B", "b": Says(tools=(tool,))}), of("a", "b")).calls_tools


def test_a_caller_who_asks_for_several_answers_gets_the_next_best_ones_too() -> None:
    calls = ScriptedCalls({"a": "A", "b": "B", "c": "B"})

    answer = vote(calls, of("a", "b", "c"), sampling=Sampling(n=3))

    assert [made.asked.content.sampling.n for made in calls.made if made.asked.content] == [None] * 3
    assert [choice.index for choice in answer.response.choices] == [0, 1, 2]
    assert [choice.message.parts[0].text for choice in answer.response.choices] == ["B", "B", "A"]


def test_more_answers_than_there_may_be_are_a_mistake() -> None:
    assert RecipeSettings(vote=of(*"abcdefgh", samples=9)).check()[0][0] == "vote.samples"
    assert RecipeSettings(vote=of("a", "b", quorum=3)).check() == [
        ("vote.quorum", "3 is more than the 2 answers that there are", "write 2 or less")
    ]


def test_a_route_with_many_candidates_draws_no_more_than_there_may_be() -> None:
    seats = [Seated(seat=f"m{number}") for number in range(40)]

    assert len(VoteSettings().drawn(seats)) == 32
    assert len(VoteSettings(samples=9).drawn(seats)) == 64
    assert VoteSettings(samples=2).drawn(seats[:2]) == ("m0", "m1", "m0", "m1")
