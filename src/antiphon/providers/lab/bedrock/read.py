"""From a body of Converse to what was asked, refusing what the real one refuses, in its words."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from antiphon.core.error import BadRequest
from antiphon.providers.lab.bedrock import request
from antiphon.providers.lab.bedrock.request import Block, Body
from antiphon.providers.lab.complaint import FIELDS, read
from antiphon.providers.lab.count import MEDIA_TOKENS, tokens, tokens_of_bytes
from antiphon.providers.lab.decode import key_of
from antiphon.providers.lab.proof import sign
from antiphon.providers.lab.request import (
    Asked,
    Chat,
    Function,
    JsonSchema,
    Message,
    Part,
    ResponseFormat,
    Tool,
    ToolChoice,
    Unit,
)


def read_converse(raw: bytes, model: str, *, stream: bool) -> Asked:
    """Raises: BadRequest (400), Complaint."""
    body = read(request.BODY, raw)
    _check(body)
    tools = _units_of_tools(body)
    system, system_units = _system(body)
    messages, raws = messages_of(body.messages)
    units = _folded([*tools, *system_units, *(unit for message in body.messages for unit in _units(message.content))])
    return Asked(
        chat=_chat(body, model, stream=stream),
        messages=(*system, *messages),
        raw_messages=(*(one.text.encode() for one in system), *raws),
        tools_bytes=0,
        key=key_of(read(FIELDS, raw)),
        size=sum(unit.tokens for unit in units),
        units=units,
    )


def _check(body: Body) -> None:
    if not body.messages or body.messages[0].role != "user":
        raise BadRequest(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message."
        )
    waiting: list[str] = []
    before = ""
    for place, message in enumerate(body.messages):
        if message.role == before:
            raise BadRequest(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
                "between user and assistant roles and try again."
            )
        before = message.role
        for at, block in enumerate(message.content):
            _check_block(block, f"messages.{place}.content.{at}")
        results = [block.tool_result.tool_use_id for block in message.content if block.tool_result is not None]
        _check_results(results, waiting, place)
        waiting = [block.tool_use.tool_use_id for block in message.content if block.tool_use is not None]
        if (results or waiting) and body.tool_config is None:
            raise BadRequest("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    if waiting:
        _check_results([], waiting, len(body.messages))


def _check_results(results: list[str], waiting: list[str], place: int) -> None:
    missing = [id_ for id_ in waiting if id_ not in results]
    if missing:
        raise BadRequest(
            f"Expected toolResult blocks at messages.{place}.content for the following Ids: {', '.join(missing)}"
        )
    if len(results) > len(waiting):
        raise BadRequest(
            f"The number of toolResult blocks at messages.{place}.content exceeds the number of toolUse blocks of "
            "previous turn."
        )


def _check_block(block: Block, path: str) -> None:
    names = [name for name in block.__struct_fields__ if getattr(block, name) is not None]
    if len(names) != 1:
        raise BadRequest(f"The content block at {path} must have exactly one member set; it has {names}")
    if block.text is not None and not block.text.strip():
        raise BadRequest(
            f"The text field in the ContentBlock object at {path} is blank. Add text to the text field, and try again."
        )
    thought = block.reasoning_content.reasoning_text if block.reasoning_content is not None else None
    if thought is not None and thought.signature != sign("anthropic", thought.text):
        raise BadRequest(f"The model returned the following errors: {path}: Invalid `signature` in `thinking` block")


def _units_of_tools(body: Body) -> list[Unit]:
    config = body.tool_config
    return [_unit(tool, tool.cache_point, None) for tool in config.tools] if config is not None else []


def _system(body: Body) -> tuple[list[Message], list[Unit]]:
    said = [Message("system", block.text) for block in body.system if block.text is not None]
    units = [_unit(block, block.cache_point, tokens(block.text or "")) for block in body.system]
    return said, units


def _units(content: Sequence[Block]) -> list[Unit]:
    return [_unit(block, block.cache_point, _size(block)) for block in content]


def _unit(value: object, mark: request.CachePoint | None, size: int | None) -> Unit:
    raw = msgspec.json.encode(value)
    return Unit(raw, tokens_of_bytes(len(raw)) if size is None else size, mark.ttl if mark is not None else None)


def _folded(units: list[Unit]) -> tuple[Unit, ...]:
    """Cache points mark what stands before them, and are nothing themselves."""
    said: list[Unit] = []
    for unit in units:
        if unit.ttl is None:
            said.append(unit)
        elif said:
            said[-1] = Unit(said[-1].raw, said[-1].tokens, unit.ttl)
    return tuple(said)


def _size(block: Block) -> int:
    if block.tool_use is not None:
        return tokens_of_bytes(len(msgspec.json.encode(block.tool_use)))
    if block.reasoning_content is not None:
        thought = block.reasoning_content.reasoning_text
        return tokens(thought.text) if thought is not None else MEDIA_TOKENS
    return sum(tokens(part.text) if part.text is not None else MEDIA_TOKENS for part in _parts(block))


def messages_of(turns: Sequence[request.Message]) -> tuple[list[Message], list[bytes]]:
    """The turns in the middle's words, with the bytes of each."""
    said: list[Message] = []
    raws: list[bytes] = []
    for turn in turns:
        parts: list[Part] = []
        calls: list[Raw] = []
        for block in turn.content:
            if block.tool_result is not None:
                said.append(Message("tool", _parts(block), block.tool_result.tool_use_id))
                raws.append(msgspec.json.encode(block))
            elif block.tool_use is not None:
                calls.append(Raw(msgspec.json.encode(block.tool_use)))
            else:
                parts += _parts(block)
        if parts or calls:
            text = parts[0].text if len(parts) == 1 else None
            role = "user" if turn.role == "user" else "assistant"
            said.append(Message(role, parts if text is None else text, tool_calls=calls or None))
            raws.append(msgspec.json.encode(turn))
    return said, raws


