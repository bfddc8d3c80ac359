"""Going on after a wait: what ended it is put into the State, and the action that it stopped goes on."""

from typing import Any, cast

from msgspec import structs

from antiphon.agents.loop import children
from antiphon.agents.loop import finish as loop_finish
from antiphon.agents.loop import people as loop_people
from antiphon.agents.loop.context import spelled, text
from antiphon.agents.loop.model import hear
from antiphon.agents.loop.observe import observe
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.loop.tools import Did
from antiphon.agents.state import Action, Observation
from antiphon.core.run import Mail, Wait

PEOPLE = frozenset({"approval", "question", "hand_off", "review"})
"""Waits that a person ends. One whose `escalates_ns` is over has none, and is before `escalate_to` too."""


async def resume(scene: Scene, mail: list[Mail]) -> None:
    """Take what ended the wait that a run was in; nothing, where it was in none. Raises: Stopped, Parked, Interrupted."""
    state = scene.state
    messages = [one for one in mail if one.kind == "message"]
    wait, state.wait = state.wait, None
    if wait is not None:
        await _over(scene, wait, mail)
        match wait.kind:
            case "approval":
                await _approved(scene, wait)
            case "question":
                _question(scene, wait, mail)
            case "hand_off":
                _handed(scene, wait, mail, back=bool(messages))
            case "review":
                await _reviewed(scene, wait, mail)
            case "children":
                await children.ended(scene, wait)
            case "timer" | "pause":
                pass
    hear(state, messages)


async def _over(scene: Scene, wait: Wait, mail: list[Mail]) -> None:
    """Whether a wait for people is over: somebody answered, or its time is. Raises: Parked, where it isn't: it goes on, before
    more people once it escalates.
    """
    if wait.kind not in PEOPLE or any(one.key == wait.key and one.kind in ("answer", "approval") for one in mail):
        return
    now_ns = await scene.journal.now_ns()
    if wait.until_ns and now_ns >= wait.until_ns:
        return
    if wait.escalates_ns and now_ns >= wait.escalates_ns:
        scene.tell("escalated", {"key": wait.key, "to": wait.escalate_to})
        wait = structs.replace(wait, escalates_ns=0)
    hear(scene.state, [one for one in mail if one.kind == "message"])
    scene.park(wait)


def _action(scene: Scene, key: str) -> Action | None:
    """The action that a wait is for: the first that is pending; None: the wait was for a call of a model."""
    pending = scene.state.pending
    return pending[0] if pending and pending[0].key == key else None


def _done(scene: Scene, action: Action, seen: Observation) -> None:
    scene.state.pending = scene.state.pending[1:]
    observe(scene, action, Did(call=action.call, observation=seen))


async def _approved(scene: Scene, wait: Wait) -> None:
    said = await loop_people.settled(scene, wait)
    action = _action(scene, wait.key)
    if action is None:  # a call of a model: it is made again with the ticket
        if said.state not in ("approved", "modified"):
            raise Stopped("refused", f"the call of a model was not approved: {said.state}")
        return
    found = loop_people.allowed(scene, action, said)
    if isinstance(found, Action):
        scene.state.pending[0] = found
    elif action.kind == "finish":
        loop_finish.rejected(scene, action, found)
    else:
        _done(scene, action, found)


def _question(scene: Scene, wait: Wait, mail: list[Mail]) -> None:
    action, said = _action(scene, wait.key), loop_people.answered(mail, wait)
    if action is None:
        return
    if said is None:
        _done(scene, action, Observation(key=action.key, failed="expired", text="nobody answered in time"))
        return
    body, by = said
    data = loop_people.told(body)
    _done(scene, action, Observation(key=action.key, text=spelled(data), origins=loop_people.person(by)))


def _handed(scene: Scene, wait: Wait, mail: list[Mail], *, back: bool) -> None:
    """A person gives the task back, or what came of it. Raises: Stopped, when nobody took it in time."""
    said, state = loop_people.answered(mail, wait), scene.state
    if said is None:
        raise Stopped("expired", "nobody took over the task in time")
    body, by = said
    given = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    if "back" in given or (back and "result" not in given):
        told = f"A person worked on this and gives it back: {spelled(loop_people.told(body))}"
        action = _action(scene, wait.key)
        if action is not None:
            _done(scene, action, Observation(key=action.key, text=told, origins=loop_people.person(by)))
        else:
            state.context.append(text("user", told))
            state.said = (*state.said, told)
        state.stop, state.phase = None, "act" if state.phase == "ended" else state.phase
        state.idle, state.verified = 0, 0
        state.repeats, state.failures = {}, {}
        return
    state.answer = loop_people.told(body)
    state.pending, state.phase, state.stop = [], "ended", "handed_off"
    state.why = f"{by} took it over and ended it"


async def _reviewed(scene: Scene, wait: Wait, mail: list[Mail]) -> None:
    action = _action(scene, wait.key)
    if action is None:
        return
    if loop_people.answered(mail, wait) is None:
        scene.park(wait)
    did = await loop_people.reviewed(scene, wait, action, mail)
    if did is None:  # made again by the pending action itself
        return
    scene.state.pending = scene.state.pending[1:]
    scene.used(did.used)
    observe(scene, action, did)
