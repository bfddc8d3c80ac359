"""Several answers, each rated by those who didn't give it; the best rated one is released."""

from collections.abc import Mapping, Sequence
from statistics import fmean, median

from msgspec.structs import replace

from antiphon.recipes import members
from antiphon.recipes.chance import shuffled
from antiphon.recipes.judging import RATE, asked_about, ratings_in, share
from antiphon.recipes.likeness import medoid
from antiphon.recipes.members import quality_of, speaking, told
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.say import label
from antiphon.recipes.settings_ratings import Aggregate, RatingsSettings
from antiphon.recipes.team import gather
from antiphon.recipes.watch import FELL_BACK

STEP = "ratings"
Rated = Mapping[str, float]
"""A rater's ratings, by the step of the answer."""


async def run(settings: RatingsSettings, question: Question, calls: Calls) -> Answer:
    """Ask, rate, release. Raises: AntiphonError, when nobody answered."""
    came = await members.together(settings, calls, members.asks(settings, question))
    if not came.valid:
        return members.last_chance(calls, STEP, came)
    tools = members.tool_answer(came.valid)
    if tools is not None:
        told(calls, STEP, "skipped", "most of the answers call tools")
        return tools
    short = members.short_of(settings, came.valid)
    if short:
        told(calls, STEP, FELL_BACK, short)
    answers = speaking(came.valid)
    ranked = await _ranked(settings, question, calls, answers)
    if settings.choices == "all":
        wanted = replace(question.content.sampling, n=len(ranked))
        question = replace(question, content=replace(question.content, sampling=wanted))
    return members.released(ranked, question)


async def _ranked(
    settings: RatingsSettings, question: Question, calls: Calls, answers: Sequence[Answer]
) -> list[Answer]:
    """Answers, the best one first."""
    if len({answer.text for answer in answers}) == 1:
        told(calls, STEP, "skipped", "all answers are the same" if len(answers) > 1 else "there is one answer")
        return list(answers)
    rated = await _rate(settings, question, calls, answers)
    for answer in answers:
        given = [one[answer.step] for one in rated if answer.step in one]
        if given:
            calls.rate(answer, "judge", share(fmean(given)))
    marks = aggregated(rated, [one.step for one in answers], settings.aggregate)
    if not marks:
        told(calls, STEP, FELL_BACK, "no rating could be read: the answer most like the others")
        place, _ = medoid([answer.text for answer in answers])
        return [answers[place], *(one for one in answers if one is not answers[place])]
    order = sorted(answers, key=lambda one: (-marks.get(one.step, -1.0), -(quality_of(question, one.seat) or 0.0)))
    for answer in order:
        told(calls, answer.step, "rated", f"by {sum(answer.step in one for one in rated)}", marks.get(answer.step))
    return order


async def _rate(settings: RatingsSettings, question: Question, calls: Calls, answers: Sequence[Answer]) -> list[Rated]:
    """What each rater says."""
    asks: list[Asked] = []
    shown: dict[str, dict[str, str]] = {}
    for place, seat in enumerate(settings.who_rates(question.seats), 1):
        step = f"rate-{place}"
        others = [one for one in answers if settings.raters or one.seat != seat]
        if not others:
            told(calls, step, "skipped", "all answers are its own")
            continue
        order = shuffled(others, question.seed, step)
        named = [(label(at), answer.text) for at, answer in enumerate(order)]
        shown[step] = {label(at): answer.step for at, answer in enumerate(order)}
        asks.append(asked_about(settings.judging, question, RATE, named, step=step, seat=seat))
    came = await gather(calls, asks, concurrency=settings.concurrency, timeout_s=settings.timeout_s)
    rated: list[Rated] = []
    for answer in came.answers:
        names = shown[answer.step]
        found = ratings_in(answer.text, tuple(names))
        if len(found) < len(names):
            told(calls, answer.step, "skipped", f"{len(names) - len(found)} of its {len(names)} ratings can't be read")
        rated.append({names[name]: score for name, score in found.items()})
    return rated


def aggregated(rated: Sequence[Rated], steps: Sequence[str], how: Aggregate) -> dict[str, float]:
    """One number for each answer that anybody rated: higher is better."""
    if how == "rank":
        rated = [_places(one) for one in rated]
    given = {step: [one[step] for one in rated if step in one] for step in steps}
    return {step: _one(marks, how) for step, marks in given.items() if marks}


def _one(marks: Sequence[float], how: Aggregate) -> float:
    match how:
        case "median":
            return float(median(marks))
        case "trimmed" if len(marks) >= 3:
            return fmean(sorted(marks)[1:-1])
        case _:
            return fmean(marks)


def _places(rated: Rated) -> Rated:
    """In place of ratings: the part of the others that an answer is better than; equals count half."""
    others = len(rated) - 1
    return {
        step: (
            (sum(mark > other for other in rated.values()) + (sum(mark == other for other in rated.values()) - 1) / 2)
            / others
            if others
            else 0.5
        )
        for step, mark in rated.items()
    }
