import re

import pytest
from scripted_calls import Entry, Fails, ScriptedCalls, play, question

from antiphon.core.error import UpstreamBroken
from antiphon.core.plan import Envelope
from antiphon.recipes.port import Answer, Asked, text_of
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_best_of import BestOfSettings

ANSWER = re.compile(r"<answer (\w+) (\w+)>\n(.*?)\n</answer \1 \2>", re.DOTALL)


def shown(asked: Asked) -> dict[str, str]:
    assert asked.content is not None
    return {name: text for name, _, text in ANSWER.findall(text_of(asked.content.messages[-1]))}


def fair(asked: Asked, _: int) -> Entry:
    """Prefers the greater number, by score and in pairs."""
    seen = shown(asked)
    if len(seen) == 1:
        return f'{{"score": {seen["A"]}}}'
    best = max(seen, key=lambda name: int(seen[name]))
    return f'{{"better": "{best}"}}'


def first(_: Asked, __: int) -> Entry:
    """Prefers whichever stands first."""
    return '{"better": "A"}'


def best(
    scripts: dict[str, object], members: str, envelope: Envelope | None = None, **settings: object
) -> tuple[Answer, ScriptedCalls]:
    calls = ScriptedCalls(scripts, envelope)
    recipe = RecipeSettings(best_of=BestOfSettings(members=list(members), judge="judge", **settings))
    return play(run(recipe, question(), calls)), calls


SAID = {"a": "3", "b": "9", "c": "5", "d": "2", "e": "7"}


@pytest.mark.parametrize("by", ["score", "pairs"])
@pytest.mark.parametrize("members", ["ab", "ba", "abc", "abcd", "edcba", "cabde"])
def test_the_best_answer_wins_wherever_it_stands(by: str, members: str) -> None:
    answer, calls = best({**SAID, "judge": fair}, members, by=by)

    assert answer.seat == "b"
    judgements = len(calls.made) - len(members)
    assert judgements == (len(members) if by == "score" else 2 * (len(members) - 1))


def test_each_pair_is_shown_in_both_orders() -> None:
    _, calls = best({**SAID, "judge": fair}, "ab", by="pairs")

    assert [list(shown(made.asked).values()) for made in calls.made[2:]] == [["3", "9"], ["9", "3"]]
    assert [made.asked.step for made in calls.made[2:]] == ["judge#1", "judge#2"]


@pytest.mark.parametrize("members", ["ab", "ba", "abcd"])
def test_a_judge_that_prefers_what_stands_first_decides_nothing(members: str) -> None:
    answer, calls = best({**SAID, "judge": first}, members, by="pairs")

    assert answer.seat == members[0]
    assert "the judge prefers whichever stands first, or second" in {noted.why for noted in calls.notes}


@pytest.mark.parametrize("by", ["score", "pairs"])
@pytest.mark.parametrize("judge", ["no JSON", UpstreamBroken("gone"), '{"score": 99, "better": "C"}'])
def test_without_any_judgement_an_answer_is_released_all_the_same(by: str, judge: Entry) -> None:
    answer, calls = best({**SAID, "judge": judge}, "abc", by=by)

    assert answer.text in SAID.values()
    assert "fell_back" in calls.whats()


@pytest.mark.parametrize("by", ["score", "pairs"])
def test_judgements_that_the_envelope_has_no_room_for_are_done_without(by: str) -> None:
    answer, _ = best({**SAID, "judge": fair}, "ab", Envelope(calls=3, seconds=60), by=by)

    assert answer.seat == ("b" if by == "pairs" else "a")  # one order of the pair; the score of the first


def test_a_judge_who_fails_once_is_outvoted_by_the_other_order() -> None:
    def once(asked: Asked, number: int) -> Entry:
        return Fails(error=UpstreamBroken("gone")) if number == 0 else fair(asked, number)

    answer, _ = best({**SAID, "judge": once}, "ab", by="pairs")

    assert answer.seat == "b"


def test_equal_answers_need_no_judge() -> None:
    answer, calls = best({"a": "4", "b": " 4\n", "judge": fair}, "ab")

    assert (answer.seat, len(calls.made)) == ("a", 2)


def test_one_sample_of_one_seat_is_drawn_several_times() -> None:
    calls = ScriptedCalls({"": ["3", "8", "5", "1", "2"], "judge": fair})

    answer = play(run(RecipeSettings(best_of=BestOfSettings(judge="judge")), question(), calls))

    assert answer.text == "8"
    assert len({made.asked.seed for made in calls.made[:5]}) == 5


def test_one_at_a_time_is_one_at_a_time_for_the_judge_too() -> None:
    _, calls = best({**SAID, "judge": fair}, "abcd", by="pairs", concurrency=1)

    assert calls.purse.most_at_once == 1
