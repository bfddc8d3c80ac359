"""The loop's own small tools: reading values by handle, asking about one that must not be seen, remembering, plans."""

import re
from typing import Any

from msgspec import Struct, structs

from antiphon.agents.loop import plan as loop_plan
from antiphon.agents.loop import prompts, shared, stops
from antiphon.agents.loop.actions import BROKEN
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.context import text
from antiphon.agents.loop.model import Wanted, think
from antiphon.agents.loop.observations import note
from antiphon.agents.loop.offer import ASK_VALUE, READ_VALUE, REMEMBER, REPLAN, STEP_DONE, named
from antiphon.agents.loop.scene import Scene
from antiphon.agents.state import Action, Observation, Value
from antiphon.core.error import AntiphonError

MOST_ASKED_BYTES = 48_000
"""Of a value, as the model that must not act on it reads it."""
_FORMS = {
    "yes_no": re.compile(r"yes|no|unknown", re.IGNORECASE),
    "number": re.compile(r"[-+]?\d[\d.,_ ]{0,30}|unknown"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}|unknown"),
}


class Loaded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A shared value; None: there is none that this run may read."""

    value: Value | None = None


async def _load(scene: Scene, ref: str) -> Loaded:
    return Loaded(value=await aside(shared.read, scene.doors.store, scene.doors.clock, scene.run, ref))


class Kept(Struct, frozen=True, kw_only=True):
    """What became of a memory."""

    text: str
    failed: str = ""


async def do(scene: Scene, action: Action) -> None:
    """Do one, and observe it. Raises: Stopped, Parked, Interrupted."""
    name = action.call.name if action.call is not None else ""
    arguments: dict[str, Any] = action.call.arguments if action.call is not None else {}
    if BROKEN in arguments:
        seen = Observation(key=action.key, failed="invalid_arguments", text=str(arguments[BROKEN]))
    elif name == READ_VALUE:
        seen = await _read(scene, action, arguments)
    elif name == ASK_VALUE:
        seen = await _ask(scene, action, arguments)
    elif name == REMEMBER:
        seen = await _remember(scene, action)
    elif name in (STEP_DONE, REPLAN):
        seen = await _planned(scene, action, name)
    else:
        seen = Observation(key=action.key, failed="unknown_tool", text=f"{name} is not offered here")
    scene.state.pending = scene.state.pending[1:]
    hidden = seen.origins.untrusted and scene.spec.safety.untrusted == "quarantine"
    note(scene.state, action, seen, hidden=hidden)
    if name not in (STEP_DONE, REPLAN):
        stops.after(scene.state, scene.spec.stops, action, seen, seen.text)
    else:
        scene.state.notes[stops.FRESH] = True
    scene.tell("observed", {"step": action.key, "tool": name, "text": seen.text, "failed": seen.failed})


async def _value(scene: Scene, action: Action, handle: str) -> Value | Observation:
    values, handle = scene.state.values, handle.strip("[] ")
    value = values.get(handle)
    ref = "" if value is None else value.ref
    if value is not None and ref and not value.text:
        value = (await scene.step(f"value {handle}", Loaded, lambda: _load(scene, ref))).value
        if value is not None:
            values[handle] = value
    if value is None or not value.text:
        known = ", ".join(one for one, value in values.items() if value.text or value.ref)
        said = f"there is nothing under {handle[:40]}; there are {known or 'none'}"
        return Observation(key=action.key, failed="not_found", text=said)
    return value


async def _read(scene: Scene, action: Action, arguments: dict[str, Any]) -> Observation:
    handle = str(arguments.get("handle", ""))
    value = await _value(scene, action, handle)
    if isinstance(value, Observation):
        return value
    most = scene.spec.context.result_bytes
    offset = arguments.get("offset")
    begin = max(0, offset) if isinstance(offset, int) else 0
    if sought := str(arguments.get("find") or ""):
        place = value.text.casefold().find(sought.casefold(), begin)
        if place < 0:
            said = f"{sought[:80]} doesn't stand in {handle}"
            return Observation(key=action.key, failed="not_found", text=said)
        begin = max(0, place - most // 4)
    piece = value.text[begin : begin + most // 2]
    end = begin + len(piece)
    more = f"\n[characters {begin} to {end} of {len(value.text)}]"
    seen = Observation(key=action.key, text=f"{piece}{more}", origins=value.origins, handle=handle)
    return structs.replace(seen, text=scene.gate.shown(seen, scene.state))


async def _ask(scene: Scene, action: Action, arguments: dict[str, Any]) -> Observation:
    """A model without tools reads a value. An answer in a form that can't carry instructions is shown; a text is not."""
    value = await _value(scene, action, str(arguments.get("handle", "")))
    if isinstance(value, Observation):
        return value
    form = str(arguments.get("form") or "text")
    options = [str(one) for one in arguments.get("options") or ()]
    asked = f"one of: {', '.join(options)}, unknown" if form == "choice" else form
    prompt = prompts.READ.format(
        question=action.text, form=asked, text=value.text.encode()[:MOST_ASKED_BYTES].decode("utf-8", "ignore")
    )
    wanted = Wanted(role="quarantine", key=f"{action.key}.q", messages=(text("user", prompt),), origins=value.origins)
    said = (await think(scene, wanted)).said.text.strip()
    if form == "text":
        seen = Observation(key=action.key, text=said, origins=value.origins, handle=f"r{action.key}")
        scene.state.values[seen.handle] = Value(
            text=said, origins=value.origins, about=f"about {arguments.get('handle')}"
        )
        return structs.replace(seen, text=scene.gate.shown(seen, scene.state))
    bare = said.strip(" .\n\"'")
    fits = (
        bare in (*options, "unknown")
        if form == "choice"
        else _FORMS[form].fullmatch(bare) is not None
        if form in _FORMS
        else False
    )
    if not fits:
        return Observation(key=action.key, failed="unreadable", text=f"the answer was no {form}")
    return Observation(key=action.key, text=bare, origins=structs.replace(value.origins, untrusted=False))


async def _remember(scene: Scene, action: Action) -> Observation:
    scopes: list[str] = list(scene.spec.memory.scopes)
    scope = action.to or (scopes[0] if scopes else "")
    if scene.doors.memory is None or not named(scopes, scope):
        return Observation(key=action.key, failed="refused", text="nothing can be remembered there")
    kept = await scene.step(f"remember {action.key}", Kept, lambda: _keep(scene, action, scope))
    return Observation(key=action.key, text=kept.text, failed=kept.failed)


async def _keep(scene: Scene, action: Action, scope: str) -> Kept:
    assert scene.doors.memory is not None
    try:
        said = await scene.doors.memory.remember(
            scene.run,
            scene.document,
            action.text,
            scope=scope,
            origins=action.origins,
            key=f"{scene.run.id}/{action.key}",
        )
    except AntiphonError as error:
        return Kept(text=error.message, failed=error.said_code)
    return Kept(text=said)


async def _planned(scene: Scene, action: Action, name: str) -> Observation:
    state = scene.state
    if state.plan is None:
        return Observation(key=action.key, failed="refused", text="there is no plan")
    if name == REPLAN:
        again = await loop_plan.replan(scene, action.text)
        return Observation(key=action.key, text="The plan was changed." if again else "No other plan came; keep to it.")
    step = loop_plan.present(state.plan)
    if step is None:
        return Observation(key=action.key, text="All steps are done: finish.")
    state.plan = loop_plan.finished(state.plan, step.name)
    return Observation(key=action.key, text=f"The step {step.name} is done.")
