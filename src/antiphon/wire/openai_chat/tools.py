"""Tools, the choice among them, and the form of the answer, both ways."""

from typing import Any

from antiphon.core.content import ResponseFormat, Tool, ToolChoice
from antiphon.wire.fields import Fields, as_list, as_object, merged, mistyped, present
from antiphon.wire.openai_chat.cache import decode_cache, encode_cache

_KINDS = ("function", "custom")


def decode_tool(fields: Fields) -> Tool:
    """Read one of `tools`. One of an unknown kind is carried whole. Raises: BadRequest."""
    kind = fields.needed("type")
    inner = fields.needed_inner(kind, '{"name": "…"}') if kind in _KINDS else None
    if inner is None:
        return Tool(name="", kind=kind, extra=fields.left())
    name, description, cache = inner.needed("name"), inner.text("description"), decode_cache(fields)
    if kind == "custom":
        return Tool(name=name, kind=kind, description=description, cache=cache, extra=fields.left())
    parameters, strict = inner.tree("parameters"), inner.flag("strict")
    return Tool(
        name=name, description=description, parameters=parameters, strict=strict, cache=cache, extra=fields.left()
    )


def decode_legacy_tool(fields: Fields) -> Tool:
    """Read one of `functions`. Raises: BadRequest."""
    name, description, parameters = fields.needed("name"), fields.text("description"), fields.tree("parameters")
    return Tool(name=name, description=description, parameters=parameters, legacy=True, extra=fields.left())


def decode_search(fields: Fields) -> tuple[Tool, ...]:
    """Read `web_search_options`: the search of the web that the provider itself makes."""
    options = fields.tree("web_search_options")
    return () if options is None else (Tool(name="web_search", kind="web_search", extra=options),)


def encode_tools(tools: tuple[Tool, ...]) -> dict[str, Any]:
    """Write `tools`, `functions` and `web_search_options`, as far as there are any."""
    out: dict[str, Any] = {}
    for tool in tools:
        if tool.kind == "web_search" and tool.name:
            out["web_search_options"] = tool.extra
        else:
            out.setdefault("functions" if tool.legacy else "tools", []).append(encode_tool(tool))
    return out


def encode_tool(tool: Tool) -> dict[str, Any]:
    """Write one of `tools`, or of `functions` when it is a legacy one."""
    words = present(name=tool.name, description=tool.description, parameters=tool.parameters, strict=tool.strict)
    if tool.legacy:
        return merged(words, tool.extra)
    if tool.kind in _KINDS:
        return merged({"type": tool.kind, tool.kind: words, **encode_cache(tool.cache)}, tool.extra)
    return merged({"type": tool.kind}, tool.extra)


def decode_choice(fields: Fields) -> ToolChoice | None:
    """Read `tool_choice`, else `function_call`. Raises: BadRequest."""
    for field, legacy in (("tool_choice", False), ("function_call", True)):
        value = fields.peek(field)
        if value is None:
            continue
        fields.drop(field)
        if isinstance(value, str):
            return _worded(value, legacy=legacy)
        shape = as_object(value)
        if shape is not None:
            return _named(Fields(shape, fields.path(field)), legacy=legacy)
        raise mistyped(fields.path(field), 'a text such as "auto", or an object that names a tool', value)
    return None


def _worded(word: str, *, legacy: bool) -> ToolChoice:
    match word:
        case "none" | "auto" | "required":
            return ToolChoice(mode=word, legacy=legacy)
        case _:
            return ToolChoice(mode="other", raw=word, legacy=legacy)


def _named(fields: Fields, *, legacy: bool) -> ToolChoice:
    if legacy:
        return ToolChoice(mode="named", name=fields.needed("name"), legacy=True, extra=fields.left())
    kind = fields.needed("type")
    allowed = _allowed(fields) if kind == "allowed_tools" else None
    if allowed is not None:
        return allowed
    inner = fields.needed_inner(kind, '{"name": "…"}') if kind in _KINDS else None
    if inner is None:
        return ToolChoice(mode="other", raw=dict(fields.value))
    return ToolChoice(mode="named", name=inner.needed("name"), kind=kind, extra=fields.left())


def _allowed(fields: Fields) -> ToolChoice | None:
    """Some functions are allowed; None where it says more than that. Source: as above, `ChatCompletionAllowedToolsParam`."""
    shape = as_object(fields.value.get("allowed_tools")) or {}
    tools = [as_object(tool) or {} for tool in as_list(shape.get("tools")) or ()]
    names = [(as_object(tool.get("function")) or {}).get("name") for tool in tools]
    said = tuple(name for name in names if isinstance(name, str))
    match shape.get("mode"):
        case "auto" | "required" as mode if said:
            choice = ToolChoice(mode=mode, names=said)
            return choice if encode_choice(choice) == fields.value else None
        case _:
            return None


def encode_choice(choice: ToolChoice) -> object:
    """Write `tool_choice`, or `function_call` when it is a legacy one."""
    if choice.mode == "other":
        return choice.raw
    if choice.names:
        tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
        mode = "auto" if choice.mode == "auto" else "required"
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
    if choice.mode != "named":
        return choice.mode
    if choice.legacy:
        return merged({"name": choice.name}, choice.extra)
    return merged({"type": choice.kind, choice.kind: {"name": choice.name}}, choice.extra)


def decode_format(fields: Fields) -> ResponseFormat | None:
    """Read `response_format`. Raises: BadRequest."""
    value = fields.tree("response_format")
    if value is None:
        return None
    shape = Fields(value, fields.path("response_format"))
    kind = shape.needed("type")
    match kind:
        case "text" | "json_object":
            return ResponseFormat(kind=kind, extra=shape.left())
        case "json_schema":
            return _schema(shape)
        case _:
            return ResponseFormat(kind="other", extra=value)


def _schema(shape: Fields) -> ResponseFormat:
    inner = shape.needed_inner("json_schema", '{"name": "…", "schema": {…}}') or Fields({})
    name, description = inner.text("name"), inner.text("description")
    schema, strict = inner.tree("schema"), inner.flag("strict")
    return ResponseFormat(
        kind="json_schema", name=name, description=description, schema=schema, strict=strict, extra=shape.left()
    )


def encode_format(shape: ResponseFormat) -> dict[str, Any]:
    """Write `response_format`."""
    if shape.kind == "other":
        return shape.extra
    out: dict[str, Any] = {"type": shape.kind}
    if shape.kind == "json_schema":
        out["json_schema"] = present(
            name=shape.name, description=shape.description, schema=shape.schema, strict=shape.strict
        )
    return merged(out, shape.extra)
