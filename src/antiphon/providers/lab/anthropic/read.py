"""From a body of Anthropic's Messages API to what was asked, refusing what the real one refuses.

Source: https://platform.claude.com/docs/en/api/messages and the guides beside it, read 2026-11.
"""

import re
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from antiphon.core.error import BadRequest
from antiphon.providers.lab.anthropic import request, turns
from antiphon.providers.lab.anthropic.turns import Turn
from antiphon.providers.lab.complaint import FIELDS, NAMED, Complaint, read
from antiphon.providers.lab.count import tokens, tokens_of_bytes
from antiphon.providers.lab.decode import key_of, without_last
from antiphon.providers.lab.request import (
    Asked,
    Chat,
    Function,
    JsonSchema,
    Message,
    ResponseFormat,
    Tool,
    ToolChoice,
    Unit,
)

BUILT_IN = re.compile(
    r"(web_search|web_fetch|code_execution|bash|text_editor|memory|computer|browser_toolset|computer_toolset|"
    r"tool_search_tool_bm25|tool_search_tool_regex)_20\d{6}"
)
BETA_FIELDS = ("output_format", "context_management", "mcp_servers")
"""Fields that are known only where the header anthropic-beta is there."""
NULL = b"null"
REDACT = "lab:redact-thinking"
"""A last user message with these words gets its thoughts redacted."""
SEARCH = re.compile(r"\bsearch\b", re.IGNORECASE)
"""A last user message with this word makes the model search, where it may."""


class Read(Struct, frozen=True, kw_only=True):
    """What was asked, and what only Anthropic's own answer depends on."""

    asked: Asked
    redacts: bool = False
    omits: bool = False
    """Thoughts are shown by their proof alone."""
    searches: bool = False


def body_of(raw: bytes, *, count: bool) -> request.Count:
    """The fields. Raises: Complaint, BadRequest."""
    if raw.lstrip()[:1] != b"{":
        raise BadRequest("The request body is not valid JSON: an object was expected")
    return read(request.COUNT, raw) if count else read(request.BODY, raw)


def read_messages(raw: bytes, body: request.Count, *, beta: bool) -> Read:
    """Raises: BadRequest (400) in the API's own words, Complaint."""
    fields = read(FIELDS, raw)
    if not beta:
        for name in BETA_FIELDS:
            if name in fields and bytes(fields[name]) != NULL:
                raise Complaint(name, "unknown", "")
    found = turns.turns(body.messages)
    _check_settings(body, found)
    tools, tool_units = _tools(body.tools or [])
    system, system_units = _system(body.system)
    messages, raws = turns.messages_of(found)
    units = (*tool_units, *system_units, *turns.units_of(found))
    _check_marks(body, units)
    start = _start(found)
    asked = Asked(
        chat=_chat(body, tools),
        messages=(*system, *messages),
        raw_messages=(*(unit.raw for unit in system_units), *raws),
        tools_bytes=0,
        key=key_of(fields),
        start=start,
        key_before=key_of({**fields, "messages": without_last(fields["messages"], body.messages[-1])}) if start else "",
        size=sum(unit.tokens for unit in units),
        units=_marked(body, units),
    )
    text = asked.last_user_text
    fresh = not asked.tool_results and found[-1].role == "user"
    return Read(
        asked=asked,
        redacts=REDACT in text,
        omits=body.thinking is not None and body.thinking.display == "omitted",
        searches=fresh and SEARCH.search(text) is not None and any(tool.type == "web_search" for tool in tools),
    )


def _check_settings(body: request.Count, found: list[Turn]) -> None:
    """Raises: BadRequest."""
    thinking = body.thinking
    if body.tool_choice is not None and not body.tools:
        raise BadRequest("tool_choice: may only be specified while providing tools")
    if body.tool_choice is not None and body.tool_choice.type == "tool" and not body.tool_choice.name:
        raise BadRequest("tool_choice.tool.name: Field required")
    if isinstance(body, request.Body):
        _check_stops(body.stop_sequences or [])
        if thinking is not None and thinking.type == "enabled":
            _check_thinking(body, thinking)
    if thinking is not None and thinking.type == "enabled":
        turns.check_thoughts(found)
    last = found[-1].blocks[-1].block if found[-1].blocks else None
    if found[-1].role == "assistant" and isinstance(last, request.Text) and last.text != last.text.rstrip():
        raise BadRequest("messages: final assistant content cannot end with trailing whitespace")


def _check_stops(stops: list[str]) -> None:
    for stop in stops:
        if not stop.strip():
            raise BadRequest("stop_sequences: each stop sequence must contain non-whitespace")


def _check_thinking(body: request.Body, thinking: request.ThinkingConfig) -> None:
    if thinking.budget_tokens is None:
        raise BadRequest("thinking.enabled.budget_tokens: Field required")
    if body.max_tokens <= thinking.budget_tokens:
        raise BadRequest("`max_tokens` must be greater than `thinking.budget_tokens`")
    if body.temperature not in (None, 1):
        raise BadRequest("`temperature` may only be set to 1 when thinking is enabled")
    if body.top_k is not None:
        raise BadRequest("`top_k` must be unset when thinking is enabled")
    if body.tool_choice is not None and body.tool_choice.type in ("any", "tool"):
        raise BadRequest("Thinking may not be enabled when tool_choice forces tool use.")


