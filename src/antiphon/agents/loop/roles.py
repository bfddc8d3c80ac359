"""Small models for small work, where the document names them: what a task asks for, and arguments that break their schema."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.loop import prompts
from antiphon.agents.loop.context import task, text
from antiphon.agents.loop.model import Wanted, think
from antiphon.agents.loop.scene import Scene
from antiphon.agents.loop.shapes import listed, mapping
from antiphon.agents.loop.tools import Did
from antiphon.agents.state import Action
from antiphon.core.tool import ToolCall
from antiphon.recipes.extract import last_json

MEND = "mend: "
"""Begins the text of an action whose arguments are to be mended; what is wrong with them follows."""
MOST_CONSTRAINTS = 20
INTENT: dict[str, Any] = {
    "type": "object",
    "properties": {"wanted": {"type": "string"}, "constraints": {"type": "array", "items": {"type": "string"}}},
    "required": ["wanted", "constraints"],
}


class Schema(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool's schema as it is written down."""

    parameters: dict[str, Any] = {}


async def intent(scene: Scene) -> None:
    """What the task asks for, by the role `intent`: constraints that it names are kept from then on. Before anything else.

    Raises: Stopped, Parked, Interrupted.
    """
    if "intent" not in scene.spec.models or "intent" in scene.state.notes:
        return
    prompt = prompts.INTENT.format(task=task(scene.state), schema=msgspec.json.encode(INTENT).decode())
    thought = await think(scene, Wanted(role="intent", key="intent", messages=(text("user", prompt),), schema=INTENT))
    found = last_json(thought.said.text)
    read = mapping(found[0]) if found is not None else {}
    scene.state.notes["intent"] = str(read.get("wanted") or "")
    named = (str(one) for one in listed(read.get("constraints"))[:MOST_CONSTRAINTS])
    scene.state.constraints = tuple(dict.fromkeys((*scene.state.constraints, *named)))
    scene.tell("intent", {"wanted": scene.state.notes["intent"], "constraints": scene.state.constraints})


def mendable(scene: Scene, action: Action, did: Did) -> bool:
    """Whether a call broke its tool's schema, and a model is to mend it: once."""
    seen = did.observation
    broke = seen is not None and seen.failed == "invalid_arguments" and action.call is not None
    return broke and "arguments" in scene.spec.models and not (action.own or action.key.endswith("~a"))


async def mended(scene: Scene, action: Action) -> Action | None:
    """A call that is to be mended, with the arguments that the role `arguments` makes of its own; None: it makes none.

    Raises: Stopped, Parked, Interrupted.
    """
    assert action.call is not None
    name, wrong = action.call.name, action.text.removeprefix(MEND)
    schema = (await scene.step(f"schema {action.key}", Schema, lambda: _schema(scene, name))).parameters
    prompt = prompts.ARGUMENTS.format(
        tool=name,
        schema=msgspec.json.encode(schema).decode(),
        given=msgspec.json.encode(action.call.arguments).decode(),
        wrong=wrong,
    )
    wanted = Wanted(role="arguments", key=f"{action.key}.a", messages=(text("user", prompt),), schema=schema or None)
    found = last_json((await think(scene, wanted)).said.text)
    if found is None or not isinstance(found[0], dict):
        return None
    call = ToolCall(id=action.call.id, name=name, arguments=mapping(found[0]))
    return msgspec.structs.replace(action, key=f"{action.key}~a", call=call, text="")


async def _schema(scene: Scene, name: str) -> Schema:
    tool = scene.doors.tools.get(name)
    return Schema() if tool is None else Schema(parameters=tool.parameters)
