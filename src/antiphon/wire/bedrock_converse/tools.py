"""Tools and the choice among them. Source: botocore 1.44.8, `bedrock-runtime/service-2.json`: ToolConfiguration."""

from collections.abc import Collection
from types import MappingProxyType
from typing import Any

from antiphon.core.content import Content, Tool, ToolChoice
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.blocks import WHO, Block, Writer
from antiphon.wire.bedrock_converse.ids import fits
from antiphon.wire.bedrock_converse.model import Model
from antiphon.wire.free_text import as_function

_NOVAS = MappingProxyType({"web_search": "nova_grounding", "code_execution": "nova_code_interpreter"})
"""Tools that Amazon Nova 2 runs itself. Source: docs.aws.amazon.com/nova/latest/userguide/tool-built-in.html, 2026-11."""


_CLAUDES = ("computer_20", "bash_20", "text_editor_20")
"""How types of tools begin that Claude knows by itself, and callers run. Source:
docs.aws.amazon.com/bedrock/latest/userguide/computer-use.html, 2026-11."""


def encode_tools(content: Content, writer: Writer) -> dict[str, Any] | None:
    """Write `toolConfig`; None: there are no tools. Call it once the messages are written.

    Raises: BadRequest, on a tool whose name can't be sent.
    """
    choice, losses = content.tool_choice, writer.losses
    if choice is not None:
        writer.left_over(choice.extra, "tool_choice")
    if content.parallel_tool_calls is False and content.tools and not one_at_a_time(content, writer.model):
        losses.add("parallel_tool_calls", f"{WHO} can't hold a model to one call at a time")
    if choice is not None and choice.mode == "none" and not writer.called:
        if content.tools:
            losses.add("tool_choice", f"{WHO} has no choice of none", "the tools are left out", adapted=True)
        return None
    tools: list[Block] = []
    for index, tool in enumerate(content.tools or ()):
        tools += _tool(tool, f"tools[{index}]", writer, choice.names if choice is not None else ())
    if not any("cachePoint" not in tool for tool in tools):
        tools = _declared(writer)
    if not tools:
        if choice is not None and choice.mode not in ("none", "auto"):
            losses.add("tool_choice", "there are no tools that could be sent")
        return None
    chosen = _choice(choice, tools, writer)
    return {"tools": tools} if chosen is None else {"tools": tools, "toolChoice": chosen}


def one_at_a_time(content: Content, model: Model) -> bool:
    """Whether a model can be told, among its own fields, to call one tool at a time: Claude, where it may choose.

    Source: docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-tool-use.html, 2026-11.
    """
    free = content.tool_choice is None or content.tool_choice.mode in ("auto", "required")
    return model.claude is not None and content.parallel_tool_calls is False and bool(content.tools) and free


def _tool(tool: Tool, path: str, writer: Writer, allowed: Collection[str]) -> list[Block]:
    if tool.kind == "custom" and tool.name:
        writer.losses.add(path, f"{WHO} has no tools of free text", "sent with the field `input`", adapted=True)
        tool = as_function(tool)
    if tool.kind != "function":
        return _run_by_provider(tool, path, writer)
    if not tool.name:
        writer.losses.add(path, f"{WHO} has no tool of this kind")
        return []
    if allowed and tool.name not in allowed:
        writer.losses.add("tool_choice", f"{WHO} can't allow some tools only", "the others are left out", adapted=True)
        return []
    if not fits(tool.name):
        at = f"{path}.function.name"
        message = f"`{at}` must be 1 to 64 letters, digits, underscores and hyphens for Bedrock; rename the tool"
        raise BadRequest(message, param=at)
    writer.left_over(tool.extra, path)
    spec: dict[str, Any] = {"name": tool.name}
    if tool.description and tool.description.strip():
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": {"type": "object", **(tool.parameters or {})}}
    if tool.strict and writer.model.structured:
        spec["strict"] = True
    elif tool.strict:
        writer.losses.add(f"{path}.function.strict", "this model on Bedrock is not held to schemas")
    return [{"toolSpec": spec}, *writer.cache_point(tool.cache, path)]


def _run_by_provider(tool: Tool, path: str, writer: Writer) -> list[Block]:
    kind = tool.extra.get("type")
    if writer.model.claude is not None and isinstance(kind, str) and kind.startswith(_CLAUDES):
        writer.own_tools.append({"name": tool.name, **tool.extra})
        return []
    name = _NOVAS.get(tool.kind)
    if name is None or not writer.model.reasoning_nova:
        writer.losses.add(path, f"this model on Bedrock runs no tool {tool.kind}")
        return []
    writer.left_over(tool.extra, path)
    writer.losses.add(path, f"{WHO} has Amazon's own", f"sent as {name}", adapted=True)
    return [{"systemTool": {"name": name}}]


def _declared(writer: Writer) -> list[Block]:
    """Tools that the conversation calls: Bedrock takes no calls without any tools."""
    if not writer.called:
        return []
    why = f"{WHO} takes no earlier calls without tools"
    writer.losses.add("tools", why, "the tools that were called are declared", adapted=True)
    return [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in writer.called]


def _choice(choice: ToolChoice | None, tools: list[Block], writer: Writer) -> Block | None:
    match choice:
        case None:
            return None
        case ToolChoice(mode="auto"):
            return {"auto": {}}
        case ToolChoice(mode="required"):
            return {"any": {}}
        case ToolChoice(mode="named", name=str(name)) if any(
            tool.get("toolSpec", {}).get("name") == name for tool in tools
        ):
            return {"tool": {"name": name}}
        case ToolChoice(mode="none"):
            writer.losses.add("tool_choice", f"{WHO} has no choice of none", "left to the model")
        case _:
            writer.losses.add("tool_choice", f"{WHO} has no such choice", "left to the model")
    return None
