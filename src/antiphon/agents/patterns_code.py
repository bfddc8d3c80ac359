"""Code mode: programs that call the tools, in place of single calls. Source: CodeAct, Wang et al. 2024, arXiv 2402.01030."""

from antiphon.agents.loop_acts import perform
from antiphon.agents.loop_code import head
from antiphon.agents.loop_turn import turn
from antiphon.agents.scene import Scene


async def run(scene: Scene) -> None:
    """Raises: Stopped, Parked, Interrupted."""
    while scene.state.phase != "ended":
        if scene.state.pending:
            await perform(scene)
        else:
            await turn(scene, head=head(scene))
