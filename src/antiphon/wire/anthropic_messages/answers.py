"""Whole answers, both ways. Source: anthropic 2.14.0, `types/message.py` (2026-11)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.core.content import Audio, Citation, Message, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.error import UpstreamMalformed
from antiphon.core.response import Choice, Response
from antiphon.core.usage import Usage
from antiphon.wire.anthropic_messages.blocks import decode_block
from antiphon.wire.anthropic_messages.citations import shown_citation
from antiphon.wire.anthropic_messages.errors import answered
from antiphon.wire.anthropic_messages.finish import decode_finish, encode_finish
from antiphon.wire.anthropic_messages.usage import encode_usage, speed_of, usage_of
from antiphon.wire.anthropic_messages.write import (
    OWN,
    Block,
    call_block,
    encode_part,
    input_of,
    text_block,
    thought_block,
)
from antiphon.wire.codec import Facts
from antiphon.wire.fields import Fields, as_list, as_object, merged
from antiphon.wire.losses import Losses

WHO = "Anthropic"
NO_USAGE: Mapping[str, int] = {"input_tokens": 0, "output_tokens": 0}
_TAKEN = ("type", "role", "content")


def decode_response(body: bytes) -> tuple[Response, Facts]:
    """Read an upstream's answer; what is odd in it is carried, not refused.

    Raises: UpstreamError when it is an error; UpstreamMalformed when it has no list of blocks.
    """
    said = opened(body)
    fields = Fields(said, strict=False)
    parts = tuple(_part(value) for value in as_list(said["content"]) or ())
    for name in _TAKEN:
        fields.drop(name)
    raw = fields.tree("usage")
    usage, note = (None, "") if raw is None else usage_of(raw)
    reason, word = decode_finish(fields.text("stop_reason"))
    stopped_at, details = fields.text("stop_sequence"), fields.tree("stop_details")
    response = Response(
        dialect=OWN,
        id=fields.needed("id"),
        model=fields.needed("model"),
        created_s=0,
        choices=(
            Choice(
                index=0,
                message=Message(role="assistant", parts=parts),
                finish_reason=reason,
                finish_raw=word,
                stop_sequence=stopped_at,
                extra={} if details is None else {"stop_details": details},
            ),
        ),
        usage=usage,
        usage_raw={} if raw is None or (usage is not None and raw == encode_usage(usage)) else raw,
        extra={name: value for name, value in fields.left().items() if value is not None},
    )
    return response, Facts(model=response.model, fingerprint="", usage=usage, usage_note=note, service=speed_of(raw))


def opened(body: bytes) -> dict[str, Any]:
    """An answer's object. Raises: UpstreamError, when it is an error; UpstreamMalformed."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not a message: {error}") from error
    if said.get("type") == "error" or (said.get("error") is not None and "content" not in said):
        raise answered(body)
    if not isinstance(said.get("content"), list):
        raise UpstreamMalformed("the upstream's answer has no list of content blocks")
    return said


def _part(value: object) -> Part:
    shape = as_object(value)
    if shape is None:
        return Unknown(kind="", raw={})
    return decode_block(Fields(shape, strict=False))


def encode_response(response: Response, losses: Losses) -> bytes:
    """Write an answer for a caller."""
    own = response.dialect == OWN
    choice = response.choices[0] if response.choices else Choice(index=0, message=Message(role="assistant"))
    if len(response.choices) > 1:
        losses.add("answer.choices", f"{WHO} has one answer", "the first is sent")
    if not own:
        _note(response, choice, losses)
    blocks = [encode_part(part) for part in choice.message.parts] if own else shown(choice.message, losses)
    called = any(isinstance(part, ToolCall) for part in choice.message.parts)
    out: Block = {
        "id": response.id,
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": blocks,
        "stop_reason": encode_finish(
            choice.finish_reason,
            choice.finish_raw,
            response.dialect,
            losses,
            stopped_at=choice.stop_sequence,
            called=called,
        ),
        "stop_sequence": choice.stop_sequence,
        "usage": said_usage(response.usage, response.usage_raw if own else {}, losses),
    }
    if own:
        merged(merged(out, choice.extra), response.extra)
    return msgspec.json.encode(out)


def said_usage(usage: Usage | None, raw: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """What to write for a usage: the dialect demands one."""
    if raw:
        return dict(raw)
    if usage is None:
        losses.add("answer.usage", "the upstream says no usage that can be believed", "sent as 0")
        return dict(NO_USAGE)
    return encode_usage(usage)


def _note(response: Response, choice: Choice, losses: Losses) -> None:
    if choice.logprobs is not None:
        losses.add("answer.logprobs", f"{WHO} has no logprobs")
    for name, value in (*response.extra.items(), *choice.extra.items(), *choice.message.extra.items()):
        if value not in (None, [], {}):
            losses.add(f"answer.{name}", f"{WHO} has no such field")


def shown(message: Message, losses: Losses) -> list[Block]:
    """The blocks of an answer that came in another dialect."""
    out: list[Block] = []
    for part in message.parts:
        match part:
            case Text():
                out.extend(_proof(part.signature, part.signed_by))
                if part.text:
                    out.append(_text(part.text, part.citations, losses))
            case Reasoning():
                out.append(thought_block(part))
            case ToolCall():
                out.extend(_proof(part.signature, part.signed_by))
                out.append(_call(part, losses))
            case Refusal():
                losses.add("answer.refusal", f"{WHO} has no refusals", "sent as text", adapted=True)
                out.append(text_block(part.text))
            case Audio(transcript=str()):
                losses.add("answer.audio", f"{WHO} has no sound", "its transcript is sent as text")
                out.append(text_block(part.transcript or ""))
            case _:
                losses.add(f"answer.{type(part).__name__.lower()}", f"{WHO} has no such part")
    return out


def _proof(signature: str | None, signed_by: str) -> list[Block]:
    """Another provider's proof of what follows, in thoughts that show nothing: so it comes back."""
    if not signature:
        return []
    return [thought_block(Reasoning(text="", signature=signature, signed_by=signed_by))]


def _text(text: str, citations: tuple[Citation, ...], losses: Losses) -> Block:
    out = text_block(text)
    cited = [shape for citation in citations if (shape := shown_citation(citation)) is not None]
    if cited:
        out["citations"] = cited
    if len(cited) < len(citations):
        losses.add("answer.citations", f"{WHO} has no such citations")
    return out


def _call(part: ToolCall, losses: Losses) -> Block:
    given, whole = ({"input": part.arguments}, True) if part.kind == "custom" else input_of(part.arguments)
    if not whole:
        losses.add(
            "answer.tool_calls.arguments", f"{WHO} has input that is an object alone", "sent as `_raw`", adapted=True
        )
    return call_block(part.id or f"toolu_{part.name}", part.name, given)
