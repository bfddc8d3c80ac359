"""An answer that a pattern came to by itself, given to the check before the end as if a model had called `finish`."""

from typing import Any

from antiphon.agents.loop.context import spelled, text
from antiphon.agents.loop.scene import Scene
from antiphon.agents.state import Action
from antiphon.recipes.extract import last_json


def decided(scene: Scene, answer: Any) -> None:
    """Put it before the check; where that sends it back, the model mends it in turns of its own."""
    state = scene.state
    data = answer
    if scene.spec.output.schema is not None and isinstance(answer, str):
        found = last_json(answer)
        data = answer if found is None else found[0]
    state.step += 1
    state.context.append(text("assistant", spelled(answer) or "(nothing)"))
    said = answer if isinstance(answer, str) else ""
    state.pending = [Action(kind="finish", key=f"{state.step}.1", text=said, data=data, origins=state.seen)]
