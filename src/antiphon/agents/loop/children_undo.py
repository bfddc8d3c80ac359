"""Compensation: calls that undo what a failed child had done, the last first."""

from collections.abc import Sequence
from typing import Any

from antiphon.agents.loop.scene import Scene
from antiphon.agents.loop.shapes import mapping
from antiphon.agents.loop.tools import UNDO
from antiphon.agents.state import Action, Done
from antiphon.core.tool import ToolCall


def undoing(scene: Scene, action: Action, attempt: int, effects: Sequence[Done]) -> list[Action]:
    """Calls that undo effects, in order: of each effect whose tool has one that undoes it. They are ruled on, paid and
    approved as all calls are; what their arguments are is told by `arguments`.
    """
    undo = scene.spec.children.compensate
    known = [one for one in reversed(effects) if one.tool in undo]
    return [
        Action(
            kind="tool",
            key=f"{action.key}~{attempt}.u{place}",
            call=ToolCall(id=f"u{place}", name=undo[one.tool], arguments=arguments(one)),
            text=UNDO,
            origins=action.origins,
            own=True,
            alone=True,
        )
        for place, one in enumerate(known, 1)
    ]


def arguments(effect: Done) -> dict[str, Any]:
    """What an undoing call is given: the arguments of the call that it undoes, and what that returned, whose words win.
    What the tool doesn't take is left out when the call is made.
    """
    return {**effect.arguments, **mapping(effect.data)}