def _tools(raws: list[Raw]) -> tuple[list[Tool], list[Unit]]:
    tools: list[Tool] = []
    units: list[Unit] = []
    for place, raw in enumerate(raws):
        path = f"tools.{place}"
        kind = read(NAMED, raw, path).type
        if kind in (None, "custom"):
            own = read(request.TOOL, raw, f"{path}.custom")
            tools.append(Tool("function", Function(own.name, own.input_schema)))
            mark = own.cache_control
        else:
            built_in = BUILT_IN.fullmatch(kind)
            if built_in is None:
                raise BadRequest(
                    f"{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
                )
            theirs = read(request.BUILT_IN, raw, path)
            tools.append(_built_in(built_in.group(1), theirs.name))
            mark = theirs.cache_control
        units.append(Unit(bytes(raw), tokens_of_bytes(len(bytes(raw))), mark.ttl if mark else None))
    names = [tool.name for tool in tools if tool.name]
    if len(set(names)) < len(names):
        raise BadRequest("tools: Tool names must be unique.")
    return tools, units


def _built_in(kind: str, name: str) -> Tool:
    """Tools that run at Anthropic are never called of the caller."""
    return Tool("function", Function(name)) if kind in ("bash", "text_editor", "memory", "computer") else Tool(kind)


def _system(system: str | list[Raw] | None) -> tuple[list[Message], list[Unit]]:
    if isinstance(system, str):
        return ([Message("system", system)], [Unit(system.encode(), tokens(system))]) if system else ([], [])
    said: list[Message] = []
    units: list[Unit] = []
    for place, raw in enumerate(system or ()):
        block = read(request.TEXT, raw, f"system.{place}")
        if not block.text.strip():
            raise BadRequest("system: text content blocks must contain non-whitespace text")
        said.append(Message("system", block.text))
        mark = block.cache_control
        units.append(Unit(bytes(raw), tokens(block.text), mark.ttl if mark else None))
    return said, units


def _check_marks(body: request.Count, units: tuple[Unit, ...]) -> None:
    marks = sum(unit.ttl is not None for unit in units) + (body.cache_control is not None)
    if marks > turns.MOST_MARKS:
        raise BadRequest(f"A maximum of {turns.MOST_MARKS} blocks with cache_control may be provided. Found {marks}.")


def _marked(body: request.Count, units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """With the request's own mark, which counts for its last block."""
    if body.cache_control is None:
        return units
    return (*units[:-1], Unit(units[-1].raw, units[-1].tokens, body.cache_control.ttl))


def _start(found: list[Turn]) -> str:
    """The start of an answer, where the last turn is the assistant's and text alone."""
    last = found[-1]
    texts = [piece.block.text for piece in last.blocks if isinstance(piece.block, request.Text)]
    return texts[0] if last.role == "assistant" and len(texts) == 1 == len(last.blocks) and len(found) > 1 else ""


def _chat(body: request.Count, tools: list[Tool]) -> Chat:
    own = [tool for tool in tools if tool.function is not None]
    choice = body.tool_choice
    full = body if isinstance(body, request.Body) else None
    return Chat(
        model=body.model,
        messages=body.messages,
        stream=full.stream if full else None,
        max_tokens=full.max_tokens if full else None,
        stop=full.stop_sequences if full else None,
        tools=own or None,
        tool_choice=_choice(choice) if choice is not None and own else None,
        parallel_tool_calls=not choice.disable_parallel_tool_use if choice is not None else None,
        response_format=_format(body),
        reasoning_effort=_effort(body),
    )


def _choice(choice: request.ToolChoice) -> str | ToolChoice:
    if choice.type == "tool":
        return ToolChoice("function", Function(choice.name or ""))
    return "required" if choice.type == "any" else choice.type


def _effort(body: request.Count) -> str | None:
    """How long it thinks: by the budget, or as the request says."""
    thinking = body.thinking
    if thinking is None or thinking.type == "disabled":
        return None
    if thinking.budget_tokens is not None:
        return "low" if thinking.budget_tokens < 4096 else "medium" if thinking.budget_tokens < 16384 else "high"
    said = body.output_config.effort if body.output_config is not None else None
    return "xhigh" if said == "max" else said or "high"


def _format(body: request.Count) -> ResponseFormat | None:
    configured = body.output_config.format if body.output_config is not None else None
    format_ = configured or body.output_format
    if format_ is None:
        return None
    path = "output_config.format.schema" if configured else "output_format.schema"
    check_closed(msgspec.json.decode(format_.schema), path)
    return ResponseFormat("json_schema", JsonSchema("format", read(request.SCHEMA, format_.schema, path)))


def check_closed(schema: Any, path: str) -> None:
    """Structured outputs take objects only whose other properties are forbidden. Raises: BadRequest."""
    if isinstance(schema, list):
        for inner in cast("list[Any]", schema):
            check_closed(inner, path)
    if not isinstance(schema, dict):
        return
    known = cast("dict[str, Any]", schema)
    if known.get("type") == "object" and known.get("additionalProperties") is not False:
        raise BadRequest(f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    for name, inner in known.items():
        if name in ("properties", "$defs", "definitions") and isinstance(inner, dict):
            check_closed(list(cast("dict[str, Any]", inner).values()), path)
        elif name not in ("enum", "const", "default", "examples"):
            check_closed(inner, path)
