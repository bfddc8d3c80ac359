"""Children: agents that an agent asks, and what is done when one fails."""

from antiphon.agents.observe import note
from antiphon.agents.scene import Scene
from antiphon.agents.state import Action, Observation
from antiphon.core.run import Wait


ABOVE = "_above"
"""Stands in a child's input for what its parent hands down: where the task comes from, and the runs above."""


async def ask(scene: Scene) -> None:
    """Begin all that is pending and wait for them."""
    action = scene.state.pending.pop(0)
    note(scene.state, action, Observation(key=action.key, failed="refused", text="no agents can be asked here"))


async def hand_off(scene: Scene, action: Action) -> None:
    """Hand the task to another agent."""
    await ask(scene)


async def ended(scene: Scene, wait: Wait) -> None:
    """Take what came of them."""
