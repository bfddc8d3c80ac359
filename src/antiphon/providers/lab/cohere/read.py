"""From a body of Cohere's chat to what was asked, refusing what the real one refuses."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, json

from antiphon.core.error import BadRequest
from antiphon.providers.lab.cohere import request
from antiphon.providers.lab.complaint import FIELDS, read
from antiphon.providers.lab.decode import key_of
from antiphon.providers.lab.request import Asked, Chat, Function, JsonSchema, Message, Part, ResponseFormat, Tool


def read_chat(raw: bytes) -> tuple[Asked, request.Body]:
    """Raises: BadRequest, Complaint."""
    body = read(request.BODY, raw)
    _check(body.messages)
    if body.tools and body.response_format is not None and body.response_format.type == "json_object":
        raise BadRequest("response_format: cannot be used together with tools")
    if body.tool_choice is not None and not body.tools:
        raise BadRequest("tool_choice: tools must be specified when tool_choice is used")
    documents = [Message("system", json.encode(document).decode()) for document in body.documents or ()]
    messages = [_message(message) for message in body.messages]
    asked = Asked(
        chat=_chat(body),
        messages=(*documents, *messages),
        raw_messages=(*(one.text.encode() for one in documents), *(msgspec.json.encode(one) for one in body.messages)),
        tools_bytes=len(msgspec.json.encode(body.tools)) if body.tools else 0,
        key=key_of(read(FIELDS, raw)),
    )
    return asked, body


def _check(messages: Sequence[request.Message]) -> None:
    waiting: list[str] = []
    for place, message in enumerate(messages):
        path = f"messages[{place}]"
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise BadRequest(f"{path}: tool call id {message.tool_call_id} not found in previous tool calls")
            waiting.remove(message.tool_call_id)
            continue
        if waiting:
            raise BadRequest(f"{path}: all tool calls need a tool message with their result: {', '.join(waiting)}")
        if message.role == "assistant" and message.tool_calls:
            waiting = [call.id for call in message.tool_calls]
        elif not message.content:
            raise BadRequest(f"{path}: content must not be empty")
    if waiting or messages[-1].role == "assistant":
        raise BadRequest("messages: the last message must be from the user or a tool")


def _message(message: request.Message) -> Message:
    calls = [Raw(msgspec.json.encode(call)) for call in message.tool_calls or ()]
    content = message.content
    if isinstance(content, list):
        content = [_part(part) for part in content if part.type != "thinking"]
    return Message(message.role, content, message.tool_call_id, calls or None)


def _part(part: request.Part) -> Part:
    if part.type == "document":
        return Part("text", json.encode(part.document).decode())
    return Part(part.type, part.text)


def _chat(body: request.Body) -> Chat:
    form = body.response_format
    said = None
    if form is not None and form.type == "json_object":
        schema = JsonSchema("format", form.json_schema) if form.json_schema is not None else None
        said = ResponseFormat("json_schema" if schema else "json_object", schema)
    return Chat(
        model=body.model,
        messages=request.NO_MESSAGES,
        stream=body.stream,
        max_tokens=body.max_tokens,
        stop=body.stop_sequences,
        tools=[Tool("function", Function(tool.function.name, tool.function.parameters)) for tool in body.tools or ()]
        or None,
        tool_choice={"REQUIRED": "required", "NONE": "none"}.get(body.tool_choice or "") if body.tools else None,
        response_format=said,
        reasoning_effort=_effort(body.thinking),
    )


def _effort(thinking: request.Thinking | None) -> str | None:
    if thinking is None or thinking.type == "disabled":
        return None
    budget = thinking.token_budget
    return "medium" if budget is None else "low" if budget < 4096 else "medium" if budget < 16384 else "high"
