"""Whole answers of Converse. They have neither an id nor a model's name: the id is a digest of the answer."""

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Raw

from antiphon.core.content import Image, Message, Part, Reasoning, Text, ToolCall, Unknown
from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.response import Choice, Response
from antiphon.wire.bedrock_converse.finish import finish_of, stop_sequence_of
from antiphon.wire.bedrock_converse.said import Answer, Block, own_fields
from antiphon.wire.bedrock_converse.usage import usage_of
from antiphon.wire.codec import Facts
from antiphon.wire.fields import as_object

OWN = "bedrock_converse"
SERVER_TOOL = "server_tool_use"
_answer = msgspec.json.Decoder(Answer)
_block = msgspec.json.Decoder(Block)
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def answer_id(*said: bytes) -> str:
    """An id for an answer that has none: the same one for the same bytes."""
    digest = sha256()
    for piece in said:
        digest.update(piece)
    return f"bedrock-{digest.hexdigest()[:24]}"


def decode_answer(body: bytes) -> tuple[Response, Facts]:
    """Check and read a whole answer. Raises: UpstreamMalformed, UpstreamError when it is an error."""
    try:
        said = _answer.decode(body)
        output = said.output
        if output is None:
            raise _no_answer(said)
        parts = tuple(_part(raw) for raw in output.message.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not one of Converse: {error}") from error
    usage, note = usage_of(said.usage)
    reason, word = finish_of(said.stop_reason)
    fields = said.additional_model_response_fields
    choice = Choice(
        index=0,
        message=Message(role="assistant", parts=parts, form="parts" if parts else "none"),
        finish_reason=reason,
        finish_raw=word,
        stop_sequence=stop_sequence_of(fields),
    )
    response = Response(
        dialect=OWN,
        id=answer_id(body),
        model="",
        created_s=0,
        choices=(choice,),
        usage=usage,
        extra={**said.extra(), **own_fields(fields)},
    )
    return response, Facts(model="", fingerprint="", usage=usage, usage_note=note)


def _no_answer(said: Answer) -> UpstreamError:
    if said.message:
        error = UpstreamError(f"the upstream answered an error: {said.message[:300]}")
        error.noted = "the upstream answered an error"
        return error
    return UpstreamMalformed("the upstream's answer has no message")


def _part(raw: Raw) -> Part:
    try:
        block = _block.decode(raw)
    except msgspec.ValidationError:
        return _unknown(raw)
    match block:
        case Block(text=str(text)):
            return Text(text=text)
        case Block(tool_use=call) if call is not None and call.type != SERVER_TOOL:
            return ToolCall(id=call.tool_use_id, name=call.name, arguments=bytes(call.input).decode())
        case Block(citations_content=cited) if cited is not None:
            text = "".join(words.text for words in cited.content)
            return Text(text=text, citations=tuple(one.citation() for one in cited.citations))
        case Block(image=image) if image is not None:
            return Image(url=f"data:image/{image.format};base64,{image.source.bytes}")
        case Block(reasoning_content=thought) if thought is not None:
            if thought.redacted_content is not None:
                return Reasoning(text="", signature=thought.redacted_content, signed_by=OWN, redacted=True)
            if thought.reasoning_text is not None:
                text, signature = thought.reasoning_text.text, thought.reasoning_text.signature
                return Reasoning(text=text, signature=signature, signed_by=OWN if signature else "")
        case _:
            pass
    return _unknown(raw)


def _unknown(raw: Raw) -> Unknown:
    value = as_object(_anything.decode(raw))
    if value is None:
        raise UpstreamMalformed("the upstream's answer has a block that is no object")
    return Unknown(kind=next(iter(value), ""), raw=value)
