"""Writes tools and the choice among them."""

from typing import Any

from antiphon.core.content import Content, Tool, ToolChoice
from antiphon.wire.codec import left_over
from antiphon.wire.fields import merged, present
from antiphon.wire.free_text import as_function
from antiphon.wire.gemini.schema import openapi
from antiphon.wire.gemini.tools import OWN
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_mark

_WHO = "Gemini"
_CARRIED = ("web_search", "code_execution")
"""Tools of other providers that Gemini runs too."""


def encode_tools(content: Content, losses: Losses) -> list[dict[str, Any]]:
    """Write `tools`: functions that stand together in one object."""
    own = content.dialect == "gemini"
    out: list[dict[str, Any]] = []
    functions: list[dict[str, Any]] | None = None
    for index, said_tool in enumerate(content.tools or ()):
        path = f"tools[{index}]"
        tool = said_tool if own else _worded(said_tool, path, losses)
        if tool.kind == "function":
            if functions is None:
                functions = []
                out.append({"functionDeclarations": functions})
            functions.append(_own_function(tool) if own else _function(tool, path, losses))
            continue
        said = _own_tool(tool) if own else _tool(tool, path, losses)
        if said is not None:
            functions = None
            out.append(said)
    return out


def _worded(tool: Tool, path: str, losses: Losses) -> Tool:
    if tool.kind != "custom":
        return tool
    losses.add(path, f"{_WHO} has no tools of free text", "sent with the field `input`", adapted=True)
    return as_function(tool)


def _own_function(tool: Tool) -> dict[str, Any]:
    out = present(name=tool.name, description=tool.description)
    if "parameters" not in tool.extra or "parametersJsonSchema" in tool.extra:
        rest = {name: value for name, value in tool.extra.items() if name != "parametersJsonSchema"}
        return merged(out | present(parametersJsonSchema=tool.parameters), rest)
    older = tool.extra["parameters"] or openapi(tool.parameters or {})
    return merged(out, {**tool.extra, "parameters": older})


def _function(tool: Tool, path: str, losses: Losses) -> dict[str, Any]:
    """`parametersJsonSchema` takes JSON Schema as it is. Source: google-genai 3.6.1, `types.FunctionDeclaration`."""
    if tool.cache is not None:
        no_cache_mark(losses, path, _WHO)
    left_over(tool.extra, path, losses, _WHO)
    return present(name=tool.name, description=tool.description, parametersJsonSchema=_schema(tool.parameters))


def _schema(parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """A function without parameters has no schema: Gemini refuses an object without properties."""
    if not parameters or (parameters.get("type") == "object" and not (parameters.keys() - {"type", "properties"})):
        return parameters if parameters and parameters.get("properties") else None
    return parameters


def _own_tool(tool: Tool) -> dict[str, Any]:
    name, value = next(iter(tool.extra.items()), (OWN.get(tool.kind, tool.kind), None))
    return {name: {} if value is None else value}


def _tool(tool: Tool, path: str, losses: Losses) -> dict[str, Any] | None:
    if tool.kind not in _CARRIED:
        losses.add(path, f"{_WHO} has no tools of the kind {tool.kind!r}")
        return None
    losses.add(f"{path}.type", f"{_WHO} has its own tool for it", f"sent as {OWN[tool.kind]}", adapted=True)
    left_over(tool.extra, path, losses, _WHO, ("type",))
    return {OWN[tool.kind]: {}}


def encode_choice(content: Content, losses: Losses, *, version: tuple[int, int]) -> dict[str, Any]:
    """Write `functionCallingConfig`; empty where nothing has to be said."""
    own = content.dialect == "gemini"
    choice = content.tool_choice
    if own:
        return {} if choice is None else merged(_calling(choice), choice.extra)
    functions = [tool for tool in content.tools or () if tool.kind == "function"]
    out = {} if choice is None or not functions else _foreign(choice, losses)
    strict = any(tool.strict for tool in functions)
    if not strict or out.get("mode") == "ANY":
        return out
    if version < (2, 5) or out.get("mode") == "NONE":
        losses.add("tools[].strict", f"{_WHO} has no strict tools")
        return out
    losses.add("tools[].strict", f"{_WHO} has a mode for it", "sent as mode VALIDATED", adapted=True)
    return {**out, "mode": "VALIDATED"}


def _calling(choice: ToolChoice) -> dict[str, Any]:
    match choice.mode:
        case "named":
            return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
        case "required":
            mode = "ANY"
        case "none":
            mode = "NONE"
        case "auto" | "other":
            mode = "AUTO"
    return {"mode": mode, "allowedFunctionNames": list(choice.names)} if choice.names else {"mode": mode}


def _foreign(choice: ToolChoice, losses: Losses) -> dict[str, Any]:
    left_over(choice.extra, "tool_choice", losses, _WHO)
    if choice.mode == "other" or (choice.mode == "named" and choice.kind != "function"):
        losses.add("tool_choice", f"{_WHO} has no such choice")
        return {}
    out = _calling(choice)
    if choice.mode == "auto" and choice.names:
        losses.add("tool_choice", f"{_WHO} has a mode for it", "sent as mode VALIDATED", adapted=True)
        out["mode"] = "VALIDATED"
    return out
