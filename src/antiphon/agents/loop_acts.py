"""Doing what was decided: pending actions, one after another; those that may be at once, at once."""

from collections.abc import Sequence

from msgspec import Struct, structs

from antiphon.agents import children, loop_code, loop_finish, loop_own, loop_people, stops
from antiphon.agents.loop_tools import Did, act
from antiphon.agents.observe import note
from antiphon.agents.scene import Scene, Stopped
from antiphon.agents.state import Action, Done, Observation, Value
from antiphon.core.run import Stop

SHORT = "short"


async def perform(scene: Scene) -> None:
    """Do all that is pending. Raises: Stopped, Parked, Interrupted."""
    state = scene.state
    while state.pending and state.phase != "ended":
        action = state.pending[0]
        match action.kind:
            case "tool":
                await _tools(scene)
            case "agent":
                await children.ask(scene)
            case "finish":
                await loop_finish.finish(scene, action)
            case "ask":
                await loop_people.ask(scene, action)
            case "hand_off":
                await _hand_off(scene, action)
            case "code":
                await loop_code.run(scene, action)
            case _:
                await loop_own.do(scene, action)


async def _hand_off(scene: Scene, action: Action) -> None:
    if action.to and action.to not in ("person", scene.spec.hand_off.to):
        await children.hand_off(scene, action)
        return
    await loop_people.hand_off(scene, action.key, action.text)


async def _tools(scene: Scene) -> None:
    """The first actions that may be done at once; one alone, where its order matters."""
    state = scene.state
    batch = [state.pending[0]]
    if not batch[0].alone:
        for action in state.pending[1:]:
            if action.kind != "tool" or action.alone:
                break
            batch.append(action)
    came = await act(scene, batch)
    rest = state.pending[len(batch) :]
    kept: list[tuple[Action, Did]] = []
    short: Stop | None = None
    for action, did in zip(batch, came, strict=True):
        action = structs.replace(action, call=did.call or action.call)
        scene.used(did.used)
        if did.observation is not None:
            state.pending = [one for one in state.pending if one.key != action.key]
            observe(scene, action, did)
        elif did.short is not None:
            short = did.short
            state.pending = [one for one in state.pending if one.key != action.key]
            note(state, action, _too_much(action, did.short))
        else:
            kept.append((action, did))
    state.pending = [*(action for action, _ in kept), *rest]
    if short is not None:
        _shortened(scene, short)
    if kept:
        await _wait(scene, *kept[0])


async def _wait(scene: Scene, action: Action, did: Did) -> None:
    """Wait for a person over an action. Returns only where nobody can be asked. Raises: Parked."""
    if did.review or did.ruling is None:
        await loop_people.review(scene, did, action.key)
        return
    assert action.call is not None
    shown = {"tool": action.call.name, "arguments": action.call.arguments}
    said = await loop_people.approve(scene, action, did.ruling, action.call.name, shown)
    scene.state.pending = scene.state.pending[1:]
    observe(scene, action, Did(call=action.call, observation=said))


def observe(scene: Scene, action: Action, did: Did) -> None:
    """Put what came of an action into the State, and see whether the run gets anywhere. Raises: Stopped."""
    state, seen = scene.state, did.observation
    assert seen is not None
    hidden = seen.origins.untrusted and scene.spec.safety.untrusted == "quarantine"
    came = did.value.text if did.value is not None else seen.text
    if did.changes and not seen.failed and action.call is not None:
        data = did.value.data if did.value is not None else None
        state.effects.append(Done(tool=action.call.name, arguments=action.call.arguments, data=data))
    more = ""
    try:
        more = stops.after(state, scene.spec.stops, action, seen, came)
    finally:
        if more:
            seen = structs.replace(seen, text=f"{seen.text}\n({more})")
        note(state, action, seen, did.value, at_ns=did.at_ns, hidden=hidden)
    scene.tell("tool" if action.kind == "tool" else "observed", _told(action, seen, did.value))


class ToldTool(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step as those who watch see it."""

    step: str
    kind: str
    tool: str
    arguments: object
    text: str
    failed: str
    handle: str
    took_us: int
    cost_nano_usd: int
    untrusted: bool


def _told(action: Action, seen: Observation, value: Value | None) -> ToldTool:
    return ToldTool(
        step=action.key,
        kind=action.kind,
        tool=action.call.name if action.call is not None else action.kind,
        arguments=action.call.arguments if action.call is not None else None,
        text=seen.text,
        failed=seen.failed,
        handle=seen.handle if value is not None else "",
        took_us=seen.took_us,
        cost_nano_usd=seen.cost_nano_usd,
        untrusted=seen.origins.untrusted,
    )


def _too_much(action: Action, short: Stop) -> Observation:
    text = f"not begun: the envelope has no room for it ({short}); finish with what you have"
    return Observation(key=action.key, failed=f"envelope_{short}", text=text)


def _shortened(scene: Scene, short: Stop) -> None:
    """The model is told once that it has to finish; a second turn that doesn't fit ends the run. Raises: Stopped."""
    scene.tell("held", {"short": short})
    if scene.state.notes.get(SHORT):
        raise Stopped(short, f"the envelope has no room for another action: {short}")
    scene.state.notes[SHORT] = True


def refuse(scene: Scene, actions: Sequence[Action], failed: str, say: str) -> None:
    """Answer calls that are not begun."""
    for action in actions:
        note(scene.state, action, Observation(key=action.key, failed=failed, text=say))
