"""Chunks of a streamed answer, both ways."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import Audio, Text
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.wire.fields import Fields, merged, present
from antiphon.wire.openai_chat.annotations import decode_annotations, encode_annotations
from antiphon.wire.openai_chat.answers import opened, said_usage, take_finish, take_usage
from antiphon.wire.openai_chat.calls import INNER
from antiphon.wire.openai_chat.messages import REASONING, encode_spoken
from antiphon.wire.openai_chat.thinking import decode_proof, encode_proof

OBJECT = "chat.completion.chunk"


def decode_event(chunk: Mapping[str, Any]) -> Event:
    """Read a chunk; what is odd in it is carried, not refused. Raises: UpstreamError when it is an error."""
    fields = opened(chunk, OBJECT)
    deltas = fields.items("choices", _delta)
    if fields.peek("choices") == []:
        fields.drop("choices")
    usage, raw = take_usage(fields)
    return Event(
        dialect="openai_chat",
        id=fields.needed("id"),
        model=fields.needed("model"),
        created_s=fields.whole("created") or 0,
        deltas=deltas,
        usage=usage,
        usage_raw=raw,
        fingerprint=fields.text("system_fingerprint"),
        extra=fields.left(),
    )


def _delta(choice: Fields) -> Delta:
    value = choice.tree("delta") or {}
    said = Fields(value, strict=False)
    reason, raw = take_finish(choice)
    thought, label = _thought(said)
    calls = said.items("tool_calls", _call)
    citations = decode_annotations(said)
    legacy = said.tree("function_call")
    if legacy is not None:
        calls += (_legacy_call(Fields(legacy, strict=False)),)
    return Delta(
        index=choice.whole("index") or 0,
        role=said.text("role"),
        text=said.text("content"),
        refusal=said.text("refusal"),
        reasoning=thought,
        reasoning_label=label,
        citations=citations,
        audio=_spoken(said),
        tool_calls=calls,
        finish_reason=reason,
        finish_raw=raw,
        logprobs=choice.tree("logprobs"),
        extra=choice.left(),
        delta_extra=said.left(),
    )


def _thought(said: Fields) -> tuple[str | None, str]:
    for name in REASONING:
        value = said.text(name)
        if value is not None:
            return value, "" if name == REASONING[0] else name
    return None, ""


def _spoken(said: Fields) -> Audio | None:
    value = said.tree("audio")
    if value is None:
        return None
    fields = Fields(value, strict=False)
    spoken_id, data, transcript = fields.text("id"), fields.text("data"), fields.text("transcript")
    return Audio(id=spoken_id, data=data, transcript=transcript, extra=fields.left())


def _call(fields: Fields) -> ToolCallDelta:
    kind = fields.text("type")
    custom = kind == "custom" or type(fields.peek("custom")) is dict
    key = "custom" if custom else "function"
    inner = fields.inner(key) or Fields({}, strict=False)
    proof, by = decode_proof(fields)
    return ToolCallDelta(
        index=fields.whole("index") or 0,
        id=fields.text("id"),
        name=inner.text("name"),
        arguments=inner.text(INNER[key]),
        kind=kind,
        custom=custom,
        signature=proof,
        signed_by=by,
        extra=fields.left(),
    )


def _legacy_call(fields: Fields) -> ToolCallDelta:
    name, arguments = fields.text("name"), fields.text("arguments")
    return ToolCallDelta(index=0, name=name, arguments=arguments, legacy=True, extra=fields.left())


def encode_event(event: Event) -> dict[str, Any]:
    """Write a chunk."""
    out = {
        "id": event.id,
        "object": OBJECT,
        "created": event.created_s,
        "model": event.model,
        "choices": [_encode_delta(delta) for delta in event.deltas],
        **present(usage=said_usage(event.usage, event.usage_raw), system_fingerprint=event.fingerprint),
    }
    return merged(out, event.extra)


def _encode_delta(delta: Delta) -> dict[str, Any]:
    said = present(role=delta.role, content=delta.text, refusal=delta.refusal)
    said |= present(**{delta.reasoning_label or REASONING[0]: delta.reasoning})
    if delta.citations:
        said["annotations"] = encode_annotations((Text(text="", citations=delta.citations),))
    if delta.audio is not None:
        said["audio"] = encode_spoken(delta.audio)
    calls = [_encode_call(call) for call in delta.tool_calls if not call.legacy]
    if calls:
        said["tool_calls"] = calls
    for call in delta.tool_calls:
        if call.legacy:
            said["function_call"] = merged(present(name=call.name, arguments=call.arguments), call.extra)
    out: dict[str, Any] = {"index": delta.index, "delta": merged(said, delta.delta_extra)}
    out |= present(finish_reason=delta.finish_raw or delta.finish_reason, logprobs=delta.logprobs)
    return merged(out, delta.extra)


def _encode_call(call: ToolCallDelta) -> dict[str, Any]:
    out = {"index": call.index, **present(id=call.id, type=call.kind)}
    key = "custom" if call.custom else "function"
    inner = present(**{"name": call.name, INNER[key]: call.arguments})
    if inner:
        out[key] = inner
    if call.signature:
        out |= encode_proof(call.signature, call.signed_by)
    return merged(out, call.extra)
