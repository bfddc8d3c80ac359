"""Beginning a child: who it is, what it may use, what it is told."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.pinned import pins
from antiphon.agents.documents.taking import taken
from antiphon.agents.envelope import envelope_of, tightened
from antiphon.agents.gate import Ruling
from antiphon.agents.loop import shared
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.observations import fingerprint
from antiphon.agents.loop.offer import named
from antiphon.agents.loop.scene import Scene
from antiphon.agents.loop.shapes import listed, mapping
from antiphon.agents.state import Action, Value
from antiphon.core.data_class import DataClass, highest
from antiphon.core.error import AntiphonError, NotAllowed
from antiphon.core.ids import Uuid7
from antiphon.core.run import Run, RunEnvelope, Stop, Use
from antiphon.core.tool import ToolResult

ABOVE = "_above"
"""Stands in a child's input for what its parent hands down: where the task comes from, the runs above, values by reference."""
SHARE = "share"
"""Stands in the State's notes for the part of the envelope that each child may use at most, where a pattern shares it out."""
REMOTE = "a2a/"
REMOTE_S = 600.0
"""The longest that a task of a remote agent may take."""


class Begun(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a child that was to begin, as it is written down."""

    name: str = ""
    run: str = ""
    """Empty: none was begun."""
    gone: str = ""
    """Why whoever began the run may call no more."""
    failed: str = ""
    say: str = ""
    short: Stop | None = None
    ruling: Ruling | None = None
    """Where it was not allowed."""
    result: ToolResult | None = None
    """A remote agent has done it already."""
    used: Use = Use()


def names(scene: Scene, action: Action, tried: tuple[str, ...]) -> list[str]:
    """Who could do it, the best first, but for those that tried. Asked inside journalled work alone."""
    children, principal = scene.spec.children, scene.caller
    if action.to and action.to not in tried:
        known = named(children.agents, action.to) or set(_skills(scene, action.to)) & set(children.skills)
        return [action.to] if known else []
    skill = skill_of(action)
    allowed = {skill} if skill in children.skills else set[str]()
    if not skill and action.to:  # another in the place of one that was named
        allowed = set(_skills(scene, action.to))
    found = list(_skilled(scene, sorted(allowed)))
    may = [one for one in found if skill or named(children.agents, one) or allowed & set(children.skills)]
    return [one for one in dict.fromkeys(may) if one not in tried and one != scene.run.agent and _asks(principal, one)]


def _asks(principal: Any, name: str) -> bool:
    return bool(principal.may_ask(f"agent/{name}"))


def skill_of(action: Action) -> str:
    """The skill that is asked for in place of a name."""
    return str(action.call.arguments.get("skill") or "") if action.call is not None else ""


def _skills(scene: Scene, name: str) -> tuple[str, ...]:
    registry = scene.doors.registry
    known = None if registry is None else registry.known(name, scene.caller)
    if known is not None:
        return known.skills
    document = scene.doors.shelf().agent(name)
    return () if document is None else tuple(one.id for one in document.spec.skills)


def _skilled(scene: Scene, skills: list[str]) -> Iterator[str]:
    for skill in skills:
        if scene.doors.registry is not None:
            yield from (one.name for one in scene.doors.registry.find(skill, scene.caller) if one.healthy)
        else:
            shelf = scene.doors.shelf().visible(scene.caller)
            yield from (one.name for one in shelf if skill in [has.id for has in one.spec.skills])


async def begin(scene: Scene, action: Action, attempt: int, tried: tuple[str, ...]) -> Begun:
    """Begin a child for an action. The work of one journalled step."""
    if gone := scene.look():
        return Begun(gone=gone)
    candidates = names(scene, action, tried)
    if not candidates:
        whom = action.to or skill_of(action) or "nobody"
        return Begun(
            failed="not_found", say=f"there is nobody to ask for it: {whom}; ask one of those that are offered"
        )
    name = candidates[0]
    if scene.run.envelope.depth < 1:
        return Begun(name=name, short="depth")
    barred = await scene.switches.barred("agent", name, scene.run.tenant)
    if barred is not None:
        return Begun(name=name, failed="quarantined", say=f"the agent {name} is {barred.how}")
    ruling = scene.gate.rule(structs.replace(action, to=name), None, scene.state)
    if ruling.ruled == "refuse" or (ruling.ruled == "approve" and action.key not in scene.state.allowed_once):
        return Begun(name=name, ruling=ruling, failed="refused", say=ruling.say or "it is not allowed")
    if name.startswith(REMOTE):
        return await _remote(scene, action, name, attempt)
    document = scene.doors.shelf().agent(name)
    if document is None or document.metadata.tenant not in ("", scene.run.tenant):
        return Begun(name=name, failed="not_found", say=f"there is no agent {name}")
    try:
        _may(scene, document)
        return await aside(_begin, scene, action, document, attempt)
    except AntiphonError as error:
        return Begun(name=name, failed=error.said_code, say=error.message)


def _may(scene: Scene, document: AgentDocument) -> None:
    """Whether the run's caller may have a run of it. Raises: PolicyDenied, NotAllowed."""
    principal, name = scene.caller, f"agent/{document.name}"
    if not principal.may_ask(name):
        raise NotAllowed(f"the caller's key may not ask for {name}; add it to the key's `models`")
    if scene.doors.may is not None:
        scene.doors.may(principal, document, _class_of(scene, document))


def _class_of(scene: Scene, document: AgentDocument) -> DataClass:
    """The least data class of a child."""
    return highest(scene.state.data_class, document.spec.data_class)


def _begin(scene: Scene, action: Action, document: AgentDocument, attempt: int) -> Begun:
    run, state, doors = scene.run, scene.state, scene.doors
    given: dict[str, Any] = told(scene, action)
    if document.spec.input is not None:
        given = taken(document, given if action.kind == "hand_off" else action.text)
    spec = envelope_of(document.spec.envelope)
    envelope = tightened(spec, structs.replace(run.envelope, depth=run.envelope.depth - 1))
    envelope = shared_out(envelope, state.notes.get(SHARE, 1.0))
    child = Uuid7(doors.clock).new()
    values = {
        handle: shared.hand_over(doors.store, doors.clock, run, handle, value, child)
        for handle, kept in _handed(scene, action).items()
        if (value := kept if kept.text else shared.read(doors.store, doors.clock, run, kept.ref)) is not None
    }
    above: dict[str, Any] = {
        "origins": msgspec.to_builtins(action.origins),
        "lineage": [*state.lineage, run.id],
        "chain": list(state.chain),
        "values": msgspec.to_builtins(values),
    }
    made = Run(
        id=child,
        tenant=run.tenant,
        agent=document.name,
        version=document.version,
        digest=document.text,
        pins=pins(doors.shelf(), document, run.tenant),
        principal=run.principal,
        created_ns=doors.clock.now_ns(),
        updated_ns=doors.clock.now_ns(),
        parent=run.id,
        root=run.root or run.id,
        depth=run.depth + 1,
        session=run.session,
        once=f"{run.id}/{action.key}~{attempt}",
        priority=run.priority,
        envelope=envelope,
        data_class=_class_of(scene, document),
        trace=doors.spans.within(run),
        input=msgspec.json.encode({**given, ABOVE: above}),
    )
    found = doors.store.begin(made)
    if found.id != child:  # it was begun before the process died
        return Begun(name=document.name, run=found.id)
    return Begun(name=document.name, run=child)


def shared_out(envelope: RunEnvelope, share: float) -> RunEnvelope:
    """A part of an envelope; at least one of each."""
    if share >= 1:
        return envelope
    tokens, money = envelope.tokens, envelope.money_nano_usd
    return structs.replace(
        envelope,
        steps=max(1, int(envelope.steps * share)),
        calls=max(1, int(envelope.calls * share)),
        tool_calls=int(envelope.tool_calls * share),
        tokens=None if tokens is None else int(tokens * share),
        money_nano_usd=None if money is None else int(money * share),
    )


def _handed(scene: Scene, action: Action) -> dict[str, Value]:
    """Values that a child may read: those that were named; of a hand-off or without isolation, all."""
    values = {handle: value for handle, value in scene.state.values.items() if value.text or value.ref}
    if action.kind == "hand_off" or not scene.spec.children.isolate:
        return values
    asked = listed(action.call.arguments.get("handles")) if action.call is not None else []
    handles = [str(one).strip("[] ") for one in asked]
    return {handle: values[handle] for handle in handles if handle in values}


def told(scene: Scene, action: Action) -> dict[str, Any]:
    """What a child is told: its task; of a hand-off, all that its predecessor knew."""
    state = scene.state
    if action.kind != "hand_off":
        return {"goal": action.text, **mapping(action.data)}
    known = {"why": action.text, "summary": state.compacted, "inputs": state.inputs}
    return {"goal": state.goal, "handed_over": known}


async def _remote(scene: Scene, action: Action, name: str, attempt: int) -> Begun:
    """Let a remote agent do it, as a tool would."""
    remote, short = scene.doors.remote, name.removeprefix(REMOTE)
    if remote is None or short not in remote.names():
        return Begun(name=name, failed="not_found", say=f"there is no remote agent {short}")
    tokens, money = remote.most(short)
    if money is None and scene.run.envelope.money_nano_usd is not None:
        return Begun(name=name, short="money")
    key = f"{action.key}~{attempt}"
    most = Use(calls=1, tokens=tokens, money_nano_usd=money or 0, seconds=REMOTE_S)
    grant = await scene.purse.hold(key, most)
    if grant.short is not None:
        return Begun(name=name, short=grant.short)
    result = await remote.ask(
        short, action.text, mapping(action.data) or None, scene.context(key, grant.most.seconds, action.origins)
    )
    used = Use(calls=1, tokens=tokens, money_nano_usd=result.cost_nano_usd, seconds=result.took_us / 1e6)
    await scene.purse.settle(grant, used)
    return Begun(name=name, result=result, used=used)


def circle(scene: Scene, action: Action) -> str:
    """Why asking this agent would go round in a circle; empty: it doesn't. Pure."""
    whom, chain = action.to, scene.state.chain
    if not whom:
        return ""
    again = f"{whom}:{fingerprint(action.text, None)}"
    if again in chain:
        return f"{whom} was asked for the very same further up"
    names = [*(one.partition(":")[0] for one in chain), whom]
    pairs = [*pairwise(names)]
    times = pairs.count((scene.run.agent, whom))
    if times > scene.spec.stops.cycle:
        return f"{scene.run.agent} and {whom} hand over to each other for the {times}th time"
    return ""
