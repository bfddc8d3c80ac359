"""From a body of Gemini's API to what was asked, refusing what the real one refuses."""

import re
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct, json

from antiphon.core.error import BadRequest
from antiphon.providers.lab.complaint import FIELDS, Complaint, read
from antiphon.providers.lab.decode import key_of
from antiphon.providers.lab.gemini import contents
from antiphon.providers.lab.gemini.request import BODY, Body, Content, GenerationConfig, ThinkingConfig, in_camel
from antiphon.providers.lab.request import (
    AllowedTools,
    Asked,
    Chat,
    Function,
    JsonSchema,
    Message,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from antiphon.providers.lab.schema import Schema

KNOWN = frozenset(
    [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "anyOf",
        "propertyOrdering",
        "default",
        "items",
        "minimum",
        "maximum",
    ]
)
"""Keywords of Gemini's own schemas. Source: https://ai.google.dev/api/caching#Schema, read 2026-11."""
Schemata = dict[str, Any]
"""A schema as it came."""
INT64 = frozenset({"minItems", "maxItems", "minLength", "maxLength"})
"""Whole numbers, which protobuf's JSON writes as strings."""
SCHEMA = json.Decoder(Schema)
SEARCH = re.compile(r"\bsearch\b", re.IGNORECASE)


class Read(Struct, frozen=True, kw_only=True):
    """What was asked, and what only Gemini's own answer depends on."""

    asked: Asked
    shows_thoughts: bool = False
    searches: bool = False


def normal(raw: bytes) -> bytes:
    """The body with names in camelCase. Raises: BadRequest."""
    try:
        held = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("Invalid JSON payload received. Expected an object.") from None
    if not isinstance(held, dict):
        raise BadRequest("Invalid JSON payload received. Expected an object.")
    return msgspec.json.encode(in_camel(held))


def read_contents(raw: bytes, model: str, *, stream: bool) -> Read:
    """Raises: BadRequest (400) in the API's own words, Complaint."""
    raw = normal(raw)
    body = read(BODY, raw)
    contents.check(body.contents)
    if body.cached_content:
        raise BadRequest("CachedContent not found (or permission denied)", status=403)
    system = _system(body.system_instruction)
    messages, raws = contents.messages_of(body.contents)
    asked = Asked(
        chat=_chat(body, model, stream=stream),
        messages=(*system, *messages),
        raw_messages=(*(message.text.encode() for message in system), *raws),
        tools_bytes=len(msgspec.json.encode(body.tools)) if body.tools else 0,
        key=key_of(read(FIELDS, raw)),
    )
    thinking = (body.generation_config or GenerationConfig()).thinking_config or ThinkingConfig()
    may_search = any(tool.google_search is not None for tool in body.tools or ())
    return Read(
        asked=asked,
        shows_thoughts=bool(thinking.include_thoughts),
        searches=may_search and SEARCH.search(asked.last_user_text) is not None,
    )


def _system(content: Content | None) -> list[Message]:
    if content is None:
        return []
    if any(part.text is None for part in content.parts):
        raise BadRequest("System instruction only supports text.")
    text = "\n".join(part.text or "" for part in content.parts)
    return [Message("system", text)] if text else []


def _chat(body: Body, model: str, *, stream: bool) -> Chat:
    config = body.generation_config or GenerationConfig()
    tools = [
        Tool("function", Function(known.name, _parameters(known.parameters, known.parameters_json_schema)))
        for tool in body.tools or ()
        for known in tool.function_declarations or ()
    ]
    names = [tool.name for tool in tools]
    if len(set(names)) < len(names):
        raise BadRequest(f"Duplicate function declaration found: {max(names, key=names.count)}")
    return Chat(
        model=model,
        messages=[Raw(b"{}")],
        stream=stream,
        n=config.candidate_count,
        max_tokens=config.max_output_tokens,
        stop=config.stop_sequences,
        tools=tools or None,
        tool_choice=_choice(body, tools),
        response_format=_format(config),
        reasoning_effort=_effort(config.thinking_config),
    )


def _parameters(own: Schemata | None, standard: Schemata | None) -> Schema | None:
    if own is not None and standard is not None:
        raise BadRequest("parameters and parameters_json_schema are mutually exclusive")
    if own is not None:
        return _own_schema(own, "tools.function_declarations.parameters")
    return _standard_schema(standard, "tools.function_declarations.parameters_json_schema") if standard else None


def _own_schema(held: Schemata, path: str) -> Schema:
    return _standard_schema(_plain(held, path), path)


def _standard_schema(held: Schemata, path: str) -> Schema:
    return read(SCHEMA, msgspec.json.encode(held), path)


def _plain(schema: Any, path: str) -> Any:
    """A schema of Gemini's own as a JSON Schema: its types are in capitals. Raises: Complaint."""
    if not isinstance(schema, dict):
        return schema
    said: Schemata = {}
    for name, inner in cast("Schemata", schema).items():
        if name not in KNOWN:
            raise Complaint(f"{path}.{name}", "unknown", "")
        said[name] = _plain_value(name, inner, f"{path}.{name}")
    return said


def _plain_value(name: str, inner: Any, path: str) -> Any:
    if name == "type":
        return str(inner).lower()
    if name == "properties" and isinstance(inner, dict):
        return {key: _plain(part, path) for key, part in cast("Schemata", inner).items()}
    if name == "items":
        return _plain(inner, path)
    if name == "anyOf" and isinstance(inner, list):
        return [_plain(part, path) for part in cast("list[Any]", inner)]
    return int(inner) if name in INT64 else inner


def _choice(body: Body, tools: list[Tool]) -> str | ToolChoice | None:
    config = body.tool_config.function_calling_config if body.tool_config is not None else None
    if config is None or config.mode in (None, "MODE_UNSPECIFIED"):
        return None
    allowed = config.allowed_function_names
    if allowed and config.mode not in ("ANY", "VALIDATED"):
        raise BadRequest(
            "Function calling config: allowed_function_names should be set only when mode is ANY or VALIDATED."
        )
    if config.mode in ("ANY", "VALIDATED") and not tools:
        raise BadRequest("Function calling config is set without function_declarations.")
    if allowed:
        missing = [name for name in allowed if name not in {tool.name for tool in tools}]
        if missing:
            raise BadRequest(f"Function calling config: allowed_function_names {missing} are not declared.")
        mode = "required" if config.mode == "ANY" else "auto"
        chosen = [Tool("function", Function(name)) for name in allowed]
        return ToolChoice("allowed_tools", allowed_tools=AllowedTools(mode, chosen))
    said = {"ANY": "required", "NONE": "none"}.get(config.mode or "", "auto")
    return said if tools else None


def _format(config: GenerationConfig) -> ResponseFormat | None:
    standard = config.response_json_schema or config.raw_json_schema
    mime = config.response_mime_type
    if (standard or config.response_schema) and mime not in ("application/json", "text/x.enum"):
        raise BadRequest("response_schema is set, so response_mime_type must be 'application/json'.")
    if standard and config.response_schema:
        raise BadRequest("response_schema and response_json_schema are mutually exclusive.")
    if config.response_schema is not None:
        schema = _own_schema(config.response_schema, "generation_config.response_schema")
        return ResponseFormat("json_schema", JsonSchema("answer", schema))
    if standard:
        schema = _standard_schema(standard, "generation_config.response_json_schema")
        return ResponseFormat("json_schema", JsonSchema("answer", schema))
    return ResponseFormat("json_object") if mime == "application/json" else None


def _effort(thinking: ThinkingConfig | None) -> str | None:
    if thinking is None:
        return None
    budget, level = thinking.thinking_budget, thinking.thinking_level
    if budget is not None and level is not None:
        raise BadRequest("You can only set only one of thinking budget and thinking level.")
    if budget is not None:
        if budget <= 0:
            return "medium" if budget < 0 else "none"
        return "low" if budget < 4096 else "medium" if budget < 16384 else "high"
    return (level or "medium").lower().replace("thinking_level_unspecified", "medium")
