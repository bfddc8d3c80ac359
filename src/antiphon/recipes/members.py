"""Answers side by side: how members are asked, and what is done with what they gave."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from antiphon.calls.retry import most_telling
from antiphon.core.content import Content, Limits
from antiphon.core.error import AntiphonError, DeadlineExceeded, EnvelopeExceeded
from antiphon.core.receipt import Noted
from antiphon.recipes.pick import best_so_far, valid
from antiphon.recipes.port import Answer, Asked, Calls, Question, text_of
from antiphon.recipes.say import untooled
from antiphon.recipes.settings_members import MembersSettings
from antiphon.recipes.shape import Role
from antiphon.recipes.team import Enough, Gathered, gather, never
from antiphon.recipes.watch import FELL_BACK

SAMPLE_TEMPERATURE = 0.7
"""Where several answers of one seat are drawn and the caller asks for no chance: they would all be the same. Source: Wang
et al. 2023, "Self-Consistency Improves Chain of Thought Reasoning in Language Models", section 3.1.
"""
_SEEDS = 2**31 - 1


def asks(settings: MembersSettings, question: Question, role: Role = "member", *, tools: bool = True) -> list[Asked]:
    """The calls of all members. `tools`: whether they are offered the caller's."""
    drawn = settings.drawn(question.seats)
    again, once = Counter(drawn), said(settings, question, several=False, tools=tools)
    several = said(settings, question, several=True, tools=tools)
    return [
        Asked(
            step=f"{role}-{place}",
            seat=seat,
            content=several if again[seat] > 1 else once,
            seed=sample_seed(question.seed, place) if again[seat] > 1 else 0,
        )
        for place, seat in enumerate(drawn, 1)
    ]


def said(settings: MembersSettings, question: Question, *, several: bool, tools: bool = True) -> Content | None:
    """What a member is asked; None: the caller's request as it came. `several`: it isn't the seat's only answer."""
    content = question.content
    sampling, limits = content.sampling, content.limits
    temperature = settings.temperature
    if temperature is None and several and sampling.temperature == 0:
        temperature = SAMPLE_TEMPERATURE
    if temperature is not None:
        sampling = replace(sampling, temperature=temperature)
    if settings.effort is not None:
        sampling = replace(sampling, reasoning_effort=settings.effort, reasoning_tokens=None)
    if settings.output_tokens is not None:
        limits = Limits(output_tokens=settings.output_tokens, legacy=limits.legacy)
    made = replace(content, sampling=replace(sampling, n=None), limits=limits)
    if not tools and content.tools is not None:
        made = untooled(made)
    return None if made == content else made


def sample_seed(seed: int, place: int) -> int:
    """The seed of a sample, never 0."""
    return 1 + (seed + place) % _SEEDS


async def together(settings: MembersSettings, calls: Calls, asked: Sequence[Asked], enough: Enough = never) -> Gathered:
    """Ask members side by side, as their settings say."""
    return await gather(
        calls,
        asked,
        concurrency=settings.concurrency,
        quorum=settings.quorum,
        enough=enough,
        grace_s=settings.grace_s,
        timeout_s=settings.timeout_s,
    )


def short_of(settings: MembersSettings, came: Sequence[Answer]) -> str:
    """Why so few answers are not enough; empty: they are."""
    needed = settings.quorum or 1
    return "" if len(came) >= needed else f"{len(came)} answers of the {needed} that are needed"


def tool_answer(came: Sequence[Answer]) -> Answer | None:
    """The first answer that calls tools, where at least half of all do: it is released as it is. None: what the others
    say counts.
    """
    calling = [answer for answer in came if answer.calls_tools]
    return calling[0] if calling and 2 * len(calling) >= len(came) else None


def speaking(came: Sequence[Answer]) -> tuple[Answer, ...]:
    """Answers that say something in words."""
    return tuple(answer for answer in came if valid(answer) and not answer.calls_tools)


def request_text(content: Content) -> str:
    """The text of the caller's last message."""
    last = next((message for message in reversed(content.messages) if message.role == "user"), None)
    return "" if last is None else text_of(last)


def released(ranked: Sequence[Answer], question: Question) -> Answer:
    """The first of several answers; where the caller asked for `n`, with the next best ones as further choices."""
    best, n = ranked[0], question.content.sampling.n or 1
    choices = [choice for answer in ranked[:n] for choice in answer.response.choices[:1]]
    if len(choices) < 2:
        return best
    numbered = tuple(replace(choice, index=place) for place, choice in enumerate(choices))
    return replace(best, response=replace(best.response, choices=numbered))


def told(calls: Calls, step: str, what: str, why: str = "", score: float | None = None) -> None:
    """Note what was decided."""
    calls.note(Noted(step=step, what=what, why=why, score=score))


def quality_of(question: Question, seat: str) -> float | None:
    """Chance that a seat's answers are right; None: unknown."""
    return next((one.quality for one in question.seats if one.seat == seat), None)


def last_chance(calls: Calls, step: str, came: Gathered) -> Answer:
    """Of calls that gave no valid answer, what there is: one that was cut off, say. Raises: AntiphonError, the most
    telling of them, when there is none.
    """
    found = best_so_far(came.answers)
    if found is None:
        raise failed(came)
    told(calls, step, FELL_BACK, "no answer says anything")
    return found


def failed(came: Gathered) -> AntiphonError:
    """What is told of calls that all failed."""
    errors = [one.error for one in came.failed]
    first = [error for error in errors if not isinstance(error, EnvelopeExceeded)] or errors
    return (
        most_telling(first).error
        if first
        else DeadlineExceeded(f"nobody answered: {came.stopped or 'nobody was asked'}")
    )
