"""Reads an upstream's stream into canonical events. Source: openai-python 3.52.0,
`types/responses/response_stream_event.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.content import Extra, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamMalformed
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.wire.fields import Fields, as_list, as_object
from antiphon.wire.openai_responses.answers import reason_of
from antiphon.wire.openai_responses.citations import decode_citation
from antiphon.wire.openai_responses.failures import failure_of
from antiphon.wire.openai_responses.finished import thoughts_of, words_of
from antiphon.wire.openai_responses.items import CALLS
from antiphon.wire.openai_responses.kept import keep
from antiphon.wire.openai_responses.proofs import DIALECT
from antiphon.wire.openai_responses.relay import ENDS
from antiphon.wire.openai_responses.shape import seconds
from antiphon.wire.openai_responses.thoughts import CONTENT
from antiphon.wire.openai_responses.usage import encode_usage, usage_of
from antiphon.wire.sse import SseReader, data_of
from antiphon.wire.stream import Decoder


class _Said(Struct, gc=False):
    type: str = ""
    delta: Any = None
    output_index: int = 0
    logprobs: Any = None
    item: Any = None
    annotation: Any = None
    response: Any = None
    summary_index: int = 0
    error: Any = None


_said = msgspec.json.Decoder(_Said)
_whole = msgspec.json.Decoder(dict[str, Any])


class EventReader(Decoder):
    """One stream."""

    __slots__ = ("_calls", "_created_s", "_id", "_items", "_model", "_reader", "_seen")

    def __init__(self) -> None:
        super().__init__()
        self._reader = SseReader()
        self._id = self._model = ""
        self._created_s = 0
        self._items: dict[int, Mapping[str, Any]] = {}
        """Items that were begun and have said nothing yet, by their place."""
        self._calls: dict[int, tuple[int, bool]] = {}
        """Of each tool call by its place: which call of the answer it is, and whether any of its arguments came."""
        self._seen: set[int] = set()
        """Places of items that said something."""

    def feed(self, piece: bytes) -> Sequence[Event]:
        """Read what came, however it was cut. Raises: UpstreamMalformed."""
        out: list[Event] = []
        for event in self._reader.feed(piece):
            delta = self._event(event)
            if delta is not None:
                out.append(delta)
        return out

    def end(self) -> Sequence[Event]:
        """The upstream's body has ended. Raises: UpstreamBroken, amid an answer."""
        try:
            last = self._event(self._reader.end())
        except UpstreamMalformed as error:
            raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if not self.done and self.failure is None:
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return () if last is None else (last,)

    def _event(self, event: bytes) -> Event | None:
        if self.failure is not None or self.done:
            return None
        data = data_of(event)
        if not data or data.isspace() or data == b"[DONE]":
            return None
        try:
            said = _said.decode(data)
            if said.type == "error" or (not said.type and said.error is not None):
                self.failure = failure_of(_whole.decode(data))
                return None
        except msgspec.ValidationError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error
        kind = said.type
        if kind == "response.output_text.delta" and said.output_index in self._seen and not said.logprobs:
            text = said.delta
            return self._made(Delta(text=text)) if type(text) is str else None
        if kind in ENDS:
            return self._ended(said, kind)
        read = _READ.get(kind)
        return read(self, said) if read is not None else None

    def _made(self, delta: Delta) -> Event:
        return Event(dialect=DIALECT, id=self._id, model=self._model, created_s=self._created_s, deltas=(delta,))

    def begun(self, said: _Said) -> Event | None:
        """The answer's id and model."""
        response = as_object(said.response) or {}
        self._named(response)
        return None if said.type != "response.created" else self._made(Delta(role="assistant"))

    def _named(self, response: Mapping[str, Any]) -> None:
        for name, word in (("_id", "id"), ("_model", "model"), ("service", "service_tier")):
            value = response.get(word)
            if isinstance(value, str):
                setattr(self, name, value)
        self._created_s = seconds(response.get("created_at")) or self._created_s

    def _ended(self, said: _Said, kind: str) -> Event | None:
        response = as_object(said.response) or {}
        self._named(response)
        if kind == "response.failed":
            self.failure = failure_of(response.get("error"))
            return None
        self.done = True
        reason, raw = reason_of({"status": kind.removeprefix("response."), **response}, calls=bool(self._calls))
        raw_usage = as_object(response.get("usage"))
        usage = None
        if raw_usage is not None:
            usage, self.usage_note = usage_of(raw_usage)
        same = usage is None or raw_usage == encode_usage(usage)
        return Event(
            dialect=DIALECT,
            id=self._id,
            model=self._model,
            created_s=self._created_s,
            deltas=(Delta(finish_reason=reason, finish_raw=raw),),
            usage=usage,
            usage_raw={} if same or raw_usage is None else raw_usage,
        )

    def added(self, said: _Said) -> Event | None:
        """An item begins: a call says its name at once, others wait for their first words."""
        item = as_object(said.item)
        if item is None:
            return None
        self._items[said.output_index] = item
        kind = item.get("type")
        return self._call(said.output_index, item, kind) if isinstance(kind, str) and kind in CALLS else None

    def _call(self, place: int, item: Mapping[str, Any], kind: str) -> Event:
        tool, words = CALLS[kind]
        fields = Fields(item, strict=False)
        call_id, name, arguments = fields.text("call_id"), fields.text("name"), fields.text(words)
        index = len(self._calls)
        self._calls[place] = (index, bool(arguments))
        extra: Extra = {}
        if isinstance(item.get("id"), str):
            keep(extra, "id", item["id"])
        call = ToolCallDelta(
            index=index,
            id=call_id or "",
            name=name or "",
            arguments=arguments or "",
            kind=tool,
            custom=tool == "custom",
            extra=extra,
        )
        return self._made(Delta(tool_calls=(call,)))

    def _first(self, place: int) -> Extra:
        """What the item that a delta begins says of itself."""
        self._seen.add(place)
        item = self._items.pop(place, None)
        extra: Extra = {}
        if item is not None and isinstance(item.get("id"), str):
            keep(extra, "id", item["id"])
        return extra

    def text(self, said: _Said) -> Event | None:
        """Words of the answer, the first ones or with their probabilities."""
        if not isinstance(said.delta, str):
            return None
        first = self._first(said.output_index)
        logprobs = as_list(said.logprobs)
        return self._made(
            Delta(text=said.delta, delta_extra=first, logprobs={"content": logprobs} if logprobs else None)
        )

    def refused(self, said: _Said) -> Event | None:
        if not isinstance(said.delta, str):
            return None
        return self._made(Delta(refusal=said.delta, delta_extra=self._first(said.output_index)))

    def thought(self, said: _Said) -> Event | None:
        """Thoughts, or a summary of them."""
        if not isinstance(said.delta, str):
            return None
        label = CONTENT if said.type == "response.reasoning_text.delta" else ""
        extra = self._first(said.output_index)
        return self._made(Delta(reasoning=said.delta, reasoning_label=label, delta_extra=extra))

    def next_summary(self, said: _Said) -> Event | None:
        """A further part of a summary."""
        if said.summary_index <= 0:
            return None
        return self._made(Delta(reasoning="\n\n", delta_extra=self._first(said.output_index)))

    def arguments(self, said: _Said) -> Event | None:
        known = self._calls.get(said.output_index)
        if known is None or not isinstance(said.delta, str):
            return None
        index, _ = known
        self._calls[said.output_index] = (index, True)
        return self._made(Delta(tool_calls=(ToolCallDelta(index=index, arguments=said.delta),)))

    def annotated(self, said: _Said) -> Event | None:
        annotation = as_object(said.annotation)
        if annotation is None:
            return None
        citation = decode_citation(Fields(annotation, strict=False))
        return self._made(Delta(citations=(citation,), delta_extra=self._first(said.output_index)))

    def finished(self, said: _Said) -> Event | None:
        """An item ends: what it didn't say in pieces is said whole."""
        item = as_object(said.item)
        place = said.output_index
        if item is None:
            return None
        kind = item.get("type")
        if not isinstance(kind, str):
            return None
        if kind == "reasoning":
            return self._thought_whole(item, place)
        if kind == "message":
            return self._message_whole(item, place)
        if kind in CALLS:
            return self._call_whole(item, kind, place)
        self._first(place)
        return self._made(Delta(unknown=(Unknown(kind=kind, raw=item),)))

    def _thought_whole(self, item: Mapping[str, Any], place: int) -> Event | None:
        told = place in self._seen
        extra = self._first(place)
        if not extra and isinstance(item.get("id"), str) and not told:
            keep(extra, "id", item["id"])
        thoughts, label = ("", "") if told else thoughts_of(item)
        sealed = item.get("encrypted_content")
        signature = sealed if isinstance(sealed, str) else None
        if not thoughts and signature is None:
            return None
        return self._made(
            Delta(
                reasoning=thoughts or None,
                reasoning_label=label if thoughts else "",
                signature=signature,
                signed_by=DIALECT if signature is not None else "",
                redacted=not thoughts and not told,
                delta_extra=extra,
            )
        )

    def _message_whole(self, item: Mapping[str, Any], place: int) -> Event | None:
        if place in self._seen:
            return None
        extra = self._first(place)
        text, refusal = words_of(item)
        return self._made(Delta(text=text, refusal=refusal, delta_extra=extra)) if text or refusal else None

    def _call_whole(self, item: Mapping[str, Any], kind: str, place: int) -> Event | None:
        known = self._calls.get(place)
        if known is None:
            return self._call(place, item, kind)
        arguments = item.get(CALLS[kind][1])
        index, said = known
        if said or not isinstance(arguments, str) or not arguments:
            return None
        return self._made(Delta(tool_calls=(ToolCallDelta(index=index, arguments=arguments),)))


_READ: Mapping[str, Callable[[EventReader, _Said], Event | None]] = {
    "response.created": EventReader.begun,
    "response.in_progress": EventReader.begun,
    "response.queued": EventReader.begun,
    "response.output_item.added": EventReader.added,
    "response.output_item.done": EventReader.finished,
    "response.output_text.delta": EventReader.text,
    "response.output_text.annotation.added": EventReader.annotated,
    "response.refusal.delta": EventReader.refused,
    "response.reasoning_summary_part.added": EventReader.next_summary,
    "response.reasoning_summary_text.delta": EventReader.thought,
    "response.reasoning_text.delta": EventReader.thought,
    "response.function_call_arguments.delta": EventReader.arguments,
    "response.custom_tool_call_input.delta": EventReader.arguments,
}
"""Every other kind of event repeats what these say, or tells how far a tool of the provider's is."""
