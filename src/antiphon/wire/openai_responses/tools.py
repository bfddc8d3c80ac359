"""Tools, the choice among them, and the form of the answer, both ways. Source: openai-python 3.52.0,
`types/responses/tool_param.py`, `tool_choice_allowed_param.py`, `response_format_text_config_param.py`.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import ResponseFormat, Tool, ToolChoice
from antiphon.wire.fields import Fields, as_list, as_object, merged, mistyped, present
from antiphon.wire.openai_responses.kept import keep, kept, text_of

_NAMED = ("function", "custom")
_KINDS: Mapping[str, str] = {
    "web_search": "web_search",
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "code_interpreter": "code_execution",
    "computer": "computer",
    "computer_use": "computer",
    "computer_use_preview": "computer",
    "mcp": "mcp",
}
"""Tools that the provider runs, as the canonical form calls them."""
_WORDS: Mapping[str, str] = {"code_execution": "code_interpreter"}
"""The usual word here of a canonical kind, where it isn't the same."""


def decode_tool(fields: Fields) -> Tool:
    """Read one of `tools`. One of an unknown kind is carried whole. Raises: BadRequest."""
    kind = fields.needed("type")
    if kind in _NAMED:
        name, description = fields.needed("name"), fields.text("description")
        parameters = fields.tree("parameters") if kind == "function" else None
        strict = fields.flag("strict") if kind == "function" else None
        return Tool(
            name=name, kind=kind, description=description, parameters=parameters, strict=strict, extra=fields.left()
        )
    canonical = _KINDS.get(kind, kind)
    extra = fields.left()
    if _WORDS.get(canonical, canonical) != kind:
        keep(extra, "type", kind)
    return Tool(name="", kind=canonical, extra=extra)


def encode_tool(tool: Tool) -> dict[str, Any]:
    """Write what `decode_tool` read."""
    by, rest = kept(tool.extra)
    if tool.kind in _NAMED:
        words = present(name=tool.name, description=tool.description, parameters=tool.parameters, strict=tool.strict)
        return merged({"type": tool.kind, **words}, rest)
    return merged({"type": text_of(by, "type") or _WORDS.get(tool.kind, tool.kind)}, rest)


def decode_choice(fields: Fields) -> ToolChoice | None:
    """Read `tool_choice`. Raises: BadRequest."""
    value = fields.peek("tool_choice")
    if value is None:
        return None
    fields.drop("tool_choice")
    if isinstance(value, str):
        match value:
            case "none" | "auto" | "required":
                return ToolChoice(mode=value)
            case _:
                return ToolChoice(mode="other", raw=value)
    shape = as_object(value)
    if shape is None:
        raise mistyped("tool_choice", 'a text such as "auto", or an object that names a tool', value)
    return _chosen(Fields(shape, "tool_choice"))


def _chosen(shape: Fields) -> ToolChoice:
    kind = shape.needed("type")
    if kind in _NAMED:
        return ToolChoice(mode="named", name=shape.needed("name"), kind=kind, extra=shape.left())
    mode = shape.peek("mode")
    if kind == "allowed_tools" and mode in ("auto", "required"):
        names = _names(as_list(shape.peek("tools")))
        if names is not None:
            shape.drop("tools")
            shape.drop("mode")
            return ToolChoice(mode="auto" if mode == "auto" else "required", names=names, extra=shape.left())
    return ToolChoice(mode="other", raw=dict(shape.value))


def _names(tools: list[object] | None) -> tuple[str, ...] | None:
    """The functions that are allowed; None where there are tools of other kinds among them."""
    names: list[str] = []
    for value in tools or ():
        tool = as_object(value)
        name = tool.get("name") if tool is not None and tool.get("type") == "function" and len(tool) == 2 else None
        if not isinstance(name, str):
            return None
        names.append(name)
    return tuple(names) or None


def encode_choice(choice: ToolChoice) -> object:
    """Write `tool_choice`."""
    if choice.mode == "other":
        return choice.raw
    if choice.mode == "named":
        return merged({"type": choice.kind, "name": choice.name}, choice.extra)
    if choice.names:
        tools = [{"type": "function", "name": name} for name in choice.names]
        return merged({"type": "allowed_tools", "mode": choice.mode, "tools": tools}, choice.extra)
    return choice.mode


def decode_format(text: Fields) -> ResponseFormat | None:
    """Read `text.format`. Raises: BadRequest."""
    value = text.tree("format")
    if value is None:
        return None
    shape = Fields(value, text.path("format"))
    kind = shape.needed("type")
    match kind:
        case "text" | "json_object":
            return ResponseFormat(kind=kind, extra=shape.left())
        case "json_schema":
            name, description = shape.text("name"), shape.text("description")
            schema, strict = shape.tree("schema"), shape.flag("strict")
            return ResponseFormat(
                kind=kind, name=name, description=description, schema=schema, strict=strict, extra=shape.left()
            )
        case _:
            return ResponseFormat(kind="other", extra=value)


def encode_format(shape: ResponseFormat, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Write `text.format`, with leftovers where they are this dialect's."""
    if shape.kind == "other":
        return dict(extra)
    out: dict[str, Any] = {"type": shape.kind}
    if shape.kind == "json_schema":
        out |= present(name=shape.name, description=shape.description, schema=shape.schema, strict=shape.strict)
    return merged(out, extra)
