"""Agents, runs and what happened in them, as the APIs give them."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.documents.document import AgentDocument, SkillSpec
from antiphon.control.instants import said
from antiphon.core.money import NanoUsd, as_usd
from antiphon.core.run import Barred, Run, RunEnvelope, RunEvent, Use, Wait

_json = msgspec.json.Decoder()


class ShownAgent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent."""

    name: str
    version: str
    model: str
    """Public name by which it can be asked as a model."""
    title: str
    description: str
    goal: str
    pattern: str
    digest: str
    versions: list[str]
    tools: list[str] = []
    skills: list[SkillSpec] = []
    tenant: str = ""
    labels: dict[str, str] = {}
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None


class ShownUse(Struct, frozen=True, kw_only=True):
    """What was used."""

    steps: int
    calls: int
    tool_calls: int
    tokens: int
    usd: str
    seconds: float
    input_tokens: int
    """Of `tokens`, as all below: what upstreams told by kind."""
    output_tokens: int
    cached_tokens: int
    """Of `input_tokens`; so is the next."""
    cache_write_tokens: int
    reasoning_tokens: int
    """Of `output_tokens`."""


class ShownWait(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run waits for."""

    kind: str
    key: str
    shown: Any = None
    """The exact action, the question, or the context of a hand-off."""
    approval: str = ""
    to: str = ""
    until: str = ""
    escalates: str = ""
    escalate_to: str = ""
    children: list[str] = []


class ShownRun(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run."""

    id: str
    object: str
    tenant: str = ""
    agent: str
    version: str
    digest: str = ""
    """SHA-256 of the text that it began under."""
    status: str
    by: str
    created: str
    stop: str = ""
    why: str = ""
    input: Any = None
    result: Any = None
    wait: ShownWait | None = None
    used: ShownUse
    envelope: RunEnvelope
    segment: int = 1
    parent: str = ""
    root: str = ""
    depth: int = 0
    session: str = ""
    trigger: str = ""
    priority: int = 5
    started: str = ""
    ended: str = ""
    updated: str = ""
    wakes: str = ""
    forked_from: str = ""
    data_class: str = "public"
    taken_by: str = ""


class ShownEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened in a run."""

    seq: int
    kind: str
    at: str
    at_ns: int
    body: Any = None


class ShownBarred(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent, tool or tenant that is switched off."""

    kind: str
    name: str
    tenant: str
    how: str
    by: str
    at: str
    why: str = ""


def shown_agent(one: AgentDocument, versions: list[str]) -> ShownAgent:
    """`versions`: all there are, the newest last."""
    meta, spec = one.metadata, one.spec
    return ShownAgent(
        name=one.name,
        version=one.version,
        model=f"agent/{one.name}",
        title=meta.title or one.name,
        description=meta.description or spec.goal,
        goal=spec.goal,
        pattern=spec.pattern,
        digest=one.digest,
        versions=versions,
        tools=spec.tools,
        skills=spec.skills,
        tenant=meta.tenant,
        labels=meta.labels,
        input=spec.input,
        output=spec.output.schema,
    )


def shown_run(run: Run, *, content: bool = True) -> ShownRun:
    """`content`: what it was given, what it answered, and what it shows people."""
    return ShownRun(
        id=run.id,
        object="agent.run",
        tenant=run.tenant,
        agent=run.agent,
        version=run.version,
        digest=run.digest,
        status=run.status,
        by=by_of(run),
        created=said(run.created_ns),
        stop=run.stop or "",
        why=run.why,
        input=_decoded(run.input) if content else None,
        result=_decoded(run.result) if content else None,
        wait=None if run.wait is None else _wait(run.wait, content=content),
        used=_use(run.used),
        envelope=run.envelope,
        segment=run.segment,
        parent=run.parent,
        root="" if run.root == run.id else run.root,
        depth=run.depth,
        session=run.session,
        trigger=run.trigger,
        priority=run.priority,
        started=_time(run.started_ns),
        ended=_time(run.ended_ns),
        updated=_time(run.updated_ns),
        wakes=_time(run.wake_ns),
        forked_from=run.forked_from,
        data_class=run.data_class,
        taken_by=run.taken_by,
    )


def shown_event(event: RunEvent, *, content: bool = True) -> ShownEvent:
    """`content`: its body too."""
    body = _decoded(event.body) if content else None
    return ShownEvent(seq=event.seq, kind=event.kind, at=said(event.at_ns), at_ns=event.at_ns, body=body)


def shown_barred(one: Barred) -> ShownBarred:
    return ShownBarred(
        kind=one.kind, name=one.name, tenant=one.tenant, how=one.how, by=one.by, at=said(one.at_ns), why=one.why
    )


def by_of(run: Run) -> str:
    """Who began a run, as records call them."""
    who = run.principal
    return f"user/{who.user}" if who.user else f"key/{who.key}"


def _wait(wait: Wait, *, content: bool) -> ShownWait:
    return ShownWait(
        kind=wait.kind,
        key=wait.key,
        shown=_shown(wait.shown) if content else None,
        approval=wait.approval,
        to=wait.to,
        until=_time(wait.until_ns),
        escalates=_time(wait.escalates_ns),
        escalate_to=wait.escalate_to,
        children=list(wait.children),
    )


def _use(used: Use) -> ShownUse:
    return ShownUse(
        steps=used.steps,
        calls=used.calls,
        tool_calls=used.tool_calls,
        tokens=used.tokens,
        usd=as_usd(NanoUsd(used.money_nano_usd)),
        seconds=round(used.seconds, 3),
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cached_tokens=used.cached_tokens,
        cache_write_tokens=used.cache_write_tokens,
        reasoning_tokens=used.reasoning_tokens,
    )


def _shown(text: str) -> Any:
    """What people see; as text where it is no JSON."""
    try:
        return _json.decode(text) if text else None
    except msgspec.DecodeError:
        return text


def _decoded(body: bytes) -> Any:
    return _json.decode(body) if body else None


def _time(at_ns: int) -> str:
    return said(at_ns) if at_ns else ""
