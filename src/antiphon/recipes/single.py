"""The simplest recipe: one call to the deployments that the plan names."""

from collections.abc import Coroutine
from typing import Any

from msgspec.structs import replace

from antiphon.calls.caller import Caller
from antiphon.calls.course import Answered, Ask, Work
from antiphon.calls.prepared import Prepared
from antiphon.core.content import Content, Limits
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_single import SingleSettings


def single(caller: Caller, work: Work, step: Prepared, ask: Ask) -> Coroutine[Any, Any, Answered]:
    """Run a plan's only step, once awaited. Raises: what the call raises."""
    return caller.call(work, step, ask)


async def run(settings: SingleSettings, question: Question, calls: Calls) -> Answer:
    """The same as one of many recipes. Raises: AntiphonError."""
    return await calls.final(Asked(step="answer", seat=settings.seat, content=said(settings, question.content)))


def said(settings: SingleSettings, content: Content) -> Content | None:
    """What is asked; None: the caller's request as it came."""
    sampling, limits = content.sampling, content.limits
    if settings.temperature is not None:
        sampling = replace(sampling, temperature=settings.temperature)
    if settings.effort is not None:
        sampling = replace(sampling, reasoning_effort=settings.effort, reasoning_tokens=None)
    if settings.output_tokens is not None:
        limits = Limits(output_tokens=settings.output_tokens, legacy=limits.legacy)
    made = replace(content, sampling=sampling, limits=limits)
    return None if made == content else made
