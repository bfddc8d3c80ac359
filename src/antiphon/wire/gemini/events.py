"""Reads a stream into canonical events.

There is no last event: a stream is whole when every candidate has its `finishReason`, or the prompt was refused, and the body
ends. So the ends of the answers and the usage are told at the end of the body.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.core.content import Audio, Citation, Extra, Image, Part, Reasoning, Text, ToolCall, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamMalformed
from antiphon.core.response import Delta, Event
from antiphon.wire.fields import Fields, as_list, as_object, merged
from antiphon.wire.gemini.answers import blocked, take_chances, take_created, take_usage
from antiphon.wire.gemini.chunks import Plain, plain, whole
from antiphon.wire.gemini.failures import failure
from antiphon.wire.gemini.finish import decode_finish
from antiphon.wire.gemini.parts import decode_part
from antiphon.wire.gemini.pieces import Pieces
from antiphon.wire.gemini.said import Voice
from antiphon.wire.gemini.sources import grounded, quoted, searches
from antiphon.wire.gemini.streamed import Calls
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder


class _Answer:
    """One candidate as far as it came."""

    __slots__ = ("calls", "cited", "extra", "finish", "texts")

    def __init__(self, made: str, index: int) -> None:
        self.calls = Calls(made, index)
        self.texts: list[str] = []
        self.finish: str | None = None
        self.cited: tuple[Citation, ...] = ()
        self.extra: Extra = {}
        """What is said of the candidate beside its content."""


class StreamDecoder(Decoder):
    """Reads one stream."""

    __slots__ = ("_answers", "_created_s", "_extra", "_id", "_model", "_pieces", "_refused", "_searches", "_usage")

    def __init__(self) -> None:
        super().__init__()
        self._pieces = Pieces()
        self._id = self._model = ""
        self._created_s = 0
        self._answers: dict[int, _Answer] = {}
        self._usage: msgspec.Raw | dict[str, Any] | None = None
        self._refused = False
        self._extra: Extra = {}
        self._searches = 0

    def feed(self, piece: bytes) -> Sequence[Event]:
        out: list[Event] = []
        for _, data in self._pieces.feed(piece):
            if data and self.failure is None:
                self._chunk(data, out)
        return out

    def end(self) -> Sequence[Event]:
        out: list[Event] = []
        _, data = self._pieces.end()
        if data and self.failure is None:
            try:
                self._chunk(data, out)
            except UpstreamMalformed as error:
                raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if self.failure is not None:
            return out
        unfinished = not self._answers or any(answer.finish is None for answer in self._answers.values())
        if unfinished and not self._refused:
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        out.append(self._last())
        self.done = True
        return out

    def _chunk(self, data: bytes, out: list[Event]) -> None:
        chunk = plain(data)
        if chunk is None:
            self._any(whole(data), out)
        else:
            self._plain(chunk, out)

    def _plain(self, chunk: Plain, out: list[Event]) -> None:
        if not self._id:
            self._name(chunk.responseId, chunk.modelVersion)
            if chunk.createTime:
                self._created_s = take_created(Fields({"createTime": chunk.createTime}, strict=False))
        if chunk.usageMetadata is not msgspec.UNSET:
            self._usage = chunk.usageMetadata
        for candidate in chunk.candidates:
            index = candidate.index
            answer = self._answers.get(index)
            role = None
            if answer is None:
                answer, role = self._begin(index), "assistant"
            for piece in candidate.content.parts:
                if piece.thought:
                    delta = Delta(index=index, role=role, reasoning=piece.text)
                else:
                    answer.texts.append(piece.text)
                    delta = Delta(index=index, role=role, text=piece.text)
                role = None
                out.append(self._event(delta))

    def _begin(self, index: int) -> _Answer:
        answer = self._answers[index] = _Answer(self._id, index)
        return answer

    def _name(self, answer_id: str, model: str) -> None:
        self._id = self._id or answer_id
        self._model = self._model or model

    def _event(self, *deltas: Delta) -> Event:
        return Event(dialect="gemini", id=self._id, model=self._model, created_s=self._created_s, deltas=deltas)

    def _any(self, chunk: dict[str, Any], out: list[Event]) -> None:
        """Read a chunk that is more than plain."""
        if chunk.get("error") and not chunk.get("candidates"):
            self.failure = failure(chunk["error"])
            return
        fields = Fields(chunk, strict=False)
        self._name(fields.text("responseId") or "", fields.text("modelVersion") or "")
        self._created_s = take_created(fields) or self._created_s
        self._usage = fields.tree("usageMetadata") or self._usage
        for value in as_list(chunk.get("candidates")) or ():
            candidate = as_object(value)
            if candidate is not None:
                self._candidate(Fields(candidate, strict=False), out)
        if blocked(chunk.get("promptFeedback")) and not self._answers:
            self._refused = True
        rest = fields.left()
        rest.pop("candidates", None)
        self._extra = merged(self._extra, rest)

    def _candidate(self, fields: Fields, out: list[Event]) -> None:
        index = fields.whole("index") or 0
        answer = self._answers.get(index)
        role = None
        if answer is None:
            answer, role = self._begin(index), "assistant"
        content = Fields(fields.tree("content") or {}, strict=False)
        for part in content.items("parts", lambda part: part):
            for delta in self._part(part, index, role, answer):
                out.append(self._event(delta))
                role = None
        chances = take_chances(fields)
        if chances is not None or role is not None:
            out.append(self._event(Delta(index=index, role=role, logprobs=chances)))
        answer.finish = fields.text("finishReason") or answer.finish
        self._cite(fields, answer)
        answer.extra = merged(answer.extra, fields.left())

    def _part(self, fields: Fields, index: int, role: str | None, answer: _Answer) -> list[Delta]:
        call = as_object(fields.peek("functionCall"))
        if call is not None and answer.calls.partial(call):
            calls = answer.calls.piece(call, fields)
            return [Delta(index=index, role=role, tool_calls=calls)] if calls else []
        part = decode_part(fields, answer.calls.seed)
        if isinstance(part, Text):
            answer.texts.append(part.text)
        return [delta_of(part, index, role, answer.calls)]

    def _cite(self, fields: Fields, answer: _Answer) -> None:
        metadata, other = fields.peek("groundingMetadata"), fields.peek("citationMetadata")
        if metadata is None and other is None:
            return
        text = "".join(answer.texts)
        self._searches += searches(metadata)
        answer.cited = grounded(metadata, text) + quoted(other, text)

    def _last(self) -> Event:
        usage, raw, self.usage_note = self._used()
        deltas = [self._ended(index, answer) for index, answer in self._answers.items()]
        if self._refused:
            deltas = [Delta(index=0, role="assistant", finish_reason="content_filter")]
        event = self._event(*deltas)
        return msgspec.structs.replace(event, usage=usage, usage_raw=raw, extra=self._extra)

    def _used(self) -> tuple[Any, Extra, str]:
        raw = self._usage
        if isinstance(raw, msgspec.Raw):
            raw = whole(bytes(raw))
        return take_usage(Fields({"usageMetadata": raw}, strict=False), self._searches)

    def _ended(self, index: int, answer: _Answer) -> Delta:
        rest = answer.calls.close()
        reason, raw = decode_finish(answer.finish, called=answer.calls.count > 0)
        return Delta(
            index=index,
            citations=answer.cited,
            tool_calls=rest,
            finish_reason=reason,
            finish_raw=raw,
            extra=answer.extra,
        )


def delta_of(part: Part, index: int, role: str | None, calls: Calls) -> Delta:
    """What a whole part adds."""
    match part:
        case Text():
            text = part.text if part.text or part.signature is None else None
            return Delta(
                index=index,
                role=role,
                text=text,
                signature=part.signature,
                signed_by=part.signed_by,
                delta_extra=part.extra,
            )
        case Reasoning():
            return Delta(
                index=index,
                role=role,
                reasoning=part.text or None,
                signature=part.signature,
                signed_by=part.signed_by,
                redacted=part.redacted,
                delta_extra=part.extra,
            )
        case ToolCall():
            return Delta(index=index, role=role, tool_calls=(calls.whole(part),))
        case Audio():
            return Delta(index=index, role=role, audio=part)
        case _:
            return Delta(index=index, role=role, unknown=(_raw(part),))


def _raw(part: Part) -> Unknown:
    """A part that a stream has no word for, such as an image, in the dialect's own form."""
    if isinstance(part, Unknown):
        return part
    said = Voice(Losses(), own=True, caller=True).part(part, "")
    return Unknown(kind="inlineData" if isinstance(part, Image) else "fileData", raw=said or {})
