"""Mistakes in an agent that show only beside other documents, and across its own fields."""

import re
from collections.abc import Iterator
from typing import get_args

from antiphon.agents.documents.document import AgentSpec, Document
from antiphon.agents.documents.library import Library, Wrong, near
from antiphon.agents.documents.taking import unusable
from antiphon.agents.loop.conditions import mistakes
from antiphon.core.run import Stop
from antiphon.recipes.schema import BadSchema, JsonSchema

SPEC = "spec"
AGENT = "agent/"
REMOTE = "a2a/"
CODE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
STOPS: tuple[str, ...] = get_args(Stop)
LATEST = "latest"


def check_agent(document: Document, library: Library) -> Iterator[Wrong]:
    """What is wrong, by place."""
    spec = document.spec
    assert isinstance(spec, AgentSpec)
    yield from _models(spec, library)
    yield from _prompt(spec, document, library)
    yield from _tools(spec, library)
    yield from _children(spec, document, library)
    yield from _bounds(spec)
    yield from _form(spec)


def _models(spec: AgentSpec, library: Library) -> Iterator[Wrong]:
    if library.models is None:
        return
    agents = {AGENT + name for name in library.names("Agent")}
    names = {*library.models, *agents}
    for role, name in spec.models.items():
        if name not in names:
            yield (SPEC, "models", role), f"no model is called {name!r}", near(name, library.models, "model")
    if "act" not in spec.models and "auto" not in names and not spec.code:
        remedy = f"write `act:` with one of {', '.join(sorted(library.models))}"
        yield (SPEC, "models"), "`act` is missing, and there is no model `auto` that would stand in", remedy


def split_prompt(named: str) -> tuple[str, str]:
    """Name and version; an empty version is the newest."""
    name, _, version = named.partition("@")
    return name, "" if version == LATEST else version


def _prompt(spec: AgentSpec, document: Document, library: Library) -> Iterator[Wrong]:
    if not spec.prompt:
        return
    path = (SPEC, "prompt")
    name, version = split_prompt(spec.prompt)
    if "@" not in spec.prompt:
        yield path, f"{spec.prompt!r} says no version", f"write `{name}@VERSION`, or `{name}@{LATEST}`"
    elif (prompt := library.one("Prompt", name)) is None or prompt.metadata.tenant not in (
        "",
        document.metadata.tenant,
    ):
        yield path, f"no Prompt is called {name!r}", near(name, library.names("Prompt"), "document of kind Prompt")
    elif library.one("Prompt", name, version) is None:
        there = [one.version for one in library.documents if (one.kind, one.name) == ("Prompt", name)]
        yield path, f"the Prompt {name} has no version {version!r}", near(version, there, "version")
    if spec.instructions:
        yield (SPEC, "instructions"), "stands beside `prompt`", "keep one of them"


def _tools(spec: AgentSpec, library: Library) -> Iterator[Wrong]:
    places = [((SPEC, "tools", at), name) for at, name in enumerate(spec.tools)]
    places += [((SPEC, "approvals", "tools", at), name) for at, name in enumerate(spec.approvals.tools)]
    for done, undo in spec.children.compensate.items():
        places += [((SPEC, "children", "compensate", done), done), ((SPEC, "children", "compensate", done), undo)]
    for path, name in places:
        if not library.has_tool(name):
            what = "begins so" if name.endswith("*") else "is called that"
            yield path, f"no tool {what}: {name!r}", near(name, library.tools(), "document of kind Tool")


def _children(spec: AgentSpec, document: Document, library: Library) -> Iterator[Wrong]:
    for at, name in enumerate(spec.children.agents):
        path = (SPEC, "children", "agents", at)
        remote = name.startswith(REMOTE)
        kind, bare = ("RemoteAgent", name.removeprefix(REMOTE)) if remote else ("Agent", name)
        if library.one(kind, bare) is None:
            remedy = near(bare, library.names(kind), f"document of kind {kind}")
            yield path, f"no {kind} is called {bare!r}", remedy
        elif not remote and bare == document.name:
            yield path, "is this agent itself", "leave it out"
    offered = {skill.id for one in library.documents if one.kind == "Agent" for skill in one.spec.skills}
    if not library.names("RemoteAgent"):
        for at, skill in enumerate(spec.children.skills):
            if skill not in offered:
                remedy = near(skill, offered, "agent with a skill")
                yield (SPEC, "children", "skills", at), f"no agent has the skill {skill!r}", remedy


def _bounds(spec: AgentSpec) -> Iterator[Wrong]:
    envelope = spec.envelope
    if envelope.usd is not None and not 0 < envelope.usd <= 1_000_000:
        yield (SPEC, "envelope", "usd"), f"is {envelope.usd:g}", "write a number above 0, up to 1000000"
    if envelope.tokens is not None and envelope.tokens < 1:
        yield (SPEC, "envelope", "tokens"), f"is {envelope.tokens}", "write a whole number, 1 or more"
    for at, stop in enumerate(spec.hand_off.on):
        if stop not in STOPS:
            yield (SPEC, "hand_off", "on", at), f"there is no stop {stop!r}", near(stop, STOPS, "stop")
    approvals = spec.approvals
    if bool(approvals.escalate_to) != bool(approvals.escalate_s):
        path = (SPEC, "approvals", "escalate_to" if approvals.escalate_s else "escalate_s")
        yield path, "escalation needs both `escalate_s` and `escalate_to`", "write both, or neither"
    elif approvals.escalate_s >= approvals.expires_s:
        path = (SPEC, "approvals", "escalate_s")
        yield path, "the question has lapsed by then", f"write less than `expires_s`, {approvals.expires_s:g}"


def _form(spec: AgentSpec) -> Iterator[Wrong]:
    if spec.output.schema is not None:
        try:
            JsonSchema(spec.output.schema)
        except BadSchema as error:
            yield (SPEC, "output", "schema"), str(error), "write a JSON Schema 2020-12"
    if spec.input is not None and (why := unusable(spec.input)):
        yield (SPEC, "input"), why, "write a JSON Schema 2020-12 of an object"
    for at, wrong in mistakes(spec):
        yield (
            (SPEC, "verify", "checks", at),
            wrong,
            "write a condition on `answer`, `answer.FIELD`, `goal` or `results`",
        )
    if spec.code and CODE.fullmatch(spec.code) is None:
        yield (SPEC, "code"), f"{spec.code!r} names no function", "write `MODULE:FUNCTION`"
    seen: set[str] = set()
    for at, skill in enumerate(spec.skills):
        if skill.id in seen:
            yield (SPEC, "skills", at, "id"), f"{skill.id!r} is there twice", "give this one another id"
        seen.add(skill.id)
