"""Tools that the loop itself offers to models beside the agent's own."""

from collections.abc import Iterable
from typing import Any

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.doors import Doors
from antiphon.agents.state import State
from antiphon.core.content import Tool as ToolShown
from antiphon.core.tool import Tool

FINISH, ASK_PERSON, HAND_OFF, ASK_AGENT = "finish", "ask_person", "hand_off", "ask_agent"
READ_VALUE, ASK_VALUE, REMEMBER, RUN_CODE = "read_value", "ask_value", "remember", "run_code"
STEP_DONE, REPLAN = "step_done", "replan"
OWN = frozenset({FINISH, ASK_PERSON, HAND_OFF, ASK_AGENT, READ_VALUE, ASK_VALUE, REMEMBER, RUN_CODE, STEP_DONE, REPLAN})
"""A tool of one of these names is never reached: the loop's own goes first."""
ASKS = f"{ASK_AGENT}__"
"""Before the name of an agent with an `input`: a tool that asks it, whose arguments are that input."""
MOST_NAME = 64
"""Of a tool; an agent with a longer one is asked by `ask_agent`, with its input as the task."""
TEXT: dict[str, Any] = {"type": "string"}


def named(patterns: Iterable[str], name: str) -> bool:
    """Whether a name is one of these; `*` at the end stands for any ending."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else one == name for one in patterns)


def is_own(name: str) -> bool:
    """Whether a tool is the loop's."""
    return name in OWN or name.startswith(ASKS)


def agent_tools(doors: Doors, document: AgentDocument, tenant: str) -> list[Tool]:
    """The agent's own tools as they are at present, by name; another tenant's are not among them."""
    tools = doors.tools
    mine = (name for name in tools.names() if named(document.spec.tools, name) and tools.tenant(name) in ("", tenant))
    found = (tools.get(name) for name in mine)
    return [one for one in found if one is not None and not is_own(one.name)]


def offered(doors: Doors, document: AgentDocument, state: State, tenant: str) -> list[ToolShown]:
    """All that a model may call at present. Asked inside journalled work alone: what there is may change."""
    tools = (
        [] if document.spec.pattern == "code" and doors.sandbox is not None else agent_tools(doors, document, tenant)
    )
    shown = [ToolShown(name=one.name, description=one.description, parameters=one.parameters) for one in tools]
    return [*shown, *_own(doors, document, state), *_asks(doors, document, tenant)]


def _own(doors: Doors, document: AgentDocument, state: State) -> list[ToolShown]:
    spec = document.spec
    found = [_finish(document), _ASK_PERSON, _hand_off(document)]
    if spec.children.agents or spec.children.skills:
        found.append(_ask_agent(document))
    if any(one.text or one.ref for one in state.values.values()):
        quarantined = spec.safety.untrusted == "quarantine"
        found += [_READ_VALUE, _ASK_VALUE] if quarantined else [_READ_VALUE]
    if spec.memory.scopes and doors.memory is not None:
        found.append(_remember(document))
    if spec.pattern == "code" and doors.sandbox is not None:
        found.append(_RUN_CODE)
    if spec.pattern == "plan" and state.plan is not None:
        found += [_STEP_DONE, _REPLAN]
    return found


def _tool(name: str, description: str, properties: dict[str, Any], required: list[str]) -> ToolShown:
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return ToolShown(name=name, description=description, parameters=parameters)


def _finish(document: AgentDocument) -> ToolShown:
    schema = document.spec.output.schema or {**TEXT, "description": "The answer, complete, as it is given out."}
    return _tool(FINISH, "Give the answer, once the goal is reached. Call it alone.", {"answer": schema}, ["answer"])


def _hand_off(document: AgentDocument) -> ToolShown:
    to = f" An agent ({', '.join(document.spec.children.agents)}) or `person`." if document.spec.children.agents else ""
    return _tool(
        HAND_OFF,
        f"Give the whole task to somebody else who goes on in your place.{to}",
        {
            "reason": {**TEXT, "description": "Why, and what is still to be done."},
            "to": {**TEXT, "description": "Default: a person."},
        },
        ["reason"],
    )


def _ask_agent(document: AgentDocument) -> ToolShown:
    children = document.spec.children
    whom = [f"Agents: {', '.join(children.agents)}."] if children.agents else []
    whom += [f"Skills: {', '.join(children.skills)}."] if children.skills else []
    return _tool(
        ASK_AGENT,
        f"Let another agent do a part of the task. {' '.join(whom)}",
        {
            "task": {**TEXT, "description": "All that it has to know: it sees nothing else."},
            "agent": {**TEXT, "description": "Its name."},
            "skill": {**TEXT, "description": "In place of a name: what it has to be good at."},
            "handles": {"type": "array", "items": TEXT, "description": "Values that it may read, such as r3.1."},
        },
        ["task"],
    )


def _asks(doors: Doors, document: AgentDocument, tenant: str) -> list[ToolShown]:
    """A tool for each agent that may be asked and takes an `input`."""
    shelf, found = doors.shelf(), list[ToolShown]()
    for name in document.spec.children.agents:
        child, tool = shelf.agent(name), ASKS + name
        if child is None or child.spec.input is None or child.metadata.tenant not in ("", tenant):
            continue
        if len(tool) <= MOST_NAME:
            said = child.metadata.description or child.spec.goal
            found.append(
                ToolShown(name=tool, description=f"Let the agent {name} do this: {said}", parameters=child.spec.input)
            )
    return found


def _remember(document: AgentDocument) -> ToolShown:
    scopes: list[str] = list(document.spec.memory.scopes)
    return _tool(
        REMEMBER,
        "Keep something for later runs: a fact that will matter again, in one sentence.",
        {"text": TEXT, "scope": {"enum": scopes}},
        ["text"],
    )


_ASK_PERSON = _tool(
    ASK_PERSON,
    "Ask a person something that only they can tell. The answer may take long.",
    {
        "question": TEXT,
        "options": {"type": "array", "items": TEXT, "description": "Answers to choose from, where there are such."},
    },
    ["question"],
)
_READ_VALUE = _tool(
    READ_VALUE,
    "Read a part of a result that was cut, by its handle.",
    {
        "handle": TEXT,
        "offset": {"type": "integer", "minimum": 0, "description": "Character to begin at. Default 0."},
        "find": {**TEXT, "description": "Read around the first place of this text instead."},
    },
    ["handle"],
)
_ASK_VALUE = _tool(
    ASK_VALUE,
    "Ask something about a result that you can't see: a model without tools reads it and answers.",
    {
        "handle": TEXT,
        "question": TEXT,
        "form": {"enum": ["yes_no", "number", "date", "choice", "text"], "description": "Default text."},
        "options": {"type": "array", "items": TEXT, "description": "For the form `choice`."},
    },
    ["handle", "question"],
)
_RUN_CODE = _tool(RUN_CODE, "Run a Python program that may call the tools.", {"code": TEXT}, ["code"])
_STEP_DONE = _tool(
    STEP_DONE,
    "Say that the present step of the plan is done.",
    {"result": {**TEXT, "description": "What came of it."}},
    ["result"],
)
_REPLAN = _tool(REPLAN, "Ask for another plan, where this one no longer fits.", {"reason": TEXT}, ["reason"])
