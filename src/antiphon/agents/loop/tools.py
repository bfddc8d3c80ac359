"""Calls of tools: ruled on, paid for, made, labelled, all in one journalled piece of work; what is to be undone by nobody
but a person is told by an intent first.
"""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from uuid import uuid4

import msgspec
from msgspec import Struct

from antiphon.agents.gate import Ruling
from antiphon.agents.loop import references
from antiphon.agents.loop.actions import BROKEN
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.context import spelled
from antiphon.agents.loop.observations import HANDLED_BYTES, clipped
from antiphon.agents.loop.offer import named
from antiphon.agents.loop.purse import Grant
from antiphon.agents.loop.scene import Scene, merged
from antiphon.agents.state import Action, Observation, Value
from antiphon.core.run import Intent, Stop, Use
from antiphon.core.tool import Tool, ToolCall, ToolResult

REVIEWED = "review/"
"""Begins the owner of an intent that a person said to make again."""
UNDO = "undo"
"""Text of an action that undoes another: what its tool doesn't take is left out of its arguments."""
UNKNOWN = "unknown"
"""Code of a tool that can't tell whether it did what it was asked."""


class Did(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of an action, as it is written down."""

    call: ToolCall | None = None
    """As it was made: with arguments that were mended."""
    ruling: Ruling | None = None
    """Where it was not allowed."""
    short: Stop | None = None
    """The bound that it didn't fit; it was not begun."""
    gone: str = ""
    """Why whoever began the run may call no more; it was not begun."""
    review: bool = False
    """Nobody knows whether it was done."""
    observation: Observation | None = None
    value: Value | None = None
    """All of what came back."""
    used: Use = Use()
    at_ns: int = 0
    changes: bool = False
    """The tool changes something."""
    destructive: bool = False


async def act(scene: Scene, batch: Sequence[Action]) -> list[Did]:
    """Do actions of kind `tool`, at once where they are several. Raises: Interrupted, StoreError."""
    works = [(f"tool {one.call.name if one.call else ''} {one.key}", _work(scene, one)) for one in batch]
    if len(works) == 1:
        name, work = works[0]
        return [await scene.step(name, Did, work)]
    return await scene.steps(Did, works)


def _work(scene: Scene, action: Action) -> Callable[[], Awaitable[Did]]:
    async def work() -> Did:
        gone = scene.look()
        return Did(call=action.call, gone=gone) if gone else await do(scene, action)

    return work


async def do(scene: Scene, action: Action) -> Did:
    """The work of one action. Asks what may change by itself, so that it is done inside a journalled step alone."""
    assert action.call is not None
    call, state, doors = action.call, scene.state, scene.doors
    tool = doors.tools.get(call.name) if named(scene.spec.tools, call.name) else None
    if doors.tools.tenant(call.name) not in ("", scene.run.tenant):
        tool = None
    if tool is None:
        return _said(action, call, "unknown_tool", f"there is no tool {call.name}; call one of those that are offered")
    barred = await scene.switches.barred("tool", call.name, scene.run.tenant)
    if barred is not None:
        return _said(action, call, "quarantined", f"the tool {call.name} is {barred.how}; do without it")
    if BROKEN in call.arguments:
        return _said(action, call, "invalid_arguments", f"{call.arguments[BROKEN]}; send them again as one JSON object")
    if action.own and action.text == UNDO:
        call = _fitting(call, tool)
    filled = await references.fill(scene, call.arguments)
    call, faults = doors.tools.check(msgspec.structs.replace(call, arguments=filled.value))
    if faults:
        return _said(action, call, "invalid_arguments", "; ".join(faults))
    checked = msgspec.structs.replace(action, call=call, origins=merged(action.origins, filled.origins))
    ruling = scene.gate.rule(checked, tool, state)
    if ruling.ruled == "refuse":
        return msgspec.structs.replace(_said(action, call, "refused", ruling.say or "it is not allowed"), ruling=ruling)
    if ruling.ruled == "approve" and action.key not in state.allowed_once:
        return Did(call=call, ruling=ruling, destructive=tool.destructive)
    grant = await scene.purse.hold(action.key, most_of(tool))
    if grant.short is not None:
        return Did(call=call, short=grant.short)
    return await _made(scene, checked, tool, grant)


def most_of(tool: Tool | None) -> Use:
    """The most that a call may use."""
    if tool is None:
        return Use(tool_calls=1)
    return Use(tool_calls=1, money_nano_usd=tool.cost_nano_usd, seconds=tool.timeout_s)


async def _made(scene: Scene, action: Action, tool: Tool, grant: Grant) -> Did:
    """Make a call that is allowed and paid for."""
    assert action.call is not None
    if tool.effect != "at_most_once":
        result = await scene.doors.tools.call(
            action.call, scene.context(action.key, grant.most.seconds, action.origins)
        )
    else:
        found = await _once(scene, action, action.call, grant)
        if found is None:
            return Did(call=action.call, review=True)
        result = found
    used = Use(tool_calls=1, money_nano_usd=result.cost_nano_usd, seconds=result.took_us / 1e6)
    await scene.purse.settle(grant, used)
    return observed(scene, action, tool, result, used)


async def _once(scene: Scene, action: Action, call: ToolCall, grant: Grant) -> ToolResult | None:
    """Make a call that must not be made twice. None: it may have been made before, and a person has to say."""
    store, run = scene.doors.store, scene.run
    owner = f"{scene.doors.worker}/{uuid4().hex}"
    intent = Intent(
        run=run.id,
        step=action.key,
        tool=call.name,
        digest=digest(call),
        owner=owner,
        at_ns=scene.doors.clock.now_ns(),
    )
    found = await aside(store.intend, intent)
    if found.outcome is not None:
        return msgspec.json.decode(found.outcome, type=ToolResult)
    if found.owner != owner:
        again = found.owner.startswith(REVIEWED) and await aside(
            store.review, run.id, action.key, None, found.reviewed_by, owner, was=found.owner
        )
        if not again:
            return None
    if scene.doors.sure is not None:
        await scene.doors.sure()
    result = await scene.doors.tools.call(call, scene.context(action.key, grant.most.seconds, action.origins))
    if result.failed == UNKNOWN:
        return None
    await aside(store.came, run.id, action.key, msgspec.json.encode(result), owner)
    return result


def observed(scene: Scene, action: Action, tool: Tool | None, result: ToolResult, used: Use) -> Did:
    """What came back, labelled, and cut to what a model may see."""
    origins = scene.gate.labelled(action, tool, result, scene.state)
    most = min(scene.spec.context.result_bytes, tool.most_result_bytes if tool is not None else HANDLED_BYTES)
    handle = f"r{action.key}"
    whole = result.text or ("" if result.data is None else spelled(result.data))
    seen = Observation(
        key=action.key,
        text=clipped(whole, most, handle),
        failed=result.failed,
        handle=handle,
        origins=origins,
        cost_nano_usd=result.cost_nano_usd,
        took_us=result.took_us,
    )
    data = None if result.data == whole else result.data
    about = f"{action.call.name if action.call else action.kind}{', simulated' if result.simulated else ''}"
    return Did(
        call=action.call,
        observation=msgspec.structs.replace(seen, text=scene.gate.shown(seen, scene.state)),
        value=None if result.failed else Value(text=whole, data=data, origins=origins, about=about),
        used=used,
        at_ns=scene.doors.clock.now_ns(),
        changes=tool is not None and tool.effect != "pure",
        destructive=tool is not None and tool.destructive,
    )


def _fitting(call: ToolCall, tool: Tool) -> ToolCall:
    """A call that undoes another, with what the tool takes, and no more."""
    takes = tool.parameters.get("properties")
    if not isinstance(takes, dict):
        return call
    kept = {name: value for name, value in call.arguments.items() if name in takes}
    return msgspec.structs.replace(call, arguments=kept)


def digest(call: ToolCall) -> str:
    """SHA-256 of a call's arguments."""
    return sha256(msgspec.json.encode(call.arguments, order="sorted")).hexdigest()


def _said(action: Action, call: ToolCall, failed: str, say: str) -> Did:
    """What the model is told of a call that was not made."""
    return Did(call=call, observation=Observation(key=action.key, text=say, failed=failed))
