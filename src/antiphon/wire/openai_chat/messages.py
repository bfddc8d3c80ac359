"""Messages, both ways: of requests and of answers."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from antiphon.core.content import (
    Audio,
    ContentForm,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Unknown,
)
from antiphon.wire.fields import Fields, as_object, merged, mistyped, present
from antiphon.wire.openai_chat.annotations import decode_annotations, encode_annotations
from antiphon.wire.openai_chat.cache import decode_cache, encode_cache
from antiphon.wire.openai_chat.calls import decode_call, decode_legacy_call, encode_call
from antiphon.wire.openai_chat.parts import ContentPart, decode_part, encode_part
from antiphon.wire.openai_chat.thinking import BLOCKS, decode_blocks, encode_block

REASONING = ("reasoning_content", "reasoning")
"""Names under which a model's thoughts come: DeepSeek, vLLM and llama.cpp say the first, OpenRouter, Groq and
LM Studio the second. OpenAI has neither. Sources: their documentation, 2026-11."""


def plain_message(value: Mapping[str, Any]) -> Message | None:
    """A message that says a role and a text and nothing else; None: it says more."""
    role, text = value.get("role"), value.get("content")
    if len(value) != len(("role", "content")) or type(role) is not str or type(text) is not str:
        return None
    return Message(role=role, parts=(Text(text=text),), form="text")


def decode_message(fields: Fields, *, role: str | None = None) -> Message:
    """Read one message.

    Args:
        role: Whose it is when it doesn't say; None: it must say.
    Raises: BadRequest.
    """
    said_role = fields.needed("role") if role is None else fields.text("role") or role
    form, content = _content(fields)
    if form == "text":
        content = [
            Text(text=part.text, citations=decode_annotations(fields)) for part in content if isinstance(part, Text)
        ]
    parts: list[Part] = [*_reasoning(fields), *content]
    cache = decode_cache(fields)
    refusal = fields.text("refusal")
    if refusal is not None:
        parts.append(Refusal(text=refusal))
    parts.extend(_spoken(fields))
    parts.extend(fields.items("tool_calls", decode_call))
    legacy = decode_legacy_call(fields)
    if legacy is not None:
        parts.append(legacy)
    name, call_id = fields.text("name"), fields.text("tool_call_id")
    return Message(
        role=said_role,
        parts=tuple(parts),
        form=form,
        name=name,
        tool_call_id=call_id,
        cache=cache,
        extra=fields.left(),
    )


def _content(fields: Fields) -> tuple[ContentForm, list[Part]]:
    value = fields.peek("content")
    if isinstance(value, str):
        fields.drop("content")
        return "text", [Text(text=value)]
    if value == []:
        fields.drop("content")
        return "parts", []
    if isinstance(value, list):
        parts = list(fields.items("content", decode_part))
        return ("parts" if parts else "none"), parts
    if value is not None and fields.strict:
        raise mistyped(fields.path("content"), "a text or a list of parts", value)
    return "none", []


def _reasoning(fields: Fields) -> list[Reasoning]:
    """What was thought. Of two names for it the second is left where it is, and blocks with a proof go before both."""
    blocks = decode_blocks(fields)
    if blocks is not None:
        shown = "".join(one.text for one in blocks)
        if fields.peek(REASONING[0]) == shown:  # the same twice, for readers of either
            fields.drop(REASONING[0])
            blocks = [replace(one, label=REASONING[0]) for one in blocks]
        return blocks
    for name in REASONING:
        value = fields.peek(name)
        if isinstance(value, str):
            fields.drop(name)
            return [Reasoning(text=value, label="" if name == REASONING[0] else name)]
    return []


def _spoken(fields: Fields) -> list[Audio]:
    """An assistant's spoken answer. One without an id is left where it is."""
    value = as_object(fields.peek("audio"))
    if value is not None and not isinstance(value.get("id"), str) and not fields.strict:
        return []
    spoken = fields.tree("audio")
    if spoken is None:
        return []
    inner = Fields(spoken, fields.path("audio"), strict=fields.strict)
    spoken_id, data, transcript = inner.needed("id"), inner.text("data"), inner.text("transcript")
    return [Audio(id=spoken_id, data=data, transcript=transcript, extra=inner.left())]


def encode_message(message: Message) -> dict[str, Any]:
    """Write one message."""
    out: dict[str, Any] = {"role": message.role}
    content: list[ContentPart] = []
    calls: list[dict[str, Any]] = []
    for part in message.parts:
        match part:
            case ToolCall(legacy=False):
                calls.append(encode_call(part))
            case Reasoning() | Refusal(inline=False) | Audio(id=str()) | ToolCall():
                _encode_beside(out, part)
            case Text() | Refusal() | Image() | Audio() | File() | Unknown():
                content.append(part)
    if content or message.form != "none":
        out["content"] = _encode_content(message.form, content)
    if annotations := encode_annotations(message.parts):
        out["annotations"] = annotations
    if calls:
        out["tool_calls"] = calls
    out |= encode_cache(message.cache)
    out |= present(name=message.name, tool_call_id=message.tool_call_id)
    return merged(out, message.extra)


def _encode_beside(out: dict[str, Any], part: Reasoning | Refusal | Audio | ToolCall) -> None:
    """Write a part that stands beside the content."""
    match part:
        case Reasoning() if part.signature:
            out.setdefault(BLOCKS, []).append(encode_block(part))
            if part.label:
                out[part.label] = out.get(part.label, "") + part.text
        case Reasoning():
            out[part.label or REASONING[0]] = part.text
        case Refusal():
            out["refusal"] = part.text
        case Audio():
            out["audio"] = encode_spoken(part)
        case ToolCall():
            out["function_call"] = encode_call(part)


def encode_spoken(audio: Audio) -> dict[str, Any]:
    """Write `audio` of an assistant's message."""
    return merged(present(id=audio.id, data=audio.data, transcript=audio.transcript), audio.extra)


def _encode_content(form: ContentForm, parts: list[ContentPart]) -> str | list[dict[str, Any]]:
    texts = [part.text for part in parts if isinstance(part, Text) and not part.extra]
    if form == "text" and len(texts) == len(parts):
        return "".join(texts)
    return [encode_part(part) for part in parts]
