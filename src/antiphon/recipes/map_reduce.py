"""A long input in parts, worked on side by side, and one answer made of what they give."""

import asyncio
from collections.abc import Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, UpstreamMalformed
from antiphon.recipes.compaction import tokens
from antiphon.recipes.map_split import Piece, Split, evenly, split_input
from antiphon.recipes.members import told
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question, text_of
from antiphon.recipes.prompts_map_reduce import ATTACHED, EMPTY, MISSING, NOTHING
from antiphon.recipes.repair import with_text
from antiphon.recipes.say import DATA, quoted
from antiphon.recipes.settings_map_reduce import FINAL_STEP, MAP_STEP, REDUCE_STEP, MapReduceSettings
from antiphon.recipes.shape import again
from antiphon.recipes.side import side_by_side
from antiphon.recipes.watch import FELL_BACK

_LONG_CHARACTERS = 50_000
"""Splitting so many takes about 10 ms."""
_SHORTER = 4
"""Where the last call's prompt is too long, results are shown with so many times fewer tokens."""


class Result(Struct, frozen=True, kw_only=True):
    """What came of one part, or of several that stand next to each other."""

    parts: tuple[int, int]
    """The first and the last, from 1."""
    text: str
    answer: Answer

    @property
    def name(self) -> str:
        first, last = self.parts
        return f"{first}" if first == last else f"{first}-to-{last}"


async def run(settings: MapReduceSettings, question: Question, calls: Calls) -> Answer:
    """Split, map, reduce.

    Raises: AntiphonError, when no part and no last call gave anything, or a part failed that must not.
    """
    split = await _split(settings, question.content)
    if split is None or len(split.pieces) < 2:
        why = "there is nothing to split" if split is None else "it is no longer than one part"
        told(calls, MAP_STEP, "skipped", why)
        return await calls.final(Asked(step=FINAL_STEP, seat=settings.final_seat))
    count = len(split.pieces)
    came = await side_by_side(
        [
            partial(_mapped, settings, question, calls, split, piece, number)
            for number, piece in enumerate(split.pieces, 1)
        ],
        settings.concurrency,
    )
    results = [one for one in came if one is not None]
    missing = [number for number, one in enumerate(came, 1) if one is None]
    if missing:
        told(calls, MAP_STEP, "skipped", f"of {count} parts, {_numbers(missing)} could not be read")
    if not results:
        told(calls, MAP_STEP, FELL_BACK, "no part could be read: the request is asked as it came")
        return await calls.final(Asked(step=FINAL_STEP, seat=settings.final_seat))
    results = await _reduced(settings, question, calls, split, [one for one in results if not _is_nothing(one)])
    told_missing = MISSING.format(count=count, parts=_numbers(missing)) if missing else ""
    return await _final(settings, question, calls, split, results, told_missing)


async def _split(settings: MapReduceSettings, content: Content) -> Split | None:
    """Split the input; a long one aside, so that other requests go on meanwhile."""
    if sum(len(text_of(message)) for message in content.messages) < _LONG_CHARACTERS:
        return split_input(settings, content)
    return await asyncio.to_thread(split_input, settings, content)


async def _mapped(
    settings: MapReduceSettings, question: Question, calls: Calls, split: Split, piece: Piece, number: int
) -> Result | None:
    """What a part gives; None: nobody could work on it. Raises: AntiphonError, where that must not be."""
    name = f"{number}-of-{len(split.pieces)}"
    shown = quoted([(name, piece.text)], seed=question.seed, kind="part") if piece.text else ATTACHED
    text = f"{settings.prompt} {DATA}\n\n{shown}"
    asked = Asked(
        step=again(MAP_STEP, number),
        seat=settings.seat,
        content=_limited(split.part(question.content, text, piece.attached), settings),
        timeout_s=settings.timeout_s,
    )
    try:
        answer = await calls.ask(asked)
        if not answer.text.strip():
            raise UpstreamMalformed(f"part {number} got no result")
    except AntiphonError as error:
        told(calls, asked.step, "failed", error.said_code)
        if settings.on_failure == "fail":
            raise
        return None
    return Result(parts=(number, number), text=answer.text, answer=answer)


async def _reduced(
    settings: MapReduceSettings, question: Question, calls: Calls, split: Split, results: Sequence[Result]
) -> Sequence[Result]:
    """Results that one call can read: neighbours are made one, until they are few or short enough."""
    made = 0
    while len(results) > settings.fan_in and sum(tokens(one.text) for one in results) > settings.reduce_tokens:
        groups = evenly(results, -(-len(results) // settings.fan_in))
        work = [
            partial(_merged, settings, question, calls, split, group, made + place)
            for place, group in enumerate(groups, 1)
        ]
        made += len(groups)
        results = await side_by_side(work, settings.concurrency)
    return results


async def _merged(
    settings: MapReduceSettings, question: Question, calls: Calls, split: Split, group: Sequence[Result], number: int
) -> Result:
    """One result of several; where nobody makes it, they stand behind each other."""
    parts = (group[0].parts[0], group[-1].parts[1])
    if len(group) == 1:
        return group[0]
    text = f"{settings.reduce_prompt} {DATA}\n\n{_shown(settings, question, group)}"
    asked = Asked(
        step=again(REDUCE_STEP, number),
        seat=settings.final_seat,
        content=_limited(split.part(question.content, text), settings),
        timeout_s=settings.timeout_s,
    )
    try:
        answer = await calls.ask(asked)
        if answer.text.strip():
            return Result(parts=parts, text=answer.text, answer=answer)
        why = "it gave nothing"
    except AntiphonError as error:
        why = error.said_code
    told(calls, asked.step, FELL_BACK, why)
    return Result(parts=parts, text="\n\n".join(one.text for one in group), answer=group[-1].answer)


async def _final(
    settings: MapReduceSettings,
    question: Question,
    calls: Calls,
    split: Split,
    results: Sequence[Result],
    missing: str,
) -> Answer:
    def said(fraction: int) -> Content:
        told_of = f"{settings.final_prompt} {missing}".strip()
        text = f"{told_of} {DATA}\n\n{_shown(settings, question, results, fraction)}"
        return split.content(question.content, text)

    asked = Asked(step=FINAL_STEP, seat=settings.final_seat, content=said(1), stands_in=said(_SHORTER))
    try:
        answer = await calls.final(asked)
        if valid(answer) or not results:
            return answer
        why = "it gave no whole answer"
    except AntiphonError as error:
        if not results:
            raise
        why = error.said_code
    told(calls, FINAL_STEP, FELL_BACK, f"{why}; the parts' results stand behind each other")
    return with_text(results[-1].answer, "\n\n".join(one.text for one in results))


def _shown(settings: MapReduceSettings, question: Question, results: Sequence[Result], fraction: int = 1) -> str:
    """Results as they are quoted: none longer than its part of what one call reads."""
    if not results:
        return EMPTY
    each = max(16, settings.reduce_tokens // (max(len(results), 1) * fraction))
    return quoted([(one.name, one.text) for one in results], seed=question.seed, most_tokens=each, kind="result")


def _is_nothing(result: Result) -> bool:
    return result.text.strip(" .*\"'\n").upper() == NOTHING


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(str(one) for one in numbers)


def _limited(content: Content, settings: MapReduceSettings) -> Content:
    return replace(content, limits=replace(content.limits, output_tokens=settings.part_tokens))
