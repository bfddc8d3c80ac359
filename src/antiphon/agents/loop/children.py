"""Children: agents that an agent asks, and what is done when one fails: what it did is undone, it is begun again, another
takes over, or the parent goes on without its part.
"""

from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents.loop import people as loop_people
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.children_begin import Begun, begin, circle
from antiphon.agents.loop.children_undo import undoing
from antiphon.agents.loop.observations import OWN, forget_own, own
from antiphon.agents.loop.observe import observe, shortened
from antiphon.agents.loop.scene import Scene, Stopped, decoded, merged
from antiphon.agents.loop.tools import Did, observed
from antiphon.agents.state import Action, Done, Observation, State
from antiphon.core.run import Run, Stop, Use, Wait
from antiphon.core.tool import Origins, ToolResult

KIDS = "kids"
"""Stands in the State's notes for what is known of children that are not done yet, by key of the action."""
AGAIN: frozenset[Stop] = frozenset({"error", "no_progress", "repeated_error", "unverified", "expired"})
"""Ends after which another try may go better."""


class Kid(Struct, kw_only=True, omit_defaults=True):
    """A child as its parent follows it."""

    attempt: int = 0
    name: str = ""
    run: str = ""
    tried: tuple[str, ...] = ()
    """Who was given up."""
    restarts: int = 0
    why: str = ""
    """How the last try ended."""
    failed: str = ""
    """Set: it failed for good, and why."""


