"""Code mode: a program in place of single calls."""

from antiphon.agents.observe import note
from antiphon.agents.scene import Scene
from antiphon.agents.state import Action, Observation


async def run(scene: Scene, action: Action) -> None:
    """Run a program."""
    scene.state.pending = scene.state.pending[1:]
    note(scene.state, action, Observation(key=action.key, failed="refused", text="no programs can be run here"))
