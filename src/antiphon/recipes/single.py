"""The simplest recipe: one call to the deployment that the plan chose."""

from antiphon.calls.caller import Caller, Try, Work
from antiphon.core.plan import Step
from antiphon.providers.target import Said, Target


async def single(step: Step, caller: Caller, work: Work, target: Target, said: Said) -> Try:
    """Run a plan's only step. Raises: what the call raises."""
    return await caller.call(work, target, said, step.envelope)
