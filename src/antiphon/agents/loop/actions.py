"""What a model said, as actions. Pure."""

from typing import Any, cast

import msgspec
from msgspec import structs

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.loop.offer import (
    ASK_AGENT,
    ASK_PERSON,
    ASK_VALUE,
    ASKS,
    FINISH,
    HAND_OFF,
    OWN,
    READ_VALUE,
    REMEMBER,
    REPLAN,
    RUN_CODE,
    STEP_DONE,
)
from antiphon.agents.mind import Said
from antiphon.agents.state import Action, ActionKind
from antiphon.core.content import Part, Text
from antiphon.core.content import ToolCall as Called
from antiphon.core.tool import Origins, ToolCall
from antiphon.recipes.extract import last_json, strict_json

_KINDS: dict[str, ActionKind] = {
    FINISH: "finish",
    ASK_PERSON: "ask",
    HAND_OFF: "hand_off",
    ASK_AGENT: "agent",
    READ_VALUE: "read",
    ASK_VALUE: "read",
    REMEMBER: "remember",
    RUN_CODE: "code",
    STEP_DONE: "plan",
    REPLAN: "plan",
}
BROKEN = "~broken"
"""Stands among the arguments of a call whose arguments are no JSON object, with what is wrong."""


def actions(document: AgentDocument, said: Said, step: int, alone: tuple[str, ...], origins: Origins) -> list[Action]:
    """Actions in the order of the calls; a text without calls finishes. Empty: it said nothing.

    Args:
        alone: Tools that are not begun beside others.
        origins: Of everything that the model saw.
    """
    if said.calls:
        return [_action(call, f"{step}.{place}", alone, origins) for place, call in enumerate(said.calls, 1)]
    if not said.text.strip():
        return []
    data: Any = said.text
    if document.spec.output.schema is not None:
        found = last_json(said.text)
        data = said.text if found is None else found[0]
    return [Action(kind="finish", key=f"{step}.1", text=said.text, data=data, origins=origins)]


def _action(called: Called, key: str, alone: tuple[str, ...], origins: Origins) -> Action:
    arguments = _arguments(called)
    call = ToolCall(id=called.id or key, name=called.name, arguments=arguments)
    if called.name.startswith(ASKS):
        given = msgspec.json.encode(arguments, order="sorted").decode()
        whom = called.name.removeprefix(ASKS)
        return Action(kind="agent", key=key, call=call, text=given, to=whom, origins=origins, alone=True)
    if called.name not in OWN:
        return Action(kind="tool", key=key, call=call, origins=origins, alone=called.name in alone)
    return Action(
        kind=_KINDS[called.name],
        key=key,
        call=call,
        text=_first(arguments, "task", "question", "reason", "text", "code", "result", "answer"),
        to=_first(arguments, "agent", "to", "scope"),
        data=arguments.get("answer") if called.name == FINISH else None,
        origins=origins,
        alone=True,
    )


def _arguments(called: Called) -> dict[str, Any]:
    if not called.arguments.strip():
        return {}
    found = strict_json(called.arguments) or last_json(called.arguments)
    if found is None:
        return {BROKEN: "the arguments are no JSON"}
    if not isinstance(found[0], dict):
        return {BROKEN: f"the arguments are {type(found[0]).__name__} and no JSON object"}
    return cast("dict[str, Any]", found[0])


def _first(arguments: dict[str, Any], *names: str) -> str:
    return next((str(arguments[name]) for name in names if arguments.get(name)), "")


def said_again(said: Said, step: int) -> tuple[Part, ...]:
    """The assistant's turn as the next call shows it: its text, and its calls with ids and with arguments that are JSON."""
    parts: list[Part] = [Text(text=said.text)] if said.text else []
    for place, call in enumerate(said.calls, 1):
        ok = not call.arguments.strip() or strict_json(call.arguments) is not None
        parts.append(structs.replace(call, id=call.id or f"{step}.{place}", arguments=call.arguments if ok else "{}"))
    return tuple(parts)
