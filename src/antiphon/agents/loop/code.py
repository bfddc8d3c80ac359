"""Code mode: the model writes a program in place of single calls. Calls of tools suspend it.

A program is run from its beginning each time, with the results of its earlier calls at hand, until it wants one that there
is no result of: that call is then ruled on, paid for and journalled like any other, and a person may take days to approve
it. Nothing of a program is in memory meanwhile, and any tier of the sandbox will do. A program that asks for other calls
when it is run again is refused. Measured: 0.3 ms a run in pydantic-monty 1.4.
"""

import ast
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

from antiphon.agents.loop import prompts
from antiphon.agents.loop.context import instructions, text, words
from antiphon.agents.loop.observations import fingerprint, forget_own, own
from antiphon.agents.loop.observe import observe
from antiphon.agents.loop.offer import agent_tools
from antiphon.agents.loop.scene import Scene, merged
from antiphon.agents.loop.shapes import listed, mapping
from antiphon.agents.loop.tools import Did, observed
from antiphon.agents.state import Action, Observation
from antiphon.core.content import Message
from antiphon.core.run import Use
from antiphon.core.sandbox import Ran
from antiphon.core.tool import Origins, Tool, ToolCall, ToolResult

MOST_CALLS = 200
"""Of tools in one program."""
PRELUDE = """
_known = {known}
_at = [0, False]
def _json(_name, _value):
    if _value is None or isinstance(_value, (bool, int, str)):
        return _value
    if isinstance(_value, float) and _value - _value == 0:
        return _value
    if isinstance(_value, (list, tuple)):
        return [_json(_name, _one) for _one in _value]
    if isinstance(_value, dict):
        _out = {{}}
        for _key in _value:
            if not isinstance(_key, str):
                raise TypeError("an argument of " + _name + " is no JSON: an object's keys are texts")
            _out[_key] = _json(_name, _value[_key])
        return _out
    raise TypeError("an argument of " + _name + " is no JSON: give texts, numbers, lists, objects, None")
def _call(_name, _given):
    _given = _json(_name, _given)
    _n = _at[0]
    _at[0] = _n + 1
    if _at[1]:
        raise AssertionError("a call is waited for")
    if _n < len(_known):
        _was = _known[_n]
        if _was[0] != _name or _was[1] != _given:
            _at[1] = True
            print({mark} + "diverged")
            raise AssertionError("it asks for other calls than before")
        if _was[2]:
            raise RuntimeError(_was[2])
        return _was[3]
    _at[1] = True
    print({mark} + repr((_name, _given)))
    raise AssertionError("a call is waited for")
"""


class Programmed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a program came, as it is written down."""

    ran: Ran
    call: ToolCall | None = None
    """What it waits for."""
    diverged: bool = False


async def run(scene: Scene, action: Action) -> None:
    """Run a program up to its next call, which is pending then, or to its end. Raises: Stopped, Parked, Interrupted."""
    state = scene.state
    calls: list[dict[str, Any]] = state.notes.setdefault("code", {}).setdefault(action.key, [])
    results = [own(state, one["key"]) for one in calls]
    known = [
        (one["name"], one["arguments"], came.failed and came.text, came.value)
        for one, came in zip(calls, results, strict=True)
    ]
    done = await scene.step(f"code {action.key}.{len(calls)}", Programmed, lambda: _run(scene, action, known))
    origins = merged(action.origins, *(came.origins for came in results))
    if done.call is not None and len(calls) < MOST_CALLS:
        key = f"{action.key}.c{len(calls) + 1}"
        calls.append({"key": key, "name": done.call.name, "arguments": done.call.arguments})
        call = Action(
            kind="tool", key=key, call=structs.replace(done.call, id=key), origins=origins, own=True, alone=True
        )
        state.pending = [call, *state.pending]
        return
    for one in calls:
        forget_own(state, one["key"])
    state.notes["code"].pop(action.key, None)
    state.pending = [one for one in state.pending if one.key != action.key]
    observe(scene, action, _came(scene, action, done, origins))


async def _run(scene: Scene, action: Action, known: list[tuple[Any, ...]]) -> Programmed:
    sandbox = scene.doors.sandbox
    if sandbox is None:
        return Programmed(ran=Ran(tier="refuse", refused="there is no sandbox here"))
    tools = {function(one.name): one for one in agent_tools(scene.doors, scene.document, scene.run.tenant)}
    mark = f"{fingerprint(scene.run.id, action.key, 'code')} "
    """Nobody who writes data can know it: a run's id is 74 random bits."""
    ran = await sandbox.run(program(tools, known, mark, action.text))
    asked = next((line for line in ran.stdout.splitlines() if line.startswith(mark)), None)
    if asked is None:
        return Programmed(ran=ran)
    said = asked.removeprefix(mark)
    if said == "diverged":
        return Programmed(ran=ran, diverged=True)
    call = called(said, tools)
    return Programmed(ran=ran) if call is None else Programmed(ran=ran, call=call)


def called(said: str, tools: Mapping[str, Tool]) -> ToolCall | None:
    """The call that a line of the prelude asks for; None: the line is not the prelude's."""
    try:
        name, arguments = ast.literal_eval(said)
        return ToolCall(id="", name=tools[name].name, arguments=dict(arguments))
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError):
        return None


def program(tools: Mapping[str, Tool], known: list[tuple[Any, ...]], mark: str, code: str) -> str:
    """A program with the functions that it may call before it."""
    names = {one.name: name for name, one in tools.items()}
    spoken = [(names.get(name, name), *rest) for name, *rest in known]
    head = PRELUDE.format(known=repr(spoken), mark=repr(mark))
    functions = "".join(f"def {name}(**given):\n    return _call({name!r}, given)\n" for name in tools)
    return f"{head}{functions}{code}\n"


def function(name: str) -> str:
    """A tool's name as a function's."""
    return "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name)


def _came(scene: Scene, action: Action, done: Programmed, origins: Origins) -> Did:
    """What the model is told of a program that ended."""
    ran = done.ran
    if ran.refused:
        return _failed(action, "refused", f"no program can be run here: {ran.refused}")
    if done.diverged:
        return _failed(
            action, "not_deterministic", "it asks for other calls when it is run again; let it depend on results alone"
        )
    if done.call is not None:
        return _failed(action, "too_many_calls", f"it makes more than {MOST_CALLS} calls")
    told = ran.stdout
    if ran.exit != 0:
        why = "its time was over" if ran.timed_out else ran.stderr.strip()[-2000:]
        return _failed(action, "program_failed", f"{told[-2000:]}\n{why}".strip(), origins)
    return observed(scene, action, None, ToolResult(text=told or "(it printed nothing)", origins=origins), Use())


def _failed(action: Action, code: str, say: str, origins: Origins | None = None) -> Did:
    seen = Observation(key=action.key, failed=code, text=say, origins=origins or Origins())
    return Did(call=action.call, observation=seen)


def head(scene: Scene) -> Message:
    """What a model that writes programs is told."""
    lines = "\n".join(_signature(one) for one in agent_tools(scene.doors, scene.document, scene.run.tenant))
    said = words(instructions(scene.document))
    return text("system", f"{said}\n\n{prompts.CODE.format(functions=lines or '(none)')}")


def _signature(tool: Tool) -> str:
    properties, needed = mapping(tool.parameters.get("properties")), listed(tool.parameters.get("required"))
    given = ", ".join(
        f"{name}: {mapping(kind).get('type', 'any')}{'' if name in needed else ' = …'}"
        for name, kind in properties.items()
    )
    return f"- {function(tool.name)}({given}): {tool.description}"
