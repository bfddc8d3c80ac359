"""Runs recipes over recorded outcomes, and weighs what they gave."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.core.plan import Envelope
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.recorded_calls import RecordedCalls, Script, question
from antiphon.recipes.port import Answer, Seated
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.routing.gain import Gain


class Prompt(Struct, frozen=True, kw_only=True):
    """A prompt, and what each seat made of it."""

    id: str
    text: str
    outcomes: Mapping[str, Outcome]


class Replayed(Struct, frozen=True, gc=False, kw_only=True):
    """One prompt, answered by a recipe."""

    score: float
    cost_nano_usd: int
    asked: tuple[str, ...]
    """Seats, in order."""
    gave: str
    """Whose answer was released; empty: nobody's."""
    chance: float | None = None
    """That it is right, where the recipe says so."""


def prompts(outcomes: Sequence[Outcome]) -> list[Prompt]:
    """One for each id, in the order of the first outcomes."""
    texts: dict[str, str] = {}
    found: dict[str, dict[str, Outcome]] = {}
    for one in outcomes:
        texts.setdefault(one.prompt_id, one.prompt)
        found.setdefault(one.prompt_id, {})[one.model] = one
    return [Prompt(id=name, text=texts[name], outcomes=seats) for name, seats in found.items()]


async def replay(
    recipe: RecipeSettings,
    prompt: Prompt,
    seats: Sequence[Seated],
    *,
    gain: Gain | None = None,
    scripts: Mapping[str, Script] | None = None,
    envelope: Envelope | None = None,
    seed: int = 0,
) -> Replayed:
    """Answer one prompt. A scripted answer scores as the recorded one with the same text does; without one, or without
    any answer, the score is 0.
    """
    calls = RecordedCalls(prompt.outcomes, scripts=scripts, envelope=envelope or recipe.envelope_of(seats))
    try:
        answer = await run(recipe, question(prompt.text, seats, seed=seed, gain=gain), calls)
    except AntiphonError:
        answer = None
    gave = "" if answer is None else _whose(answer, prompt, calls.made)
    accepted = next((one for one in reversed(calls.notes) if one.what == "accepted"), None)
    return Replayed(
        score=prompt.outcomes[gave].score if gave else 0.0,
        cost_nano_usd=calls.cost_nano_usd,
        asked=tuple(one.seat for one in calls.made),
        gave=gave,
        chance=None if accepted is None else accepted.score,
    )


def _whose(answer: Answer, prompt: Prompt, made: Sequence[Answer]) -> str:
    """The seat whose recorded answer was given; empty: nobody's."""
    own = prompt.outcomes[answer.seat]
    if (own.answer or "") == answer.text:
        return answer.seat
    return next((one.seat for one in made if (prompt.outcomes[one.seat].answer or "") == answer.text), "")


def most_given(key: Callable[[str], str | None]) -> Script:
    """A judge by script: the text of the answer that most members come to; of equals, what the dearer one says."""

    def said(_: object, made: Sequence[Answer]) -> str:
        members = [one for one in made if one.step.startswith("member-")]
        keys = [key(one.text) if one.text.strip() else None for one in members]
        ranked = [
            (keys.count(own) if own is not None else 0, one.cost_nano_usd or 0, one.text)
            for own, one in zip(keys, members, strict=True)
        ]
        return max(ranked)[2] if ranked else ""

    return said


def cost_at(points: Sequence[tuple[float, float]], score: float) -> float | None:
    """The least cost at which a line through points of (cost, score) reaches a score; None: it doesn't."""
    ordered = sorted(points)
    if ordered and ordered[0][1] >= score:
        return ordered[0][0]
    for (before, low), (after, high) in pairwise(ordered):
        if low < score <= high:
            return before + (score - low) / (high - low) * (after - before)
    return None


def score_at(points: Sequence[tuple[float, float]], cost: float) -> float | None:
    """The best score that the line through the points reaches at no more than a cost; None: all cost more."""
    ordered = sorted(points)
    within = [score for spent, score in ordered if spent <= cost]
    if not within:
        return None
    for (before, low), (after, high) in pairwise(ordered):
        if before <= cost < after:
            within.append(low + (cost - before) / (after - before) * (high - low))
    return max(within)