def _parts(block: Block) -> list[Part]:
    if block.tool_result is not None:
        return [_result(part) for part in block.tool_result.content]
    if block.text is not None:
        return [Part("text", block.text)]
    if block.image is not None:
        return [Part("image_url")]
    if block.audio is not None:
        return [Part("input_audio")]
    return [Part("file")] if block.document is not None or block.video is not None else []


def _result(part: request.ResultPart) -> Part:
    if part.text is not None:
        return Part("text", part.text)
    if part.json is not None:
        return Part("text", msgspec.json.encode(part.json).decode())
    return Part("image_url" if part.image is not None else "file")


def _chat(body: Body, model: str, *, stream: bool) -> Chat:
    inference = body.inference_config
    config = body.tool_config
    specs = [tool.tool_spec for tool in config.tools if tool.tool_spec is not None] if config is not None else []
    tools = [Tool("function", Function(spec.name, spec.input_schema.json)) for spec in specs]
    return Chat(
        model=model,
        messages=[Raw(b"{}")],
        stream=stream,
        max_tokens=inference.max_tokens,
        stop=inference.stop_sequences,
        tools=tools or None,
        tool_choice=_choice(config.tool_choice) if config is not None and config.tool_choice is not None else None,
        response_format=_format(body),
        reasoning_effort=_effort(body),
    )


def _choice(choice: request.ToolChoice) -> str | ToolChoice:
    if choice.tool is not None:
        return ToolChoice("function", Function(choice.tool.name))
    return "required" if choice.any is not None else "auto"


def _format(body: Body) -> ResponseFormat | None:
    form = body.output_config.text_format
    if form is None:
        return None
    schema = read(
        request.SCHEMA, form.structure.json_schema.schema.encode(), "outputConfig.textFormat.structure.jsonSchema"
    )
    return ResponseFormat("json_schema", JsonSchema("format", schema))


def _effort(body: Body) -> str | None:
    """Thinking is asked for as the model's own API has it."""
    fields = body.additional_model_request_fields
    thinking: dict[str, Any] = fields.get("thinking") or fields.get("reasoning_config") or {}
    if thinking.get("type") not in ("enabled", "adaptive"):
        return None
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        return body.output_config.effort or "high"
    return "low" if budget < 4096 else "medium" if budget < 16384 else "high"
