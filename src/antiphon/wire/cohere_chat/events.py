"""Streamed answers of Cohere's chat. Source: cohere 7.3.1, `v2/types/v2chat_stream_response.py`."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.wire.cohere_chat.answers import Call
from antiphon.wire.cohere_chat.finish import failure_of, finish_of
from antiphon.wire.cohere_chat.said import OWN, Cited, LogProb, encode_logprobs, usage_of
from antiphon.wire.sse import SseReader, data_of
from antiphon.wire.stream import Decoder


class _Content(Struct, gc=False):
    text: str | None = None
    thinking: str | None = None


class _Message(Struct, gc=False):
    """The event that begins an answer has empty lists in the places of the rest."""

    content: _Content | list[Any] | str | None = None
    tool_plan: str | None = None
    tool_calls: Call | list[Any] | None = None
    citations: Cited | list[Any] | None = None


class _Delta(Struct, frozen=True, gc=False):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: str | None = None


class _Event(Struct, gc=False):
    type: str = ""
    id: str | None = None
    index: int = 0
    delta: _Delta = _Delta()
    logprobs: LogProb | None = None
    message: str | None = None
    """Of an error, which has no type."""


_event = msgspec.json.Decoder(_Event)
_NOTHING = _Message()


class CohereStream(Decoder):
    """Reads one stream."""

    __slots__ = ("_begun", "_calls", "_id", "_reader")

    def __init__(self) -> None:
        super().__init__()
        self._reader = SseReader()
        self._id = ""
        self._begun = False
        """The first event was told."""
        self._calls: dict[int, int] = {}
        """Place among the tool calls, by Cohere's own."""

    def feed(self, piece: bytes) -> Sequence[Event]:
        """Read what came. Raises: UpstreamMalformed."""
        events: list[Event] = []
        for raw in self._reader.feed(piece):
            if self.done or self.failure is not None:
                break
            self._read(raw, events)
        return events

    def end(self) -> Sequence[Event]:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamBroken, amid an answer."""
        events: list[Event] = []
        rest = self._reader.end()
        if rest and not self.done and self.failure is None:
            try:
                self._read(rest, events)
            except UpstreamMalformed:
                events.clear()
        if not self.done and self.failure is None:
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return events

    def _read(self, raw: bytes, events: list[Event]) -> None:
        data = data_of(raw)
        if not data or data == b"[DONE]":
            return
        try:
            said = _event.decode(data)
        except msgspec.ValidationError:
            return
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not JSON: {error}") from error
        delta = self._delta(said)
        if self.failure is not None:
            return
        usage = None
        if said.type == "message-end":
            usage, self.usage_note = usage_of(said.delta.usage)
            self.done = True
        if delta is not None:
            if not self._begun and delta.role is None:
                delta = msgspec.structs.replace(delta, role="assistant")
            self._begun = True
            events.append(Event(dialect=OWN, id=self._id, model=self.model, created_s=0, deltas=(delta,), usage=usage))

    def _delta(self, said: _Event) -> Delta | None:
        """What an event adds; None: nothing."""
        message = said.delta.message or _NOTHING
        match said.type:
            case "content-delta" | "content-start":
                return _content(message.content, said.logprobs)
            case "tool-plan-delta":
                return Delta(reasoning=message.tool_plan) if message.tool_plan else None
            case "tool-call-start" | "tool-call-delta":
                return self._call(said.index, message.tool_calls, starts=said.type == "tool-call-start")
            case "citation-start":
                return _cited(message.citations)
            case "message-start":
                self._id = said.id or ""
                return Delta(role="assistant")
            case "message-end":
                self.failure = failure_of(said.delta.finish_reason, said.delta.error)
                reason, word = finish_of(said.delta.finish_reason)
                return Delta(finish_reason=reason or "other", finish_raw=word)
            case "" if said.message:
                self.failure = UpstreamError(f"the upstream failed amid its stream: {said.message[:300]}")
                self.failure.noted = "the upstream failed amid its stream"
            case _:
                pass
        return None

    def _call(self, place: int, call: Call | list[Any] | None, *, starts: bool) -> Delta | None:
        if not isinstance(call, Call):
            return None
        arguments = call.function.arguments
        if starts:
            index = self._calls.setdefault(place, len(self._calls))
            made = ToolCallDelta(index=index, id=call.id, name=call.function.name, arguments=arguments, kind="function")
        elif arguments and place in self._calls:
            made = ToolCallDelta(index=self._calls[place], arguments=arguments)
        else:
            return None
        return Delta(tool_calls=(made,))


def _content(content: _Content | list[Any] | str | None, logprobs: LogProb | None) -> Delta | None:
    if not isinstance(content, _Content):
        return None
    told = encode_logprobs((logprobs,)) if logprobs is not None else None
    if content.text:
        return Delta(text=content.text, logprobs=told)
    return Delta(reasoning=content.thinking) if content.thinking else None


def _cited(cited: Cited | list[Any] | None) -> Delta | None:
    return Delta(citations=cited.citations()) if isinstance(cited, Cited) and cited.of_text else None
