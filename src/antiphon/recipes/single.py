"""The simplest recipe: one call."""

from msgspec.structs import replace

from antiphon.core.content import Content, Limits
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_single import SingleSettings


async def run(settings: SingleSettings, question: Question, calls: Calls) -> Answer:
    """Ask once. Raises: AntiphonError."""
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
