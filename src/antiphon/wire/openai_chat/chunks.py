"""Writes the events of another dialect's stream as chunks of Chat Completions."""

from typing import Any

import msgspec

from antiphon.core.content import Reasoning, Text
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.codec import Encoder
from antiphon.wire.fields import present
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.annotations import encode_annotations
from antiphon.wire.openai_chat.calls import INNER
from antiphon.wire.openai_chat.foreign_answers import WHO, stopped
from antiphon.wire.openai_chat.messages import REASONING, encode_spoken
from antiphon.wire.openai_chat.thinking import BLOCKS, encode_block, encode_proof
from antiphon.wire.openai_chat.usage import encode_usage

DONE = b"data: [DONE]\n\n"
_text = msgspec.json.Encoder().encode


class Chunks(Encoder):
    """One stream. A proof of thoughts is told as a whole block, behind the thoughts themselves."""

    __slots__ = ("_head", "_losses", "_start", "_thoughts", "_usage", "_wants_usage")

    def __init__(self, losses: Losses, *, wants_usage: bool) -> None:
        super().__init__()
        self._losses = losses
        self._wants_usage = wants_usage
        self._head = b""
        """Of every chunk, up to its choices."""
        self._start = b""
        """Of every chunk that is text alone, up to the text."""
        self._thoughts: dict[int, list[str]] = {}
        """Of each answer, the thoughts since the last proof."""
        self._usage: Usage | None = None

    def event(self, event: Event) -> bytes:
        """One chunk; nothing for what tells of usage alone."""
        if event.usage is not None:
            self._usage = event.usage
        deltas = event.deltas
        if self._start and len(deltas) == 1 and is_text_alone(deltas[0]):
            return b'%b%b},"finish_reason":null}]}\n\n' % (self._start, _text(deltas[0].text))
        if not self._head:
            self._begin(event)
        choices = [one for delta in deltas if (one := self._choice(delta)) is not None]
        return b"%b%b}\n\n" % (self._head, _text(choices)) if choices else b""

    def end(self) -> bytes:
        """The usage, where the caller asked for it, and the mark of the end."""
        if not self._wants_usage or self._usage is None:
            return DONE
        return b'%b[],"usage":%b}\n\n%b' % (self._head, _text(encode_usage(self._usage)), DONE)

    def _begin(self, event: Event) -> None:
        self.created_s = event.created_s or self.created_s
        head = {"id": event.id, "object": "chat.completion.chunk", "created": self.created_s, "model": event.model}
        if event.fingerprint:
            head["system_fingerprint"] = event.fingerprint
        self._head = b'data: %b,"choices":' % _text(head)[:-1]
        self._start = self._head + b'[{"index":0,"delta":{"content":'

    def _choice(self, delta: Delta) -> dict[str, Any] | None:
        """What an event adds to one answer; None: nothing that can be told."""
        said: dict[str, Any] = present(role=delta.role, content=delta.text, refusal=delta.refusal)
        if delta.reasoning:
            said[REASONING[0]] = delta.reasoning
            self._thoughts.setdefault(delta.index, []).append(delta.reasoning)
        if delta.signature and not delta.text and not delta.tool_calls:
            said[BLOCKS] = [self._block(delta)]
        if delta.citations:
            said["annotations"] = encode_annotations((Text(text="", citations=delta.citations),))
        if delta.audio is not None:
            said["audio"] = encode_spoken(delta.audio)
        if delta.tool_calls:
            said["tool_calls"] = [_call(call) for call in delta.tool_calls]
        for one in delta.unknown:
            self._losses.add(f"answer.{one.kind}", f"{WHO} has no part of the kind {one.kind}")
        if not said and delta.finish_reason is None and delta.logprobs is None:
            return None
        reason = "stop" if delta.finish_reason == "other" else delta.finish_reason
        if delta.stop_sequence is not None:
            stopped(self._losses)
        return {
            "index": delta.index,
            "delta": said,
            **present(logprobs=delta.logprobs),
            "finish_reason": reason,
        }

    def _block(self, delta: Delta) -> dict[str, Any]:
        text = "" if delta.redacted else "".join(self._thoughts.pop(delta.index, []))
        return encode_block(
            Reasoning(text=text, signature=delta.signature, signed_by=delta.signed_by, redacted=delta.redacted)
        )


def is_text_alone(delta: Delta) -> bool:
    """Whether a piece of the first answer is text and nothing else: what nearly every event is."""
    return (
        delta.text is not None
        and delta.index == 0
        and delta.role is None
        and delta.finish_reason is None
        and delta.reasoning is None
        and not delta.tool_calls
        and not delta.citations
        and not delta.unknown
        and delta.refusal is None
        and delta.logprobs is None
        and delta.audio is None
    )


def _call(call: ToolCallDelta) -> dict[str, Any]:
    key = "custom" if call.custom else "function"
    out: dict[str, Any] = {"index": call.index, **present(id=call.id)}
    if call.id is not None or call.name is not None:
        out["type"] = key
    inner = present(**{"name": call.name, INNER[key]: call.arguments})
    if inner:
        out[key] = inner
    if call.signature:
        out |= encode_proof(call.signature, call.signed_by)
    return out
