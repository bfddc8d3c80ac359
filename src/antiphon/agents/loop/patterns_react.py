"""ReAct: decide, act, observe, until the answer is there. Source: Yao et al. 2022, arXiv 2210.03629.

A supervisor works so too: what it acts by are other agents.
"""

from antiphon.agents.loop import prompts
from antiphon.agents.loop.acts import perform
from antiphon.agents.loop.context import instructions, text, words
from antiphon.agents.loop.scene import Scene
from antiphon.agents.loop.turn import turn


async def run(scene: Scene) -> None:
    """Raises: Stopped, Parked, Interrupted."""
    head = instructions(scene.document)
    if scene.spec.pattern == "supervisor":
        head = text("system", f"{words(head)}\n\n{prompts.SUPERVISE}")
    while scene.state.phase != "ended":
        if scene.state.pending:
            await perform(scene)
        else:
            await turn(scene, head=head)
