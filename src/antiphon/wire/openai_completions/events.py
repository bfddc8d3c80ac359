"""Streams of legacy completions, both ways. Source: openai-python 3.52.0, `types/completion.py`: chunks have the form of
whole answers.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.response import Delta, Event
from antiphon.wire.fields import Fields
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.answers import opened, take_usage
from antiphon.wire.openai_chat.chunks import is_text_alone
from antiphon.wire.openai_chat.usage import usage_of
from antiphon.wire.openai_chat.writer import ChunkWriter, to_json
from antiphon.wire.openai_completions.answers import (
    OBJECT,
    left_out,
    reason_of,
    refused,
    take_logprobs,
    take_reason,
)
from antiphon.wire.openai_completions.logprobs import from_chat
from antiphon.wire.sse import SseReader, data_of
from antiphon.wire.stream import Decoder

_DONE = b"[DONE]"


class _Choice(Struct, gc=False, forbid_unknown_fields=True):
    text: str
    index: int
    logprobs: None = None
    finish_reason: None = None


class _Usual(Struct, gc=False):
    """A chunk that is text alone."""

    id: str
    model: str
    created: int
    choices: tuple[_Choice]
    usage: None = None
    error: None = None


_usual = msgspec.json.Decoder(_Usual)
_chunk = msgspec.json.Decoder(dict[str, Any])


class CompletionDecoder(Decoder):
    """One stream of an upstream."""

    __slots__ = ("_finished", "_reader", "_seen")

    def __init__(self) -> None:
        super().__init__()
        self._reader = SseReader()
        self._seen: set[int] = set()
        """Answers that have begun."""
        self._finished = False

    def feed(self, piece: bytes) -> Sequence[Event]:
        return [said for event in self._reader.feed(piece) if (said := self._event(event)) is not None]

    def end(self) -> Sequence[Event]:
        try:
            last = self._event(self._reader.end())
        except UpstreamMalformed as error:
            raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if self.failure is None and not (self.done or self._finished):
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return [] if last is None else [last]

    def _event(self, event: bytes) -> Event | None:
        data = data_of(event)
        payload = data.strip() if data else b""
        if not payload or self.failure is not None or self.done:
            return None
        if payload == _DONE:
            self.done = True
            return None
        if 0 in self._seen:
            try:
                usual = _usual.decode(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return self._any(payload)
            (choice,) = usual.choices
            if choice.index == 0:
                return Event(
                    dialect="openai_completions",
                    id=usual.id,
                    model=usual.model,
                    created_s=usual.created,
                    deltas=(Delta(text=choice.text),),
                )
        return self._any(payload)

    def _any(self, payload: bytes) -> Event | None:
        try:
            fields = opened(_chunk.decode(payload), OBJECT)
        except UpstreamError as error:
            error.noted = "the upstream ended its stream with an error"
            self.failure = error
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error
        deltas = fields.items("choices", self._delta)
        if fields.peek("choices") == []:
            fields.drop("choices")
        if fields.peek("usage") is not None:
            self.usage_note = usage_of(fields.peek("usage"))[1]
        usage, raw = take_usage(fields)
        return Event(
            dialect="openai_completions",
            id=fields.needed("id"),
            model=fields.needed("model"),
            created_s=fields.whole("created") or 0,
            deltas=deltas,
            usage=usage,
            usage_raw=raw,
            fingerprint=fields.text("system_fingerprint"),
            extra=fields.left(),
        )

    def _delta(self, fields: Fields) -> Delta:
        index = fields.whole("index") or 0
        first = index not in self._seen
        self._seen.add(index)
        reason, raw = take_reason(fields)
        self._finished = self._finished or reason is not None
        return Delta(
            index=index,
            role="assistant" if first else None,
            text=fields.text("text"),
            logprobs=take_logprobs(fields),
            finish_reason=reason,
            finish_raw=raw,
            extra=fields.left(),
        )


class CompletionEncoder(ChunkWriter):
    """One stream for a caller, whichever dialect it came in."""

    __slots__ = ("_offsets",)
    kind = OBJECT
    opens = b'[{"text":'

    def __init__(self, losses: Losses, *, wants_usage: bool) -> None:
        super().__init__(losses, wants_usage=wants_usage)
        self._offsets: dict[int, int] = {}
        """Of each answer, the characters whose likelihood was told."""

    def event(self, event: Event) -> bytes:
        """One chunk; nothing for what tells of usage or a role alone."""
        if event.usage is not None:
            self._usage = event.usage
        deltas = event.deltas
        if self._start and len(deltas) == 1 and is_text_alone(deltas[0]):
            return b'%b%b,"index":0,"logprobs":null,"finish_reason":null}]}\n\n' % (
                self._start,
                to_json(deltas[0].text),
            )
        if not self._head:
            self._begin(event)
        own = event.dialect == "openai_completions"
        choices = [one for delta in deltas if (one := self._choice(delta, own=own)) is not None]
        return b"%b%b}\n\n" % (self._head, to_json(choices)) if choices else b""

    def _choice(self, delta: Delta, *, own: bool) -> dict[str, Any] | None:
        """What an event adds to one answer; None: nothing that can be told."""
        text = delta.text
        if delta.refusal:
            text = (text or "") + delta.refusal
            refused(self._losses)
        for kind, there in (
            ("reasoning", delta.reasoning or delta.signature),
            ("audio", delta.audio),
            ("tool_calls", delta.tool_calls),
            ("unknown", delta.unknown),
            ("citations", delta.citations),
            ("stop_sequence", delta.stop_sequence is not None),
        ):
            if there:
                left_out(kind, self._losses)
        if not text and delta.finish_reason is None and delta.logprobs is None:
            return None
        return {
            "text": text or "",
            "index": delta.index,
            "logprobs": self._chances(delta),
            "finish_reason": reason_of(delta.finish_reason, delta.finish_raw, self._losses, own=own),
            **(delta.extra if own else {}),
        }

    def _chances(self, delta: Delta) -> dict[str, Any] | None:
        if delta.logprobs is None:
            return None
        said, self._offsets[delta.index] = from_chat(delta.logprobs, self._offsets.get(delta.index, 0))
        return said
