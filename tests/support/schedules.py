"""Failure schedules for recipes: any mix of answers, errors and silence, within any envelope."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from scripted_calls import Fails, Never, Says, ScriptedCalls, play, question

from antiphon.core.error import AntiphonError, UpstreamBroken
from antiphon.core.plan import Envelope
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Question
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.shape import ANSWERING, step_of

USUAL = (
    Says(text="The answer is 42.", after_s=1),
    Says(text="The answer is 41.", after_s=50),
    Says(text="", after_s=1),
    Says(text="cut off", finish_reason="length"),
    Fails(error=UpstreamBroken("gone"), after_s=0.5),
    Never(),
)


def schedules(seats: Sequence[str], *more: Says) -> st.SearchStrategy[dict[str, Any]]:
    """What each seat does, call by call."""
    return st.fixed_dictionaries(
        {seat: st.lists(st.sampled_from([*USUAL, *more]), min_size=1, max_size=3) for seat in seats}
    )


ENVELOPES = st.builds(
    Envelope,
    calls=st.integers(1, 8),
    seconds=st.sampled_from([5.0, 60.0, 600.0]),
    money_nano_usd=st.one_of(st.none(), st.integers(1000, 6000)),
    output_tokens=st.one_of(st.none(), st.integers(100, 900)),
)


class Kept(ScriptedCalls):
    """Knows which answers came, and which of them are whole and may go to the caller."""

    def __init__(self, recipe: RecipeSettings, scripts: Mapping[str, Any], envelope: Envelope, asked: Question) -> None:
        super().__init__(scripts, envelope, stream=asked.stream)
        self._roles = {step.name: step.role for step in recipe.steps(asked.seats)}
        self.answers: list[Answer] = []
        self.whole: list[str] = []

    async def _make(self, asked: Asked, *, final: bool) -> Answer:
        answer = await super()._make(asked, final=final)
        self.answers.append(answer)
        if self._roles[step_of(answer.step)] in ANSWERING and valid(answer):
            self.whole.append(answer.step)
        return answer


def survives(
    recipe: RecipeSettings, scripts: Mapping[str, Any], envelope: Envelope, asked: Question | None = None
) -> Answer | None:
    """Run a recipe. Fails when it ends in an error although a whole answer came, when it gives another than a whole one
    then, or when it used more than its envelope. Returns its answer; None: no call gave one.
    """
    asked = asked or question()
    calls = Kept(recipe, scripts, envelope, asked)
    try:
        answer = play(run(recipe, asked, calls))
    except AntiphonError:
        assert not calls.whole, f"{calls.whole} answered, and an error went out"
        answer = None
    else:
        assert valid(answer) or not calls.whole, f"{calls.whole} are whole, and what went out is not"
    holds(calls, envelope)
    as_shaped(calls, recipe, asked)
    return answer


def as_shaped(calls: ScriptedCalls, recipe: RecipeSettings, asked: Question) -> None:
    """Fails when a call was made that the recipe's shape doesn't have, of another seat, or more often than it says."""
    shapes = {step.name: step for step in recipe.steps(asked.seats)}
    counts = Counter(step_of(made.asked.step) for made in calls.made)
    for step, count in counts.items():
        assert count <= shapes[step].most_calls, f"{step} was asked {count} times"
    for made in calls.made:
        step = step_of(made.asked.step)
        assert step == "repair" or made.asked.seat == shapes[step].seat, f"{step} was asked of {made.asked.seat}"


def holds(calls: ScriptedCalls, envelope: Envelope) -> None:
    """Fails when more was used than an envelope has."""
    purse = calls.purse
    assert purse.calls <= envelope.calls
    assert envelope.money_nano_usd is None or purse.spent_nano_usd <= envelope.money_nano_usd
    assert envelope.output_tokens is None or purse.tokens <= envelope.output_tokens
    made = [one for one in calls.made if one.outcome != "refused"]
    assert all(one.ended_s is not None and one.ended_s <= envelope.seconds for one in made)