class Came(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a child stands, as it is written down."""

    ended: bool = False
    ok: bool = False
    stop: Stop | None = None
    why: str = ""
    answer: Any = None
    origins: Origins = Origins()
    effects: tuple[Done, ...] = ()
    """What it and its own children changed, the oldest first."""


def _kid(scene: Scene, key: str) -> Kid:
    return msgspec.convert(scene.state.notes.get(KIDS, {}).get(key, {}), Kid)


def _keep(scene: Scene, key: str, kid: Kid | None) -> None:
    kids: dict[str, Any] = scene.state.notes.setdefault(KIDS, {})
    if kid is None:
        kids.pop(key, None)
    else:
        kids[key] = msgspec.to_builtins(kid)


def _begins(action: Action) -> bool:
    return action.kind in ("agent", "hand_off")


async def ask(scene: Scene) -> None:
    """Begin the children that are pending first, and wait for them. Raises: Parked, Stopped, Interrupted."""
    state = scene.state
    first = state.pending[0]
    batch = [first]
    for action in state.pending[1:] if first.kind == "agent" else ():
        if action.kind != "agent":
            break
        batch.append(action)
    for action in batch:
        await _one(scene, action)
    waiting = [one for one in state.pending if _begins(one) and _kid(scene, one.key).run]
    if waiting:
        runs = tuple(_kid(scene, one.key).run for one in waiting)
        scene.park(Wait(kind="children", key=waiting[0].key, children=runs))


async def _one(scene: Scene, action: Action) -> None:
    """Begin a child for an action, or see that there can be none. Raises: Parked, Stopped."""
    kid = _kid(scene, action.key)
    if kid.failed:
        _given_up(scene, action, kid)
        return
    if why := circle(scene, action):
        raise Stopped("cycle", why)
    name = f"child {action.key}~{kid.attempt}"
    begun = await scene.step(name, Begun, lambda: begin(scene, action, kid.attempt, kid.tried))
    scene.used(begun.used)
    if begun.gone:
        raise Stopped("revoked", begun.gone)
    if begun.run:
        scene.state.children[f"{action.key}~{kid.attempt}"] = begun.run
        _keep(scene, action.key, structs.replace(kid, name=begun.name, run=begun.run))
        scene.tell("child", {"step": action.key, "agent": begun.name, "run": begun.run})
    elif begun.result is not None:
        _remote_came(scene, action, structs.replace(kid, name=begun.name), begun.result)
    elif begun.ruling is not None and begun.ruling.ruled == "approve":
        shown = {"agent": begun.name, "task": action.text}
        said = await loop_people.approve(scene, action, begun.ruling, f"agent/{begun.name}", shown)
        _observed(scene, action, Did(call=action.call, observation=said))
    else:
        _refused(scene, action, begun, kid)


def _refused(scene: Scene, action: Action, begun: Begun, kid: Kid) -> None:
    if kid.attempt and begun.short is None:  # nobody is left to take over
        _given_up(scene, action, structs.replace(kid, failed=kid.why or begun.say))
        return
    short = begun.short
    say = begun.say or f"not begun: the envelope has no room for it ({short}); do it yourself, or finish"
    seen = Observation(key=action.key, failed=begun.failed or f"envelope_{short}", text=say)
    _observed(scene, action, Did(call=action.call, observation=seen))
    if short is not None:
        shortened(scene, short)


def _observed(scene: Scene, action: Action, did: Did) -> None:
    """What came of a child; it is pending no more."""
    scene.state.pending = [one for one in scene.state.pending if one.key != action.key]
    _keep(scene, action.key, None)
    observe(scene, action, did)


async def ended(scene: Scene, wait: Wait) -> None:
    """Take what came of the children that were waited for. Raises: Parked, where one goes on still."""
    state = scene.state
    for action in [one for one in state.pending if _begins(one) and _kid(scene, one.key).run]:
        kid = _kid(scene, action.key)
        came = await scene.step(f"came {action.key}~{kid.attempt}", Came, lambda run=kid.run: _came(scene, run))
        if not came.ended:
            scene.park(wait)
        scene.tell("child", {"step": action.key, "agent": kid.name, "run": kid.run, "stop": came.stop})
        if came.ok:
            _succeeded(scene, action, kid, came)
        else:
            _failed(scene, action, kid, came)


async def _came(scene: Scene, run: str) -> Came:
    found = await aside(scene.doors.store.one, run, scene.run.tenant)
    if found is None:
        return Came(ended=True, why="it is gone")
    if not found.ended:
        return Came()
    state = _state(found)
    effects = await aside(_effects, scene, found)
    return Came(
        ended=True,
        ok=found.status == "done",
        stop=found.stop,
        why=found.why,
        answer=msgspec.json.decode(found.result) if found.result else None,
        origins=Origins() if state is None else state.seen,
        effects=tuple(effects),
    )


def _state(run: Run) -> State | None:
    return decoded(run.state) if run.state else None


def _effects(scene: Scene, run: Run) -> list[Done]:
    """What a run and its children changed. Blocks."""
    state = _state(run)
    found: list[Done] = [] if state is None else list(state.effects)
    for child in () if state is None else state.children.values():
        below = scene.doors.store.one(child, run.tenant)
        found += [] if below is None else _effects(scene, below)
    return found


def _succeeded(scene: Scene, action: Action, kid: Kid, came: Came) -> None:
    _undone(scene, action)
    if action.kind == "hand_off":
        state = scene.state
        scene.saw(came.origins)
        state.answer = came.answer
        state.pending, state.phase, state.stop = [], "ended", "handed_off"
        state.why = f"the agent {kid.name} took it over: {came.why}"
        return
    text = came.answer if isinstance(came.answer, str) else ""
    data = None if isinstance(came.answer, str) else came.answer
    source = merged(came.origins, Origins(sources=(f"agent/{kid.name}",)))
    _observed(scene, action, observed(scene, action, None, ToolResult(text=text, data=data, origins=source), Use()))


def _remote_came(scene: Scene, action: Action, kid: Kid, result: ToolResult) -> None:
    if result.receipt:
        scene.tell("child", {"step": action.key, "agent": kid.name, "receipt": result.receipt})
    if result.failed:
        _failed(scene, action, kid, Came(ended=True, stop="error" if result.retryable else "refused", why=result.text))
        return
    answer = result.text if result.data is None else result.data
    origins = merged(result.origins, Origins(untrusted=True))
    _succeeded(scene, action, kid, Came(ended=True, ok=True, answer=answer, origins=origins))


def _failed(scene: Scene, action: Action, kid: Kid, came: Came) -> None:
    """Decide what follows on a child that failed; what it did is undone first. It stays pending."""
    children, state = scene.spec.children, scene.state
    told = came.why and not came.origins.untrusted  # else it may be strangers' words: the child's own run has them
    why = f"{kid.name} ended: {came.stop or 'error'}{f': {came.why}' if told else ''}"
    if came.stop == "cycle" and action.kind == "hand_off":
        raise Stopped("cycle", why)
    again = came.stop is None or came.stop in AGAIN
    undo = undoing(scene, action, kid.attempt, came.effects)
    kid = structs.replace(kid, run="", attempt=kid.attempt + 1, why=why)
    if again and kid.restarts < children.restarts:
        kid = structs.replace(kid, restarts=kid.restarts + 1)
    elif again and children.substitute and action.kind == "agent":
        kid = structs.replace(kid, tried=(*kid.tried, kid.name), restarts=0)
    else:
        kid = structs.replace(kid, failed=why)
    _keep(scene, action.key, kid)
    scene.tell("child", {"step": action.key, "agent": kid.name, "failed": why, "undone": [one.call for one in undo]})
    at = state.pending.index(action)
    state.pending = [*state.pending[:at], *undo, *state.pending[at:]]
    if undo:  # first of all
        state.pending = [*undo, *(one for one in state.pending if one not in undo)]


def _undone(scene: Scene, action: Action) -> list[str]:
    """What came of undoing what the failed tries had done, the first try's first."""
    state = scene.state
    keys = [key for key in state.notes.get(OWN, {}) if key.startswith(f"{action.key}~")]
    found = [own(state, key) for key in keys]
    for key in keys:
        forget_own(state, key)
    return [one.text[:300] for one in found]


def _given_up(scene: Scene, action: Action, kid: Kid) -> None:
    """Go on without a child's part, or end. Raises: Stopped."""
    why = kid.failed or "nobody could do it"
    if not scene.spec.children.degrade:
        raise Stopped("error", f"the part of a child is missing: {why}")
    text = f"{why}. Go on without its part, and say in the answer that it is missing."
    if undone := _undone(scene, action):
        text = f"{text} What it had done was undone: {'; '.join(undone)}"
    scene.state.pending = [one for one in scene.state.pending if one.key != action.key]
    _keep(scene, action.key, None)
    if action.kind == "hand_off":
        text = f"{why}. The task is yours again."
    observe(
        scene, action, Did(call=action.call, observation=Observation(key=action.key, failed="child_failed", text=text))
    )
