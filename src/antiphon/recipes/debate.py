"""Members answer, see each other's answers, and revise their own; then a vote or a judge decides."""

from collections import Counter
from collections.abc import Mapping, Sequence

from antiphon.core.error import AntiphonError
from antiphon.recipes import members
from antiphon.recipes.members import sample_seed, speaking, tool_answer
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.rounds import agreed, asked_with, best, shuffled, told
from antiphon.recipes.settings_debate import JUDGE_STEP, DebateSettings, calls_of
from antiphon.recipes.watch import FELL_BACK

VOTE = "vote"


async def run(settings: DebateSettings, question: Question, calls: Calls) -> Answer:
    """Let members answer and revise, then decide.

    Raises: AntiphonError, when nobody gave an answer.
    """
    standing: dict[int, Answer] = {}
    """By the member's place: its last answer in words."""
    for number in range(1, settings.rounds + 2):
        steps = calls_of(settings, number, question.seats)
        places = {step: place for place, (step, _) in enumerate(steps)}
        came = await members.together(settings, calls, _asks(settings, question, number, standing))
        tools = tool_answer(came.valid)
        if tools is not None:
            members.told(calls, tools.step, "stopped_early", "most of the answers call tools")
            return tools
        spoke = speaking(came.valid)
        short = members.short_of(settings, came.valid)
        if short and (number == 1 or not spoke):
            members.told(calls, f"round-{number}", FELL_BACK, short)
        if not spoke and not standing:
            return members.last_chance(calls, VOTE, came)
        standing |= {places[answer.step]: answer for answer in spoke}
        same = agreed(list(standing.values()), settings.quorum or len(steps), question) if settings.early_stop else None
        if same is not None:
            members.told(calls, f"round-{number}", "stopped_early", "all answers come to the same")
            return _released(same, standing, question)
        if not spoke or len(standing) < 2:  # nobody revises, or there is nobody to hear
            break
    return await _decided(settings, question, calls, standing)


def _asks(settings: DebateSettings, question: Question, number: int, standing: Mapping[int, Answer]) -> list[Asked]:
    steps = calls_of(settings, number, question.seats)
    again = Counter(seat for _, seat in steps)
    asks: list[Asked] = []
    for place, (step, seat) in enumerate(steps):
        own = standing.get(place)
        others = shuffled([one for at, one in standing.items() if at != place], question, number * 1000 + place)
        shown = others[: settings.most_references] + ([own] if own is not None else [])
        several = again[seat] > 1
        content, shorter = members.said(settings, question, several=several), None
        if shown:
            seen = told(settings, question, settings.prompt, shuffled(shown, question, -place - 1), own=own)
            content, shorter = asked_with(settings, question, *seen, several=several)
        seed = sample_seed(question.seed, number * len(steps) + place) if several else 0
        asks.append(Asked(step=step, seat=seat, content=content, stands_in=shorter, seed=seed))
    return asks


async def _decided(
    settings: DebateSettings, question: Question, calls: Calls, standing: Mapping[int, Answer]
) -> Answer:
    answers = [standing[place] for place in sorted(standing)]
    why = ""
    if settings.decide == "judge" and len(answers) > 1:
        content, shorter = told(settings, question, settings.judge_prompt, shuffled(answers, question, 0))
        seat = settings.judge_seat(question.seats)
        try:
            answer = await calls.final(Asked(step=JUDGE_STEP, seat=seat, content=content, stands_in=shorter))
            if valid(answer):
                return answer
            why = "it gave no whole answer"
        except AntiphonError as error:
            why = error.said_code
        members.told(calls, JUDGE_STEP, FELL_BACK, why)
    found, because, share = best(answers, question, [answer.step for answer in answers])
    members.told(calls, VOTE, "voted", because, share)
    return _released(found, standing, question)


def _released(first: Answer, standing: Mapping[int, Answer], question: Question) -> Answer:
    others: Sequence[Answer] = [standing[place] for place in sorted(standing) if standing[place] is not first]
    return members.released([first, *others], question)
