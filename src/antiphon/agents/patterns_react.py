"""ReAct: decide, act, observe, until the answer is there. Source: Yao et al. 2022, arXiv 2210.03629."""

from antiphon.agents.loop_acts import perform
from antiphon.agents.loop_turn import turn
from antiphon.agents.scene import Scene


async def run(scene: Scene) -> None:
    """Raises: Stopped, Parked, Interrupted."""
    while scene.state.phase != "ended":
        if scene.state.pending:
            await perform(scene)
        else:
            await turn(scene)
