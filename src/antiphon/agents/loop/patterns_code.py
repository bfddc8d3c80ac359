"""Code mode: programs that call the tools, in place of single calls. Source: CodeAct, Wang et al. 2024, arXiv 2402.01030."""

from antiphon.agents.loop.acts import perform
from antiphon.agents.loop.code import head
from antiphon.agents.loop.scene import Scene
from antiphon.agents.loop.turn import turn


async def run(scene: Scene) -> None:
    """Raises: Stopped, Parked, Interrupted."""
    while scene.state.phase != "ended":
        if scene.state.pending:
            await perform(scene)
        else:
            await turn(scene, head=head(scene))
