"""Reads tools, the choice among them, and the form of the answer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.content import ResponseFormat, Tool, ToolChoice
from antiphon.wire.fields import Fields, as_list, as_object, mistyped
from antiphon.wire.gemini.names import keep, names, opened, respelled
from antiphon.wire.gemini.schema import json_schema, same

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "googleSearch": "web_search",
        "googleSearchRetrieval": "web_search",
        "enterpriseWebSearch": "web_search",
        "codeExecution": "code_execution",
        "computerUse": "computer",
        "mcpServers": "mcp",
    }
)
"""Tools that the provider runs and that there is a word for."""
OWN: Mapping[str, str] = MappingProxyType(
    {
        "web_search": "googleSearch",
        "code_execution": "codeExecution",
        "computer": "computerUse",
        "mcp": "mcpServers",
    }
)
"""What each of these words means."""
_OTHERS = ("urlContext", "fileSearch", "googleMaps", "retrieval", "parallelAiSearch", "exaAiSearch")
_TOOL = names("functionDeclarations", *KINDS, *_OTHERS)
_FUNCTION = names("parametersJsonSchema", "responseJsonSchema")
_CONFIG = names("functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations")
_CALLING = names("allowedFunctionNames", "streamFunctionCallArguments")


def decode_tools(fields: Fields) -> tuple[Tool, ...] | None:
    """Read `tools`, one for each function and each tool that the provider runs. Raises: BadRequest."""
    lists = fields.items("tools", _tools)
    return tuple(tool for tools in lists for tool in tools) or None


def _tools(fields: Fields) -> list[Tool]:
    fields = respelled(fields, _TOOL)
    out = list(fields.items("functionDeclarations", _function))
    fields.drop("functionDeclarations")
    for name, value in fields.left().items():
        if value is None:
            continue
        kind = KINDS.get(name, name)
        usual = OWN.get(kind) == name
        extra = {} if usual and value == {} else {name: None if value == {} else value}
        out.append(Tool(name="", kind=kind, extra=extra))
    return out


def _function(fields: Fields) -> Tool:
    fields = respelled(fields, _FUNCTION)
    name, description = fields.needed("name"), fields.text("description")
    parameters, older = fields.tree("parametersJsonSchema"), fields.tree("parameters")
    for word in ("parametersJsonSchema", "parameters"):
        fields.left().pop(word, None)
    if older is None:
        return Tool(name=name, description=description, parameters=parameters, extra=fields.left())
    if parameters is not None:
        extra = {**fields.left(), "parameters": older, "parametersJsonSchema": None}
        return Tool(name=name, description=description, parameters=parameters, extra=extra)
    # The value None marks the older form, of which nothing is left over.
    extra = {**fields.left(), "parameters": None if same(older) else older}
    return Tool(name=name, description=description, parameters=json_schema(older), extra=extra)


def decode_choice(fields: Fields) -> ToolChoice | None:
    """Read `toolConfig`; what it says of other things stays. Raises: BadRequest."""
    value = fields.tree("toolConfig")
    if value is None:
        return None
    config = opened(value, _CONFIG, fields.path("toolConfig"), strict=True)
    inner = config.tree("functionCallingConfig")
    choice = None
    if inner is not None:
        choice = _choice(opened(inner, _CALLING, config.path("functionCallingConfig"), strict=True))
    keep(fields, "toolConfig", config.left())
    return choice


def _choice(calling: Fields) -> ToolChoice:
    said = calling.text("mode")
    allowed = _texts(calling, "allowedFunctionNames")
    extra = calling.left()
    mode = (said or "").upper()
    match mode:
        case "ANY" if len(allowed) == 1:
            return ToolChoice(mode="named", name=allowed[0], extra=extra)
        case "ANY":
            return ToolChoice(mode="required", names=allowed, extra=extra)
        case "NONE":
            return ToolChoice(mode="none", names=allowed, extra=extra)
        case "AUTO":
            return ToolChoice(mode="auto", names=allowed, extra=extra)
        case _:
            return ToolChoice(mode="auto", names=allowed, extra={**extra, "mode": said})


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    value = fields.peek(name)
    fields.drop(name)
    items = as_list(value)
    if value is not None and items is None:
        raise mistyped(fields.path(name), "a list of texts", value)
    for index, item in enumerate(items or ()):
        if not isinstance(item, str):
            raise mistyped(f"{fields.path(name)}[{index}]", "a text", item)
    return tuple(str(item) for item in items or ())


def decode_format(config: Fields) -> ResponseFormat | None:
    """Read the form of the answer out of `generationConfig`. Raises: BadRequest."""
    kind = config.text("responseMimeType")
    newer, older = as_object(config.peek("responseJsonSchema")), as_object(config.peek("responseSchema"))
    if kind is not None and kind not in ("text/plain", "application/json"):
        extra: dict[str, Any] = {"responseMimeType": kind}
        for name in ("responseSchema", "responseJsonSchema"):
            if config.peek(name) is not None:
                extra[name] = config.peek(name)
                config.drop(name)
        return ResponseFormat(kind="other", extra=extra)
    # The media type that goes with a schema is said once; a schema alone comes back with it.
    if newer is not None and kind != "text/plain":
        config.drop("responseJsonSchema")
        return ResponseFormat(kind="json_schema", schema=newer)
    if older is not None and kind != "text/plain":
        config.drop("responseSchema")
        extra = {"responseSchema": None if same(older) else older}
        return ResponseFormat(kind="json_schema", schema=json_schema(older), extra=extra)
    if kind is None:
        return None
    return ResponseFormat(kind="json_object" if kind == "application/json" else "text")
