"""Plan-then-execute: the steps of the plan one after another, then the answer; the plan is changed where it no longer fits."""

from antiphon.agents.loop import prompts
from antiphon.agents.loop.acts import perform
from antiphon.agents.loop.plan import finished, present
from antiphon.agents.loop.scene import Scene
from antiphon.agents.loop.turn import turn
from antiphon.agents.state import Action
from antiphon.core.tool import ToolCall


async def run(scene: Scene) -> None:
    """Raises: Stopped, Parked, Interrupted."""
    state = scene.state
    while state.phase != "ended":
        if state.pending:
            await perform(scene)
            continue
        assert state.plan is not None
        step = present(state.plan)
        if step is None:
            await turn(scene, last=prompts.SYNTHESIS, role="synthesis")
        elif step.agent:
            state.step += 1
            call = ToolCall(id=f"p{state.step}", name="ask_agent", arguments={"agent": step.agent, "task": step.task})
            state.plan = finished(state.plan, step.name)
            state.pending = [
                Action(
                    kind="agent", key=f"{state.step}.1", call=call, text=step.task, to=step.agent, origins=state.seen
                )
            ]
        else:
            await turn(scene, last=prompts.STEP.format(step=f"{step.name}: {step.task}"))
