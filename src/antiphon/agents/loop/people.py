"""People in a run: approvals, questions, reviews, hand-offs. Each is a durable wait, and the run goes on with exactly the
action that it stopped at.
"""

from hashlib import sha256
from typing import Any, cast

import msgspec
from msgspec import Struct, structs

from antiphon.agents.gate import Ruling
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.scene import Scene
from antiphon.agents.loop.tools import REVIEWED, Did, digest, most_of, observed
from antiphon.agents.state import Action, Observation
from antiphon.core.approval import Wish
from antiphon.core.run import Intent, Mail, Use, Wait
from antiphon.core.tool import Origins, Tool, ToolCall, ToolResult

APPROVER = "approver"
MOST_SHOWN = 20
"""Last steps that a person sees of a run that is handed to them."""


class AskedFor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An approval that was asked for."""

    id: str = ""
    """Empty: nobody can be asked here."""
    expires_ns: int = 0


class Settled(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of it."""

    state: str
    by: tuple[str, ...] = ()
    note: str = ""
    instead: Any = None
    """What was approved in the place of what was shown."""


async def approve(scene: Scene, action: Action, ruling: Ruling, resource: str, shown: Any) -> Observation:
    """Ask people for an action, and wait for them.

    Returns: only where nobody can be asked: what the model is told. Raises: Parked.
    """
    body = msgspec.json.encode(
        {
            "run": scene.run.id,
            "key": action.key,
            "agent": f"{scene.run.agent}@{scene.run.version}",
            "goal": scene.state.goal,
            "action": shown,
            "why": ruling.say,
            "reasons": ruling.reasons,
            "origins": action.origins,
        },
        order="sorted",
    )
    asked = await scene.step(f"approval {action.key}", AskedFor, lambda: _ask(scene, ruling, resource, body))
    if not asked.id:
        return Observation(
            key=action.key, failed="refused", text="a person would have to approve it, and nobody can here"
        )
    return scene.park(
        Wait(
            kind="approval",
            key=action.key,
            shown=body.decode(),
            approval=asked.id,
            to=_approvers(scene, ruling),
            until_ns=asked.expires_ns,
        )
    )


async def _ask(scene: Scene, ruling: Ruling, resource: str, body: bytes) -> AskedFor:
    if scene.doors.approvals is None:
        return AskedFor()
    spec, principal, now_ns = scene.spec.approvals, scene.run.principal, scene.doors.clock.now_ns()
    wish = Wish(
        tenant=scene.run.tenant,
        by=f"key/{principal.key}",
        action="use_tool",
        resource=resource,
        shown=body,
        digest=sha256(body).hexdigest(),
        reasons=ruling.reasons,
        user=principal.user,
        needed=max(ruling.needed, spec.needed),
        approvers=_approvers(scene, ruling),
        expires_ns=now_ns + round(spec.expires_s * 1e9),
        escalates_ns=now_ns + round(spec.escalate_s * 1e9) if spec.escalate_s else 0,
        escalate_to=spec.escalate_to if spec.escalate_s else "",
    )
    found = await scene.doors.approvals.ask(wish)
    return AskedFor(id=found.id, expires_ns=found.wish.expires_ns)


def _approvers(scene: Scene, ruling: Ruling) -> str:
    return ruling.approvers or scene.spec.approvals.approvers or APPROVER


async def settled(scene: Scene, wait: Wait) -> Settled:
    """What people said; what it allows is taken, once."""
    return await scene.step(f"approved {wait.key}", Settled, lambda: _settled(scene, wait))


async def _settled(scene: Scene, wait: Wait) -> Settled:
    approvals, tenant = scene.doors.approvals, scene.run.tenant
    found = None if approvals is None else await approvals.find(tenant, wait.approval)
    if approvals is None or found is None:
        return Settled(state="gone")
    by = tuple(vote.user or vote.by for vote in found.votes)
    note = next((vote.note for vote in reversed(found.votes) if vote.note), "")
    if found.state in ("approved", "modified"):
        await approvals.use(tenant, wait.approval)
    state = "expired" if found.state == "waiting" else found.state
    instead = msgspec.json.decode(found.instead) if found.instead else None
    return Settled(state=state, by=by, note=note, instead=instead)


def allowed(scene: Scene, action: Action, said: Settled) -> Action | Observation:
    """An action as it was approved; or, where it was not, what the model is told."""
    if said.state in ("approved", "modified"):
        scene.state.allowed_once = (*scene.state.allowed_once, action.key)
        return _modified(action, said) if said.state == "modified" else action
    why = f": {said.note}" if said.note else ""
    text = {"rejected": f"a person said no{why}", "expired": "nobody approved it in time"}.get(
        said.state, f"the approval is {said.state}{why}"
    )
    return Observation(key=action.key, failed=said.state, text=text, origins=person(*said.by))


def _modified(action: Action, said: Settled) -> Action:
    """With what a person put in place of it: the arguments, or the answer."""
    instead = said.instead
    if isinstance(instead, dict):
        given = cast("dict[str, Any]", instead)
        instead = given.get("action", given)
    if action.kind == "finish":
        answer = cast("dict[str, Any]", instead).get("answer", instead) if isinstance(instead, dict) else instead
        return structs.replace(action, data=answer, text=answer if isinstance(answer, str) else action.text)
    if action.call is None or not isinstance(instead, dict):
        return action
    given = cast("dict[str, Any]", instead)
    arguments = given.get("arguments", given)
    return structs.replace(
        action,
        call=ToolCall(id=action.call.id, name=action.call.name, arguments=arguments),
        origins=structs.replace(
            action.origins, sources=tuple(sorted({*action.origins.sources, *person(*said.by).sources}))
        ),
    )


