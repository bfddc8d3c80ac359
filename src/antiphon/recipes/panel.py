"""Independent answers, a judge's comparison of them, and one answer that is written from both."""

from collections.abc import Sequence
from functools import partial

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError
from antiphon.recipes import members
from antiphon.recipes.analysis import Analysis, analyse
from antiphon.recipes.chance import shuffled
from antiphon.recipes.extract import key_of
from antiphon.recipes.likeness import medoid
from antiphon.recipes.members import quality_of, speaking, told
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.prompts_panel import WRITE
from antiphon.recipes.say import DATA, label, onward, quoted
from antiphon.recipes.settings_panel import FINAL_STEP, PanelSettings
from antiphon.recipes.team import Gathered
from antiphon.recipes.watch import FELL_BACK

STEP = "panel"
_SHORTER = 4
_KINDS = {
    "agreement": "They agree",
    "contradiction": "They contradict each other",
    "unique": "One alone has seen",
    "blind_spots": "All have missed",
}


async def run(settings: PanelSettings, question: Question, calls: Calls) -> Answer:
    """Ask, compare, write. Raises: AntiphonError, when nobody answered."""
    asks = members.asks(settings, question, tools=settings.tools == "all")
    came = await members.together(settings, calls, asks)
    ended = await _ended(settings, question, calls, came)
    if ended is not None:
        return ended
    answers = speaking(came.valid)
    named = [(label(place), one) for place, one in enumerate(shuffled(answers, question.seed, STEP))]
    analysis = await analyse(settings, question, calls, [(name, one.text) for name, one in named])
    try:
        final = await calls.final(_final(settings, question, [(name, one.text) for name, one in named], analysis))
    except AntiphonError as error:
        why = f"the final author failed: {error.said_code}"
    else:
        if valid(final):
            return final
        why = "the final author said nothing"
    told(calls, FINAL_STEP, FELL_BACK, why)
    preferred = [one for name, one in named if analysis is not None and name == analysis.best]
    return preferred[0] if preferred else best_member(answers, question)


async def _ended(settings: PanelSettings, question: Question, calls: Calls, came: Gathered) -> Answer | None:
    """What is released without a comparison. None: there is something to compare. Raises: AntiphonError."""
    if not came.valid:
        return await _alone(settings, question, calls, came)
    tools = members.tool_answer(came.valid)
    if tools is not None:
        told(calls, STEP, "skipped", "most of the answers call tools")
        return tools
    answers = speaking(came.valid)
    short = members.short_of(settings, came.valid)
    if short:
        told(calls, STEP, FELL_BACK, short)
        return best_member(answers, question)
    if len(answers) == 1:
        told(calls, STEP, FELL_BACK if len(came.failed) + len(came.lost) else "skipped", "there is one answer")
        return answers[0]
    if settings.unanimous and _unanimous(answers, question):
        told(calls, STEP, "stopped_early", f"all {len(answers)} answers come to the same", 1.0)
        return best_member(answers, question)
    return None


async def _alone(settings: PanelSettings, question: Question, calls: Calls, came: Gathered) -> Answer:
    """No member said anything: the final author is asked what the caller asks. Raises: AntiphonError."""
    told(calls, STEP, FELL_BACK, "no member has answered")
    try:
        return await calls.final(Asked(step=FINAL_STEP, seat=settings.who_writes(question.seats)))
    except AntiphonError as error:
        if came.answers:
            return members.last_chance(calls, STEP, came)
        raise members.failed(came) from error


def _unanimous(answers: Sequence[Answer], question: Question) -> bool:
    read = partial(key_of, contract=question.contract, request=members.request_text(question.content))
    keys = {read(answer.text) for answer in answers}
    return len(keys) == 1 and None not in keys


def _final(
    settings: PanelSettings, question: Question, named: Sequence[tuple[str, str]], analysis: Analysis | None
) -> Asked:
    """The call of the final author."""
    return Asked(
        step=FINAL_STEP,
        seat=settings.who_writes(question.seats),
        content=_written(settings, question, named, analysis, 1),
        stands_in=_written(settings, question, named, analysis, _SHORTER),
        timeout_s=None if question.stream else settings.timeout_s,
    )


def _written(
    settings: PanelSettings,
    question: Question,
    named: Sequence[tuple[str, str]],
    analysis: Analysis | None,
    fraction: int,
) -> Content:
    shown = quoted(named, seed=question.seed, most_tokens=max(50, settings.judging.answer_tokens // fraction))
    text = WRITE.format(prompt=settings.final_prompt, data=DATA, answers=shown, analysis=_told_of(analysis, question))
    return onward(question.content, text)


def _told_of(analysis: Analysis | None, question: Question) -> str:
    """The comparison in words, quoted as answers are."""
    if analysis is None:
        return ""
    lines = [f"{_KINDS[kind]}: {point}" for kind, points in analysis.points for point in points]
    if analysis.best:
        lines.append(f"The best answer is {analysis.best}.")
    return "\n\n" + quoted([("comparison", analysis.raw or "\n".join(lines))], seed=question.seed, kind="said")


def best_member(answers: Sequence[Answer], question: Question) -> Answer:
    """Of answers that nobody judged: that of the member with the best known quality, else the one most like the others."""
    known = [one for one in answers if quality_of(question, one.seat) is not None]
    if known:
        return max(known, key=lambda one: quality_of(question, one.seat) or 0.0)
    return answers[medoid([one.text for one in answers])[0]]
