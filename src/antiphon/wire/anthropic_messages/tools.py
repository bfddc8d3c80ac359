"""Tools and the choice among them, read into canonical ones and written back.

Source: anthropic 2.14.0, `types/tool_union_param.py`, `types/beta/beta_tool_union_param.py` (2026-11).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.content import Cache, Tool, ToolChoice
from antiphon.wire.anthropic_messages.blocks import take_cache
from antiphon.wire.fields import Fields, as_object, merged, mistyped, present

_KINDS: Mapping[str, str] = MappingProxyType(
    {"web_search": "web_search", "code_execution": "code_execution", "computer": "computer", "mcp_toolset": "mcp"}
)
"""How types of tools begin, less their versions, that have a canonical kind."""


def decode_tool(fields: Fields) -> Tool:
    """Read one of `tools`. Raises: BadRequest."""
    kind = fields.text("type")
    cache = take_cache(fields)
    if kind is not None and kind != "custom":
        name = fields.text("name") or ""
        return Tool(name=name, kind=kind_of(kind), cache=cache, extra={"type": kind, **fields.left()})
    name, description, schema = fields.needed("name"), fields.text("description"), fields.tree("input_schema")
    if schema is None:
        raise mistyped(fields.path("input_schema"), "a JSON Schema", None)
    strict = fields.flag("strict")
    extra = fields.left()
    return Tool(name=name, description=description, parameters=schema, strict=strict, cache=cache, extra=extra)


def kind_of(said: str) -> str:
    """The canonical kind of a type such as `web_search_20250305`; the type itself where there is none."""
    name, _, version = said.rpartition("_")
    if version.isdigit() and name in _KINDS:
        return _KINDS[name]
    return _KINDS.get(said, said)


def encode_tool(tool: Tool) -> dict[str, Any]:
    """Write one that came in this dialect."""
    if tool.kind == "function":
        out = present(
            name=tool.name, description=tool.description, input_schema=tool.parameters or {}, strict=tool.strict
        )
    else:
        out = {"name": tool.name} if tool.name else {}
    return merged(cached(out, tool.cache), tool.extra)


def cached(out: dict[str, Any], cache: Cache | None) -> dict[str, Any]:
    """An object with its mark for the cache."""
    if cache is not None:
        said = {"type": "ephemeral", "ttl": cache.ttl} if cache.ttl else {"type": "ephemeral"}
        out["cache_control"] = merged(said, cache.extra)
    return out


def decode_choice(fields: Fields) -> tuple[ToolChoice | None, bool | None]:
    """Read `tool_choice`: the choice, and whether tools may be called in parallel. Raises: BadRequest."""
    value = fields.tree("tool_choice")
    if value is None:
        return None, None
    said = Fields(value, "tool_choice")
    kind = said.needed("type")
    alone = None if kind == "none" else said.flag("disable_parallel_tool_use")
    parallel = None if alone is None else not alone
    match kind:
        case "auto" | "none":
            return ToolChoice(mode=kind, extra=said.left()), parallel
        case "any":
            return ToolChoice(mode="required", extra=said.left()), parallel
        case "tool":
            return ToolChoice(mode="named", name=said.needed("name"), extra=said.left()), parallel
        case _:
            return ToolChoice(mode="other", raw=value), None


def encode_choice(choice: ToolChoice, *, parallel: bool | None) -> dict[str, Any]:
    """Write one of this dialect's four. `parallel` goes beside the choice, but for `none`."""
    out: dict[str, Any]
    match choice.mode:
        case "required":
            out = {"type": "any"}
        case "named":
            out = {"type": "tool", "name": choice.name or ""}
        case "auto" | "none":
            out = {"type": choice.mode}
        case "other":
            return as_object(choice.raw) or {"type": "auto"}
    if parallel is not None and choice.mode != "none":
        out["disable_parallel_tool_use"] = not parallel
    return out
