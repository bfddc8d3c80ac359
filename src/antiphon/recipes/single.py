"""The simplest recipe: one call to the deployment that the plan chose."""

from collections.abc import Coroutine
from typing import Any

from antiphon.calls.caller import Caller, Try, Work
from antiphon.core.plan import Step
from antiphon.providers.target import Said, Target


def single(step: Step, caller: Caller, work: Work, target: Target, said: Said) -> Coroutine[Any, Any, Try]:
    """Run a plan's only step, once awaited. Raises: what the call raises."""
    return caller.call(work, target, said, step.envelope)
