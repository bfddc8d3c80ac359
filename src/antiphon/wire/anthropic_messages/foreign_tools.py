"""Tools, their choice and the form of the answer that came in another dialect, as Anthropic takes them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.core.content import Content, ResponseFormat, Tool
from antiphon.wire.anthropic_messages.foreign_parts import WHO
from antiphon.wire.anthropic_messages.models import Takes
from antiphon.wire.anthropic_messages.schema import fitted
from antiphon.wire.anthropic_messages.tools import cached, encode_choice
from antiphon.wire.codec import left_over
from antiphon.wire.fields import as_object, present
from antiphon.wire.losses import Losses

_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
_CODE = {"type": "code_execution_20250825", "name": "code_execution"}
_FREE = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
Out = dict[str, Any]


def tools_of(content: Content, takes: Takes, losses: Losses) -> list[Out]:
    """Write `tools`."""
    allowed = content.tool_choice.names if content.tool_choice is not None else ()
    out: list[Out] = []
    for index, tool in enumerate(content.tools or ()):
        if allowed and tool.name not in allowed:
            continue
        written = _tool(tool, f"tools[{index}]", takes, losses)
        if written is not None:
            out.append(written)
    if allowed:
        losses.add("tool_choice", f"{WHO} has no list of allowed tools", "only these are sent", adapted=True)
    options = as_object(content.extra.get("web_search_options"))
    if options is not None:
        losses.add("web_search_options", f"{WHO} has a tool for this", "sent as a tool", adapted=True)
        left_over(options, "web_search_options", losses, WHO)
        out.append(dict(_SEARCH))
    return out


def _tool(tool: Tool, path: str, takes: Takes, losses: Losses) -> Out | None:
    match tool.kind:
        case "function":
            left_over(tool.extra, path, losses, WHO)
            return cached(_function(tool, path, takes, losses), tool.cache)
        case "custom":
            losses.add(path, f"{WHO} has no tools of free text", "sent with the field `input`", adapted=True)
            left_over(tool.extra, path, losses, WHO)
            out = {"name": tool.name, **present(description=tool.description), "input_schema": dict(_FREE)}
            return cached(out, tool.cache)
        case "web_search" | "code_execution":
            losses.add(path, f"{WHO} has its own tool for this", "its own is sent", adapted=True)
            left_over(tool.extra, path, losses, WHO, ("type",))
            return cached(dict(_SEARCH if tool.kind == "web_search" else _CODE), tool.cache)
        case _:
            losses.add(path, f"{WHO} has no such tool")
            return None


def _function(tool: Tool, path: str, takes: Takes, losses: Losses) -> Out:
    schema: Out = dict(tool.parameters or {})
    schema.setdefault("type", "object")
    if schema["type"] == "object":
        schema.setdefault("properties", {})
    out: Out = {"name": tool.name, **present(description=tool.description)}
    if tool.strict and takes.structured:
        schema, changed = fitted(schema)
        if changed:
            losses.add(
                f"{path}.parameters",
                f"{WHO} takes less of JSON Schema where a tool is strict",
                "what it lacks is told in descriptions",
                adapted=True,
            )
        return {**out, "input_schema": schema, "strict": True}
    if tool.strict:
        losses.add(f"{path}.strict", "the model has no strict tools")
    return {**out, "input_schema": schema}


def choice_of(content: Content, tools: Sequence[Out], losses: Losses) -> Out | None:
    """Write `tool_choice`, which goes with tools alone."""
    choice = content.tool_choice
    if not tools:
        if choice is not None and choice.mode not in ("auto", "none"):
            losses.add("tool_choice", f"{WHO} takes it with tools alone")
        return None
    if choice is None:
        return None if content.parallel_tool_calls is not False else {"type": "auto", "disable_parallel_tool_use": True}
    if choice.mode == "other":
        losses.add("tool_choice", f"{WHO} has no such choice")
        return None
    if choice.mode == "named" and all(tool["name"] != choice.name for tool in tools):
        losses.add("tool_choice", "the tool that it names is not sent")
        return None
    left_over(choice.extra, "tool_choice", losses, WHO)
    return encode_choice(choice, parallel=False if content.parallel_tool_calls is False else None)


def format_of(shape: ResponseFormat | None, takes: Takes, losses: Losses) -> tuple[Out | None, str]:
    """What `output_config.format` is, and an instruction where it can only be asked for in words."""
    if shape is None or shape.kind == "text":
        return None, ""
    if shape.kind == "json_object":
        losses.add(
            "response_format", f"{WHO} has JSON by a schema alone", "asked for in the instructions", adapted=True
        )
        return None, "Answer with one JSON object and nothing else."
    if shape.kind == "other":
        losses.add("response_format", f"{WHO} has no such form of answers")
        return None, ""
    schema, changed = fitted(shape.schema or {})
    if not takes.structured:
        losses.add(
            "response_format", "the model takes no schema for its answer", "asked for in the instructions", adapted=True
        )
        said = msgspec.json.encode(shape.schema or {}).decode()
        return None, f"Answer with JSON that fits this JSON Schema, and nothing else:\n{said}"
    if changed:
        losses.add(
            "response_format.json_schema.schema",
            f"{WHO} takes less of JSON Schema",
            "objects are closed, and what it lacks is told in descriptions",
            adapted=True,
        )
    if shape.description:
        schema.setdefault("description", shape.description)
    left_over(shape.extra, "response_format", losses, WHO, ("json_schema",))
    return {"type": "json_schema", "schema": schema}, ""
