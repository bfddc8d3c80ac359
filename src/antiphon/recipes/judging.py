"""Asking a judge about answers: names that tell nothing, marks around what is quoted, strict reading of what comes back."""

from collections.abc import Sequence

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError
from antiphon.recipes.members import told
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.prompts_judging import COMPARE, HIGH, LOW, RATE, SCORE
from antiphon.recipes.reading import number_of, object_in
from antiphon.recipes.say import DATA, aside, label, quoted
from antiphon.recipes.settings_judging import JudgingSettings

_SHORTER = 4
"""Where a prompt is too long, answers are shown with so many times fewer tokens."""


def prompt(
    settings: JudgingSettings, question: Question, form: str, answers: Sequence[tuple[str, str]], fraction: int = 1
) -> Content:
    """A question about answers, by name."""
    shown = quoted(answers, seed=question.seed, most_tokens=max(50, settings.answer_tokens // fraction))
    return aside(
        question.content,
        form.format(rubric=settings.rubric, data=DATA, answers=shown),
        temperature=settings.temperature,
        output_tokens=settings.output_tokens,
    )


def asked_about(
    settings: JudgingSettings,
    question: Question,
    form: str,
    answers: Sequence[tuple[str, str]],
    *,
    step: str,
    seat: str,
    timeout_s: float | None = None,
) -> Asked:
    """The call of a judge. One that is too long for the seat is made again with less of each answer."""
    return Asked(
        step=step,
        seat=seat,
        content=prompt(settings, question, form, answers),
        stands_in=prompt(settings, question, form, answers, _SHORTER),
        timeout_s=timeout_s,
    )


def ratings_in(text: str, names: Sequence[str]) -> dict[str, float]:
    """Ratings by name, as far as they can be read."""
    found = object_in(text)
    return {name: score for name in names if (score := number_of(found, name, LOW, HIGH)) is not None}


def score_in(text: str) -> float | None:
    """The one rating; None: it can't be read."""
    return number_of(object_in(text), "score", LOW, HIGH)


async def preferred(
    settings: JudgingSettings, question: Question, calls: Calls, pair: tuple[Answer, Answer], asked_as: str, seat: str
) -> int | None:
    """Which of two answers is shown as A and preferred, by one judge: 0, 1, or -1 for a tie. None: it can't be told."""
    named = [(label(place), answer.text) for place, answer in enumerate(pair)]
    asked = asked_about(settings, question, COMPARE, named, step=asked_as, seat=seat)
    try:
        answer = await calls.ask(asked)
    except AntiphonError as error:
        told(calls, asked_as, "failed", error.said_code)
        return None
    found = object_in(answer.text)
    said = str((found or {}).get("better", "")).strip().casefold()
    place = {"a": 0, "b": 1, "tie": -1}.get(said)
    if place is None:
        told(calls, asked_as, "skipped", "its judgement can't be read")
    return place


def share(score: float) -> float:
    """A judge's score as a part of the highest: 0 to 1."""
    return (score - LOW) / (HIGH - LOW)


__all__ = ["RATE", "SCORE", "asked_about", "preferred", "prompt", "ratings_in", "score_in", "share"]
