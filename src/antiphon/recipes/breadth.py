"""Rounds of many answers, each of which sees those of the round before; then one that makes the best of them."""

from collections import Counter
from collections.abc import Sequence

from antiphon.core.error import AntiphonError
from antiphon.recipes import members
from antiphon.recipes.members import sample_seed, speaking, tool_answer
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.rounds import agreed, asked_with, best, shuffled, told
from antiphon.recipes.settings_breadth import FINAL_STEP, BreadthSettings
from antiphon.recipes.watch import FELL_BACK

Round = Sequence[tuple[str, str]]


async def run(settings: BreadthSettings, question: Question, calls: Calls) -> Answer:
    """Run the rounds, then the last call.

    Raises: AntiphonError, when nobody gave an answer.
    """
    references: tuple[Answer, ...] = ()
    order = tuple(step.name for step in settings.steps(question.seats))
    for number, steps in enumerate(settings.rounds(question.seats), 1):
        came = await members.together(settings, calls, _asks(settings, question, steps, references, number))
        tools = tool_answer(came.valid)
        if tools is not None:
            members.told(calls, tools.step, "stopped_early", "most of the answers call tools")
            return tools
        short = members.short_of(settings, came.valid)
        if short:
            members.told(calls, f"round-{number}", FELL_BACK, short)
        spoke = speaking(came.valid)
        same = agreed(spoke, settings.quorum or len(steps), question) if settings.early_stop else None
        if same is not None:
            members.told(calls, f"round-{number}", "stopped_early", "all answers come to the same")
            return members.released([same, *(one for one in spoke if one is not same)], question)
        references = spoke or references
    return await _final(settings, question, calls, references, order)


def _asks(
    settings: BreadthSettings, question: Question, steps: Round, references: Sequence[Answer], number: int
) -> list[Asked]:
    """A round's calls, in an order that the seed gives: where not all are waited for, nobody always comes first."""
    first = sum(settings.schedule[: number - 1])
    again = Counter(seat for _, seat in steps)
    shown = shuffled(references, question, number)[: settings.most_references]
    seen = told(settings, question, settings.prompt, shown) if shown else None
    asks: list[Asked] = []
    for place, (step, seat) in enumerate(steps, 1):
        several = again[seat] > 1
        content, shorter = members.said(settings, question, several=several), None
        if seen is not None:
            content, shorter = asked_with(settings, question, *seen, several=several)
        seed = sample_seed(question.seed, first + place) if several else 0
        asks.append(Asked(step=step, seat=seat, content=content, stands_in=shorter, seed=seed))
    return shuffled(asks, question, -number)


async def _final(
    settings: BreadthSettings, question: Question, calls: Calls, references: Sequence[Answer], order: Sequence[str]
) -> Answer:
    seat = settings.final_seat(question.seats)
    asked = Asked(step=FINAL_STEP, seat=seat)
    if references:
        shown = shuffled(references, question, 0)[: settings.most_references]
        content, shorter = told(settings, question, settings.final_prompt, shown)
        asked = Asked(step=FINAL_STEP, seat=seat, content=content, stands_in=shorter)
    try:
        answer = await calls.final(asked)
        if valid(answer) or not references:
            return answer
        why = "it gave no whole answer"
    except AntiphonError as error:
        if not references:
            raise
        why = error.said_code
    found, because, share = best(references, question, order)
    members.told(calls, FINAL_STEP, FELL_BACK, f"{why}; {because}", share)
    return members.released([found, *(one for one in references if one is not found)], question)
