"""Doing what was decided: pending actions, one after another; those that may be at once, at once."""

from itertools import takewhile

from msgspec import structs

from antiphon.agents.loop import children
from antiphon.agents.loop import code as loop_code
from antiphon.agents.loop import finish as loop_finish
from antiphon.agents.loop import own as loop_own
from antiphon.agents.loop import people as loop_people
from antiphon.agents.loop import roles as loop_roles
from antiphon.agents.loop.observations import note
from antiphon.agents.loop.observe import observe, shortened
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.loop.tools import Did, act
from antiphon.agents.state import Action, Observation
from antiphon.core.run import Stop


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
        await children.ask(scene)
        return
    await loop_people.hand_off(scene, action.key, action.text)


async def _tools(scene: Scene) -> None:
    """The first actions that may be done at once; one alone, where its order matters."""
    state = scene.state
    batch = _batch(state.pending)
    if _mends(batch[0]):
        await _mended(scene, batch[0])
        return
    came = await act(scene, batch)
    rest = state.pending[len(batch) :]
    kept: list[tuple[Action, Did]] = []
    mended: list[Action] = []
    short: Stop | None = None
    gone = ""
    for action, did in zip(batch, came, strict=True):
        gone = gone or did.gone
        checked = structs.replace(action, call=did.call or action.call)
        scene.used(did.used)
        if did.observation is None and did.short is None:  # it stays pending
            kept.append((checked, did))
            continue
        state.pending = [one for one in state.pending if one.key != action.key]
        if did.short is not None:
            short = did.short
            note(state, checked, _too_much(checked, did.short))
        elif loop_roles.mendable(scene, checked, did):
            mended.append(
                structs.replace(checked, text=f"{loop_roles.MEND}{did.observation.text if did.observation else ''}")
            )
        else:
            observe(scene, checked, did)
    state.pending = [*(action for action, _ in kept), *mended, *rest]
    if gone:
        raise Stopped("revoked", gone)
    if short is not None:
        shortened(scene, short)
    if kept:
        await _wait(scene, *kept[0])


def _mends(action: Action) -> bool:
    return action.text.startswith(loop_roles.MEND)


def _batch(pending: list[Action]) -> list[Action]:
    """The first action, and those behind it that may be done at the same time."""
    if pending[0].alone or _mends(pending[0]):
        return pending[:1]
    among = takewhile(lambda one: one.kind == "tool" and not one.alone and not _mends(one), pending)
    return list(among)


async def _mended(scene: Scene, action: Action) -> None:
    """Have arguments mended that broke their schema; what can't be mended is told to whoever called."""
    again = await loop_roles.mended(scene, action)
    if again is not None:
        scene.state.pending[0] = again
        return
    scene.state.pending = scene.state.pending[1:]
    text = action.text.removeprefix(loop_roles.MEND)
    seen = Observation(key=action.key, failed="invalid_arguments", text=text)
    observe(scene, structs.replace(action, text=""), Did(call=action.call, observation=seen))


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


def _too_much(action: Action, short: Stop) -> Observation:
    text = f"not begun: the envelope has no room for it ({short}); finish with what you have"
    return Observation(key=action.key, failed=f"envelope_{short}", text=text)
