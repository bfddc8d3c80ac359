"""A judge's comparison of answers, as JSON that is read strictly."""

from collections.abc import Sequence

from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.recipes.judging import asked_about
from antiphon.recipes.members import told
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.prompts_panel import AGAIN, ANALYSE
from antiphon.recipes.reading import object_in, strings_of
from antiphon.recipes.say import DATA, aside, quoted
from antiphon.recipes.settings_panel import JUDGE_STEP, PanelSettings
from antiphon.recipes.shape import again
from antiphon.recipes.watch import FELL_BACK

_LISTS = ("agreement", "contradiction", "unique", "blind_spots")
_MOST_POINTS = 6
_RAW_TOKENS = 2000


class Analysis(Struct, frozen=True, kw_only=True):
    """What a judge says of several answers."""

    points: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of each kind: what they agree on, where they contradict each other, what one alone has, what all miss."""
    best: str = ""
    """The name of the best answer; empty: it wasn't said."""
    raw: str = ""
    """What was said, where it could not be read."""


def read(text: str, names: Sequence[str]) -> Analysis | None:
    """None: it isn't what was asked for."""
    found = object_in(text)
    if found is None or not set(_LISTS) <= found.keys():
        return None
    points: list[tuple[str, tuple[str, ...]]] = []
    for name in _LISTS:
        said = strings_of(found, name)
        if said is None:
            return None
        points.append((name, said[:_MOST_POINTS]))
    best = found.get("best")
    return Analysis(points=tuple(points), best=best if isinstance(best, str) and best in names else "")


async def analyse(
    settings: PanelSettings, question: Question, calls: Calls, named: Sequence[tuple[str, str]]
) -> Analysis | None:
    """Have answers compared. None: the judge gave nothing."""
    form = ANALYSE.replace("{prompt}", settings.judge_prompt.replace("{", "{{").replace("}", "}}"))
    asked = asked_about(
        settings.judging,
        question,
        form,
        named,
        step=again(JUDGE_STEP, 1),
        seat=settings.who_judges(question.seats),
        timeout_s=settings.timeout_s,
    )
    names = [name for name, _ in named]
    try:
        answer = await calls.ask(asked)
    except AntiphonError as error:
        told(calls, JUDGE_STEP, FELL_BACK, f"the judge failed: {error.said_code}")
        return None
    analysis = read(answer.text, names)
    if analysis is None:
        analysis = await _mended(settings, question, calls, answer, names)
    if analysis is not None:
        told(calls, JUDGE_STEP, "analysed", "; ".join(f"{len(said)} {name}" for name, said in analysis.points))
        return analysis
    told(calls, JUDGE_STEP, "unparsed", "the comparison can't be read: its text is gone on with")
    return Analysis(raw=answer.text) if answer.text.strip() else None


async def _mended(
    settings: PanelSettings, question: Question, calls: Calls, answer: Answer, names: Sequence[str]
) -> Analysis | None:
    """The same comparison in the form that was asked for; None: it isn't there."""
    said = quoted([("comparison", answer.text)], seed=question.seed, most_tokens=_RAW_TOKENS, kind="said")
    content = aside(
        question.content,
        AGAIN.format(data=DATA, answer=said),
        temperature=settings.judging.temperature,
        output_tokens=settings.judging.output_tokens,
    )
    asked = Asked(
        step=again(JUDGE_STEP, 2),
        seat=settings.who_judges(question.seats),
        content=content,
        timeout_s=settings.timeout_s,
    )
    try:
        second = await calls.ask(asked)
    except AntiphonError as error:
        told(calls, JUDGE_STEP, "failed", error.said_code)
        return None
    return read(second.text, names)
