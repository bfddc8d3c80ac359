"""Whole answers of Cohere's chat. They don't name their model."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.core.content import Message, Part, Reasoning, Text, ToolCall, Unknown
from antiphon.core.error import AntiphonError, UpstreamError, UpstreamMalformed
from antiphon.core.response import Choice, Response
from antiphon.wire.codec import Facts
from antiphon.wire.cohere_chat.finish import failure_of, finish_of
from antiphon.wire.cohere_chat.said import OWN, Cited, LogProb, encode_logprobs, usage_of
from antiphon.wire.fields import as_object


class Function(Struct, frozen=True, gc=False):
    name: str = ""
    arguments: str | None = None


class Call(Struct, gc=False):
    id: str = ""
    function: Function = Function()


class _Item(Struct, gc=False):
    type: str
    text: str = ""
    thinking: str = ""


class _Message(Struct, gc=False):
    content: list[Raw] | str | None = None
    tool_plan: str | None = None
    tool_calls: list[Call] | None = None
    citations: list[Cited] | None = None


class _Answer(Struct, gc=False):
    message: _Message | str | None = None
    id: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    logprobs: list[LogProb] | None = None


_answer = msgspec.json.Decoder(_Answer)
_item = msgspec.json.Decoder(_Item)
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def decode_answer(body: bytes) -> tuple[Response, Facts]:
    """Check and read a whole answer. Raises: UpstreamMalformed, UpstreamError when it is an error."""
    try:
        said = _answer.decode(body)
        message = said.message
        if not isinstance(message, _Message):
            raise _no_answer(message)
        parts = _parts(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not one of Cohere's chat: {error}") from error
    failure = failure_of(said.finish_reason, None)
    if failure is not None:
        raise failure
    usage, note = usage_of(said.usage)
    reason, word = finish_of(said.finish_reason)
    choice = Choice(
        index=0,
        message=Message(role="assistant", parts=parts, form="parts" if parts else "none"),
        finish_reason=reason,
        finish_raw=word,
        logprobs=encode_logprobs(said.logprobs or ()),
    )
    response = Response(dialect=OWN, id=said.id, model="", created_s=0, choices=(choice,), usage=usage)
    return response, Facts(model="", fingerprint="", usage=usage, usage_note=note)


def _no_answer(message: str | None) -> UpstreamError:
    if message is None:
        return UpstreamMalformed("the upstream's answer has no message")
    error = UpstreamError(f"the upstream answered an error: {message[:300]}")
    error.noted = "the upstream answered an error"
    return error


def _parts(message: _Message) -> tuple[Part, ...]:
    parts: list[Part] = [Reasoning(text=message.tool_plan)] if message.tool_plan else []
    if isinstance(message.content, str):
        content: list[Part] = [Text(text=message.content)]
    else:
        content = [_part(raw) for raw in message.content or ()]
    for cited in message.citations or ():
        _cite(content, cited)
    parts += content
    parts += [
        ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments or "")
        for call in message.tool_calls or ()
    ]
    return tuple(parts)


def _part(raw: Raw) -> Part:
    try:
        item = _item.decode(raw)
    except msgspec.ValidationError:
        return _unknown(raw)
    if item.type == "text":
        return Text(text=item.text)
    return Reasoning(text=item.thinking) if item.type == "thinking" else _unknown(raw)


def _unknown(raw: Raw) -> Unknown:
    value = as_object(_anything.decode(raw))
    if value is None:
        raise UpstreamMalformed("the upstream's answer has a part that is no object")
    return Unknown(kind=str(value.get("type", "")), raw=value)


def _cite(content: list[Part], cited: Cited) -> None:
    """Put a citation to the text that it is of. Those of thoughts are left: thoughts can't hold any."""
    texts = [index for index, part in enumerate(content) if isinstance(part, Text)]
    if not texts or not cited.of_text:
        return
    at = cited.content_index if cited.content_index in texts else texts[0]
    part = content[at]
    if isinstance(part, Text):
        content[at] = msgspec.structs.replace(part, citations=(*part.citations, *cited.citations()))


class _Error(Struct):
    message: str | None = None


_error = msgspec.json.Decoder(_Error)


def message_of(body: bytes) -> str:
    """What an error answer says: `{"message"}`. Empty: nothing that can be read."""
    try:
        return _error.decode(body).message or ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def pass_on(error: AntiphonError, body: bytes) -> None:
    """Let the caller read what an upstream says of a request that it refused."""
    message = message_of(body)
    if message:
        error.message = message
