"""The simplest recipe: one call to the deployments that the plan names."""

from collections.abc import Coroutine
from typing import Any

from antiphon.calls.caller import Caller
from antiphon.calls.course import Answered, Ask, Work
from antiphon.calls.prepared import Prepared
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_single import SingleSettings


def single(caller: Caller, work: Work, step: Prepared, ask: Ask) -> Coroutine[Any, Any, Answered]:
    """Run a plan's only step, once awaited. Raises: what the call raises."""
    return caller.call(work, step, ask)


async def run(settings: SingleSettings, _: Question, calls: Calls) -> Answer:
    """The same as one of many recipes. Raises: AntiphonError."""
    return await calls.final(Asked(step="answer", seat=settings.seat))
