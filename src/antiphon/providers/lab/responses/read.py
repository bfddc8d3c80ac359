"""From a body of the Responses API to what was asked, refusing what the real one refuses.

Source: https://platform.openai.com/docs/api-reference/responses and /docs/guides/reasoning, read 2026-11.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.core.error import BadRequest
from antiphon.providers.lab.complaint import FIELDS, Complaint, read
from antiphon.providers.lab.decode import key_of
from antiphon.providers.lab.proof import PREFIX
from antiphon.providers.lab.request import (
    AllowedTools,
    Asked,
    Chat,
    Function,
    JsonSchema,
    Message,
    Part,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from antiphon.providers.lab.responses import request
from antiphon.providers.lab.responses.memory import Memory
from antiphon.providers.lab.responses.request import Body, Item

SEARCH = re.compile(r"\bsearch\b", re.IGNORECASE)
KINDS = {"input_image": "image_url", "input_file": "file", "input_audio": "input_audio"}
CALLS = ("function_call", "custom_tool_call")
OUTPUTS = ("function_call_output", "custom_tool_call_output")
PASSED = ("reasoning", "web_search_call", "item_reference", "compaction")
"""Items of which nothing is read here."""


class Read(Struct, frozen=True, kw_only=True):
    """What was asked, and what only an answer of this API depends on."""

    asked: Asked
    echo: dict[str, Any]
    """What the response repeats of its request."""
    encrypts: bool = False
    summarizes: bool = False
    searches: bool = False
    stores: bool = True
    history: tuple[Message, ...] = ()
    raws: tuple[bytes, ...] = ()


def read_response(raw: bytes, memory: Memory) -> Read:
    """Raises: BadRequest (400), Complaint."""
    body = read(request.BODY, raw)
    _check(body)
    history, raws, waiting = _before(body, memory)
    items = [request.Item(role="user", content=body.input)] if isinstance(body.input, str) else _items(body.input)
    own = [msgspec.json.encode(item) for item in items]
    _check_calls(items, waiting)
    messages = [*history, *(said for item, text in zip(items, own, strict=True) for said in _message(item, text))]
    texts = [*raws, *(text for item, text in zip(items, own, strict=True) for _ in _message(item, text))]
    if not messages:
        raise BadRequest("Missing required parameter: 'input'.", param="input")
    system = [Message("system", body.instructions)] if body.instructions else []
    fields = read(FIELDS, raw)
    tools, kinds = _tools(body.tools or [])
    asked = Asked(
        chat=_chat(body, tools),
        messages=(*system, *messages),
        raw_messages=(*(one.text.encode() for one in system), *texts),
        tools_bytes=len(bytes(fields["tools"])) if body.tools else 0,
        key=key_of(fields),
    )
    include = body.include or []
    searches = any(kind.startswith("web_search") for kind in kinds) and not asked.tool_results
    return Read(
        asked=asked,
        echo=_echo(body, fields),
        encrypts="reasoning.encrypted_content" in include,
        summarizes=body.reasoning is not None and body.reasoning.summary is not None,
        searches=searches and SEARCH.search(asked.last_user_text) is not None,
        stores=body.store is not False,
        history=tuple(messages),
        raws=tuple(texts),
    )


def _check(body: Body) -> None:
    if body.background:
        raise BadRequest("this lab runs nothing in the background", param="background")
    if body.conversation is not None:
        raise BadRequest("this lab keeps no conversations; use previous_response_id", param="conversation")
    if body.tool_choice is not None and body.tool_choice not in ("none", "auto") and not body.tools:
        raise BadRequest("Tool choice must be auto or none when no tools are given.", param="tool_choice")
    form = body.text.format if body.text is not None else None
    if form is not None and form.type == "json_schema" and (form.name is None or form.schema is None):
        missing = "name" if form.name is None else "schema"
        raise Complaint(f"text.format.{missing}", "missing", "")


def _before(body: Body, memory: Memory) -> tuple[tuple[Message, ...], tuple[bytes, ...], frozenset[str]]:
    if body.previous_response_id is None:
        return (), (), frozenset()
    kept = memory.find(body.previous_response_id)
    if kept is None:
        raise BadRequest(
            f"Previous response with id '{body.previous_response_id}' not found.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    return kept.messages, kept.raws, kept.calls


def _items(raws: Sequence[Raw]) -> list[Item]:
    items: list[Item] = []
    for place, raw in enumerate(raws):
        path = f"input[{place}]"
        item = read(request.ITEM, raw, path)
        match item.type:
            case "message" if item.role is None or item.content is None:
                raise Complaint(f"{path}.{'role' if item.role is None else 'content'}", "missing", "")
            case "message":
                _check_parts(item, path)
            case "function_call" if item.arguments is None or item.name is None or item.call_id is None:
                raise Complaint(f"{path}.{'name' if item.name is None else 'arguments'}", "missing", "")
            case "function_call_output" | "custom_tool_call_output" if item.call_id is None or item.output is None:
                raise Complaint(f"{path}.{'call_id' if item.call_id is None else 'output'}", "missing", "")
            case "reasoning":
                _check_reasoning(item, path)
            case kind if kind != "message" and kind not in (*CALLS, *OUTPUTS, *PASSED):
                raise BadRequest(f"Invalid value: '{kind}'.", code="invalid_value", param=f"{path}.type")
            case _:
                pass
        items.append(item)
    return items


def _check_parts(item: Item, path: str) -> None:
    """What the assistant said is `output_text`, what others said `input_text`."""
    if not isinstance(item.content, list):
        return
    wrong = (
        ("input_text", "input_image", "input_file", "input_audio")
        if item.role == "assistant"
        else ("output_text", "refusal")
    )
    for place, part in enumerate(item.content):
        if part.type in wrong:
            raise BadRequest(
                f"Invalid value: '{part.type}'.", code="invalid_value", param=f"{path}.content[{place}].type"
            )


def _check_reasoning(item: Item, path: str) -> None:
    if item.summary is None:
        raise Complaint(f"{path}.summary", "missing", "")
    if item.encrypted_content is not None and not item.encrypted_content.startswith(PREFIX):
        raise BadRequest(
            f"The encrypted content for item {item.id} could not be verified.",
            code="invalid_encrypted_content",
            param=path,
        )


def _check_calls(items: Sequence[Item], waiting: frozenset[str]) -> None:
    """Every output has its call, and every call its output."""
    called = set(waiting) | {item.call_id or "" for item in items if item.type in CALLS}
    answered = {item.call_id or "" for item in items if item.type in OUTPUTS}
    for id_ in sorted(answered - called):
        raise BadRequest(f"No tool call found for function call output with call_id {id_}.", param="input")
    for id_ in sorted(called - answered):
        raise BadRequest(f"No tool output found for function call {id_}.", param="input")


def _message(item: Item, raw: bytes) -> list[Message]:
    match item.type:
        case "message":
            return [Message(item.role or "user", _spoken(item.content))]
        case "function_call" | "custom_tool_call":
            return [Message("assistant", tool_calls=[Raw(raw)])]
        case "function_call_output" | "custom_tool_call_output":
            return [Message("tool", _spoken(item.output), item.call_id)]
        case _:
            return []


def _spoken(content: str | list[request.Part] | None) -> str | list[Part] | None:
    if not isinstance(content, list):
        return content
    return [Part(KINDS.get(part.type, "text"), part.text if part.refusal is None else part.refusal) for part in content]


def _tools(raws: Sequence[Raw]) -> tuple[list[Tool], list[str]]:
    tools: list[Tool] = []
    kinds: list[str] = []
    for place, raw in enumerate(raws):
        tool = read(request.TOOL, raw, f"tools[{place}]")
        kinds.append(tool.type)
        if tool.type in ("function", "custom"):
            if not tool.name:
                raise Complaint(f"tools[{place}].name", "missing", "")
            named = Function(tool.name, tool.parameters)
            tools.append(Tool("custom", custom=named) if tool.type == "custom" else Tool("function", named))
    return tools, kinds


def _chat(body: Body, tools: list[Tool]) -> Chat:
    form = body.text.format if body.text is not None else None
    return Chat(
        model=body.model,
        messages=[Raw(b"{}")],
        stream=body.stream,
        max_tokens=body.max_output_tokens,
        tools=tools or None,
        tool_choice=_choice(body.tool_choice) if tools else None,
        parallel_tool_calls=body.parallel_tool_calls,
        response_format=ResponseFormat(form.type, JsonSchema(form.name or "", form.schema))
        if form is not None
        else None,
        reasoning_effort=body.reasoning.effort if body.reasoning is not None else None,
        metadata=body.metadata,
    )


def _choice(choice: str | request.ToolChoice | None) -> str | ToolChoice | None:
    if not isinstance(choice, request.ToolChoice):
        return choice
    if choice.type == "allowed_tools":
        chosen = [Tool("function", Function(tool.name)) for tool in choice.tools]
        return ToolChoice("allowed_tools", allowed_tools=AllowedTools(choice.mode, chosen))
    return ToolChoice("function", Function(choice.name)) if choice.type in ("function", "custom") else "auto"


def _echo(body: Body, fields: dict[str, Raw]) -> dict[str, Any]:
    return {
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "reasoning": fields.get("reasoning") or {"effort": None, "summary": None},
        "store": body.store is not False,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": fields.get("text") or {"format": {"type": "text"}},
        "tool_choice": fields.get("tool_choice") or "auto",
        "tools": fields.get("tools") or [],
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "truncation": body.truncation or "disabled",
        "background": False,
    }