def person(*by: str) -> Origins:
    """Of what people said: `user/ADA` is `person/ADA`."""
    return Origins(sources=tuple(sorted({f"person/{one.partition('/')[2] or one}" for one in by})))


async def ask(scene: Scene, action: Action) -> Observation:
    """Put a question before a person, and wait. Raises: Parked."""
    options = (action.call.arguments if action.call is not None else {}).get("options")
    shown = {"question": action.text, "options": options, "goal": scene.state.goal, "agent": scene.run.agent}
    await wait_for(scene, "question", action.key, shown, to=action.to)
    raise AssertionError("it waits")


async def hand_off(scene: Scene, key: str, reason: str) -> None:
    """Put the whole task before people, with all that is known of it, and wait. Raises: Parked."""
    state = scene.state
    shown = {
        "reason": reason,
        "goal": state.goal,
        "inputs": state.inputs,
        "agent": scene.run.agent,
        "plan": state.plan,
        "summary": state.compacted,
        "answer_so_far": state.answer,
        "steps": [
            {
                "did": one.action.call.name if one.action.call else one.action.kind,
                "with": one.action.call.arguments if one.action.call else one.action.text,
                "came": one.observation.text[:2000],
                "failed": one.observation.failed,
            }
            for one in state.taken[-MOST_SHOWN:]
        ],
        "used": state.used,
    }
    await wait_for(scene, "hand_off", key, shown, to=scene.spec.hand_off.to)


async def review(scene: Scene, did: Did, key: str) -> None:
    """Ask a person whether a call was made of which nobody knows. Raises: Parked."""
    shown = {
        "question": "This call was begun, and broke off. Was it done? Say `done` with what came of it, or `again`.",
        "tool": did.call.name if did.call else "",
        "arguments": did.call.arguments if did.call else None,
        "goal": scene.state.goal,
        "agent": scene.run.agent,
    }
    await wait_for(scene, "review", key, shown, to=scene.spec.approvals.approvers or APPROVER, lapses=False)


async def wait_for(scene: Scene, kind: Any, key: str, shown: Any, *, to: str = "", lapses: bool = True) -> None:
    """Wait for an answer of a person. Raises: Parked."""
    spec, now_ns = scene.spec.approvals, await scene.journal.now_ns()
    scene.park(
        Wait(
            kind=kind,
            key=key,
            shown=msgspec.json.encode(shown, order="sorted").decode(),
            to=to,
            until_ns=now_ns + round(spec.expires_s * 1e9) if lapses else 0,
            escalates_ns=now_ns + round(spec.escalate_s * 1e9) if spec.escalate_s else 0,
            escalate_to=spec.escalate_to if spec.escalate_s else "",
        )
    )


def answered(mail: list[Mail], wait: Wait) -> tuple[Any, str] | None:
    """What a person said to a wait, and who; None: nobody did in time."""
    for one in mail:
        if one.kind == "answer" and one.key == wait.key:
            return (msgspec.json.decode(one.body) if one.body else None), one.by
    return None


def told(body: Any) -> Any:
    """An answer without its wrapping: `{"text": …}` and `{"answer": …}` are what they hold."""
    if isinstance(body, dict):
        given = cast("dict[str, Any]", body)
        return next((given[name] for name in ("text", "answer", "result", "back", "done") if name in given), given)
    return body


async def reviewed(scene: Scene, wait: Wait, action: Action, mail: list[Mail]) -> Did | None:
    """What a person said of a call that broke off. None: it is to be made again."""
    said = answered(mail, wait)
    body, by = (None, "") if said is None else said
    again = body == "again" or (isinstance(body, dict) and bool(cast("dict[str, Any]", body).get("again")))
    return (
        await scene.step(f"reviewed {wait.key}", Reviewed, lambda: _reviewed(scene, action, body, by, again=again))
    ).did


class Reviewed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    did: Did | None = None


async def _reviewed(scene: Scene, action: Action, body: Any, by: str, *, again: bool) -> Reviewed:
    assert action.call is not None
    store, run = scene.doors.store, scene.run
    tool = scene.doors.tools.get(action.call.name)
    owner = f"{REVIEWED}{action.key}"
    intent = Intent(
        run=run.id, step=action.key, tool=action.call.name, digest=digest(action.call), owner=owner, at_ns=0
    )
    found = await aside(store.intend, intent)
    if found.outcome is not None:
        result = msgspec.json.decode(found.outcome, type=ToolResult)
        return Reviewed(did=observed(scene, action, tool, result, await _paid(scene, action, tool)))
    if again:
        await aside(store.review, run.id, action.key, None, by, owner, was=found.owner)
        return Reviewed()
    data = told(body)
    text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    result = ToolResult(text=text, data=None if isinstance(data, str) else data, origins=person(by))
    kept = await aside(store.review, run.id, action.key, msgspec.json.encode(result), by, owner, was=found.owner)
    if not kept:  # another process went on with it meanwhile: what it did is found when the call is to be made
        return Reviewed()
    return Reviewed(did=observed(scene, action, tool, result, await _paid(scene, action, tool)))


async def _paid(scene: Scene, action: Action, tool: Tool | None) -> Use:
    """Settle what was held for a call that a person spoke for: it is taken as made."""
    used = Use(tool_calls=1, money_nano_usd=0 if tool is None else tool.cost_nano_usd)
    grant = await scene.purse.hold(action.key, most_of(tool))
    if grant.short is None:
        await scene.purse.settle(grant, used)
    return used
