"""Scripted tool calls: a request says in words which of its tools the model shall call."""

import json
import re

from msgspec import Struct

from antiphon.core.error import BadRequest
from antiphon.providers.lab.chance import chance
from antiphon.providers.lab.instance import instance
from antiphon.providers.lab.request import Asked, Chat, Tool, ToolChoice
from antiphon.providers.lab.schema import Schema

CALLED = re.compile(r"\bcall\s+([\w-]+(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+)(?:call\s+)?[\w-]+)*)", re.IGNORECASE)
"""`call NAME`, `call NAME, NAME and NAME`."""
NAME = re.compile(r"[\w-]+")


class Call(Struct, frozen=True):
    """A tool that the answer asks for; `arguments` is JSON for a function, free text for a custom tool."""

    id: str
    kind: str
    name: str
    arguments: str


def calls(asked: Asked, seed: int, index: int) -> tuple[Call, ...]:
    """The tools that answer number `index` calls; none: it speaks.

    Tools are called when the request has some, doesn't end with a tool's result, and either requires
    or names one, or its last user message says `call NAME`. Raises: BadRequest.
    """
    chat = asked.chat
    if not chat.tools or asked.tool_results or chat.tool_choice == "none":
        return ()
    named = _named(chat.tool_choice, chat)
    if named is not None:
        chosen = [named]
    else:
        allowed = {tool.name: tool for tool in _allowed(chat.tools, chat.tool_choice)}
        lists = CALLED.findall(asked.last_user_text)
        names = [name for said in lists for name in NAME.findall(said) if name in allowed]
        chosen = [allowed[name] for name in names] or (list(allowed.values())[:1] if _required(chat) else [])
    if chat.parallel_tool_calls is False:
        chosen = chosen[:1]
    source = chance(seed, chat.model, asked.key, "tools", index)
    return tuple(_call(tool, f"call_lab{source.getrandbits(80):020x}") for tool in chosen)


def _call(tool: Tool, id_: str) -> Call:
    if tool.custom is not None:
        return Call(id_, "custom", tool.name, "lab")
    schema = tool.function.parameters if tool.function else None
    arguments = instance(schema) if schema not in (None, Schema()) else json.dumps({})
    return Call(id_, "function", tool.name, arguments)


def _required(chat: Chat) -> bool:
    choice = chat.tool_choice
    if isinstance(choice, ToolChoice):
        return choice.allowed_tools is not None and choice.allowed_tools.mode == "required"
    return choice == "required"


def _named(choice: str | ToolChoice | None, chat: Chat) -> Tool | None:
    """The one tool that `tool_choice` names. Raises: BadRequest when there is none of that name."""
    if not isinstance(choice, ToolChoice) or choice.allowed_tools is not None:
        return None
    wanted = choice.function or choice.custom
    for tool in chat.tools or []:
        if wanted is not None and tool.name == wanted.name:
            return tool
    name = wanted.name if wanted else ""
    raise BadRequest(f"tool_choice names the tool {name!r}, which is not among the tools", param="tool_choice")


def _allowed(tools: list[Tool], choice: str | ToolChoice | None) -> list[Tool]:
    if not isinstance(choice, ToolChoice) or choice.allowed_tools is None:
        return tools
    names = {tool.name for tool in choice.allowed_tools.tools}
    return [tool for tool in tools if tool.name in names]
