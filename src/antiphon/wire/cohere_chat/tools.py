"""Tools, the choice among them, and the answer's form. Source: cohere 7.3.1, `types/tool_v2.py`, `v2/client.py`."""

from typing import Any

import msgspec

from antiphon.core.content import Content, ResponseFormat, Tool
from antiphon.wire.cohere_chat.messages import WHO, Out, Writer
from antiphon.wire.free_text import as_function


def encode_tools(content: Content, writer: Writer) -> Out:
    """Write `tools`, `strict_tools` and `tool_choice`."""
    losses, choice = writer.losses, content.tool_choice
    if choice is not None:
        writer.left_over(choice.extra, "tool_choice")
    if content.parallel_tool_calls is False and content.tools:
        losses.add("parallel_tool_calls", f"{WHO} can't hold a model to one call at a time")
    allowed = choice.names if choice is not None else ()
    if choice is not None and choice.mode == "named":
        allowed = (choice.name or "",)
    known = [
        (path, _worded(tool, path, writer))
        for index, tool in enumerate(content.tools or ())
        if (path := f"tools[{index}]")
    ]
    named = [(path, tool) for path, tool in known if _is_function(tool, path, writer)]
    kept = [(path, tool) for path, tool in named if not allowed or tool.name in allowed]
    if len(kept) < len(named):
        losses.add("tool_choice", f"{WHO} can't choose some tools only", "the others are left out", adapted=True)
    out: Out = {}
    if kept:
        out["tools"] = [_tool(tool, path, writer) for path, tool in kept]
        strict = [tool for _, tool in kept if tool.strict]
        if len(strict) == len(kept):
            out["strict_tools"] = True
        elif strict:
            losses.add("tools.function.strict", f"{WHO} is strict on all tools or on none")
    return out | _choice(content, writer, has_tools=bool(kept))


def _worded(tool: Tool, path: str, writer: Writer) -> Tool:
    if tool.kind != "custom" or not tool.name:
        return tool
    writer.losses.add(path, f"{WHO} has no tools of free text", "sent with the field `input`", adapted=True)
    return as_function(tool)


def _is_function(tool: Tool, path: str, writer: Writer) -> bool:
    if tool.kind == "function" and tool.name:
        return True
    writer.losses.add(path, f"{WHO} has functions only")
    return False


def _tool(tool: Tool, path: str, writer: Writer) -> Out:
    writer.left_over(tool.extra, path)
    writer.cached(tool.cache, path)
    function: Out = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _choice(content: Content, writer: Writer, *, has_tools: bool) -> Out:
    choice = content.tool_choice
    if choice is None or choice.mode == "auto" or (choice.mode == "none" and not has_tools):
        return {}
    if choice.mode == "none":
        return {"tool_choice": "NONE"}
    if choice.mode in ("required", "named") and has_tools:
        return {"tool_choice": "REQUIRED"}
    why = f"{WHO} has no such choice" if choice.mode == "other" else "there are no such tools that could be sent"
    writer.losses.add("tool_choice", why)
    return {}


def encode_format(asked: ResponseFormat | None, writer: Writer, *, alone: bool) -> Out:
    """Write `response_format`; beside tools and documents, which exclude it, as an instruction.

    Args:
        alone: There are neither tools nor documents.
    Source: cohere 7.3.1, `types/response_format_v2.py`.
    """
    if asked is None or asked.kind == "text":
        return {}
    if asked.kind == "other":
        writer.losses.add("response_format", f"{WHO} has no such format")
        return {}
    writer.left_over(asked.extra, "response_format")
    schema = asked.schema if asked.kind == "json_schema" else None
    if alone:
        if asked.description is not None:
            writer.losses.add("response_format.json_schema.description", f"{WHO} has no such field")
        named: dict[str, Any] = {} if schema is None else {"json_schema": schema}
        return {"response_format": {"type": "json_object", **named}}
    said = "Answer with one JSON object and nothing else."
    if schema is not None:
        written = msgspec.json.encode(schema).decode()
        said = f"Answer with one JSON value of this JSON Schema and nothing else: {written}"
    why = f"{WHO} takes no format beside tools or documents"
    writer.losses.add("response_format", why, "sent as an instruction", adapted=True)
    writer.messages.insert(0, {"role": "system", "content": said})
    return {}
