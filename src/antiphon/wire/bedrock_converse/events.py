"""Streamed answers of ConverseStream.

An event's kind is in its frame's header, its payload is JSON; some have a field `p`, which only hides their length.
Source: botocore 1.44.8, `bedrock-runtime/service-2.json`: ConverseStreamOutput.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from antiphon.core.content import Unknown
from antiphon.core.error import UpstreamBroken, UpstreamMalformed
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.wire.bedrock_converse.answers import OWN, SERVER_TOOL, answer_id
from antiphon.wire.bedrock_converse.failures import failure_of
from antiphon.wire.bedrock_converse.finish import finish_of, stop_sequence_of
from antiphon.wire.bedrock_converse.said import Beside, Cited, ToolUse, own_fields
from antiphon.wire.bedrock_converse.usage import usage_of
from antiphon.wire.eventstream import Frame, FrameReader
from antiphon.wire.stream import Decoder


class _Input(Struct, gc=False):
    input: str = ""


class _Thought(Struct, gc=False, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: bytes | None = None


class _Change(Struct, gc=False, rename="camel"):
    text: str | None = None
    tool_use: _Input | None = None
    reasoning_content: _Thought | None = None
    citation: Cited | None = None
    tool_result: list[Any] | None = None
    image: dict[str, Any] | None = None


class _BlockDelta(Struct, gc=False, rename="camel"):
    delta: _Change
    content_block_index: int = 0


class _Start(Struct, gc=False, rename="camel"):
    tool_use: ToolUse | None = None
    tool_result: dict[str, Any] | None = None
    image: dict[str, Any] | None = None


class _BlockStart(Struct, gc=False, rename="camel"):
    start: _Start
    content_block_index: int = 0


class _Stop(Struct, gc=False, rename="camel"):
    stop_reason: str | None = None
    additional_model_response_fields: dict[str, Any] | None = None


class _Odd(Exception):
    """An event that isn't as it should be, which is passed over."""


_T = TypeVar("_T")
_delta = msgspec.json.Decoder(_BlockDelta)
_start = msgspec.json.Decoder(_BlockStart)
_stop = msgspec.json.Decoder(_Stop)
_beside = msgspec.json.Decoder(Beside)


def _read(decoder: msgspec.json.Decoder[_T], payload: bytes) -> _T:
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _Odd from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"an event of the upstream's stream is not JSON: {error}") from error


class ConverseStream(Decoder):
    """Reads one stream. The answer's id is a digest of its first two events: Bedrock gives it none."""

    __slots__ = ("_begun", "_calls", "_id", "_open", "_proof", "_reader", "_redacted", "_stopped")

    def __init__(self) -> None:
        super().__init__()
        self._reader = FrameReader()
        self._begun = b""
        """The event that began the message."""
        self._id = ""
        self._calls: dict[int, int] = {}
        """Place among the tool calls, by the block's index."""
        self._open: dict[str, Any] = {}
        """A block of a kind that the canonical form has no word for, so far."""
        self._proof: list[str] = []
        self._redacted: list[bytes] = []
        self._stopped = False

    def feed(self, piece: bytes) -> Sequence[Event]:
        """Read what came. Raises: UpstreamMalformed."""
        events: list[Event] = []
        for frame in self._reader.feed(piece):
            if self.done or self.failure is not None:
                break
            self._frame(frame, events)
        return events

    def end(self) -> Sequence[Event]:
        """The upstream's body has ended. Raises: UpstreamBroken, amid an answer."""
        if self.failure is not None:
            return ()
        if not self._stopped:
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        self.done = True
        return ()

    def _frame(self, frame: Frame, events: list[Event]) -> None:
        kind = frame.headers.get(":event-type")
        if frame.headers.get(":message-type") != "event":
            self.failure = failure_of(frame)
            if self.failure is not None:
                return
        try:
            match kind:
                case "contentBlockDelta":
                    self._changed(frame.payload, events)
                case "contentBlockStart":
                    self._started(frame.payload, events)
                case "contentBlockStop":
                    self._closed(frame.payload, events)
                case "messageStart":
                    self._begun = frame.payload
                case "messageStop":
                    self._ended(frame.payload, events)
                case "metadata":
                    self._told(frame.payload, events)
                case _:
                    pass
        except _Odd:
            return

    def _event(self, delta: Delta, payload: bytes) -> Event:
        """What a change means; the first also says whose turn it is."""
        if self._id:
            return Event(dialect=OWN, id=self._id, model=self.model, created_s=0, deltas=(delta,))
        self._id = answer_id(self._begun, payload)
        first = msgspec.structs.replace(delta, role="assistant")
        return Event(dialect=OWN, id=self._id, model=self.model, created_s=0, deltas=(first,))

    def _changed(self, payload: bytes, events: list[Event]) -> None:
        said = _read(_delta, payload)
        change = said.delta
        if change.text is not None:
            events.append(self._event(Delta(text=change.text), payload))
        elif change.tool_use is not None:
            self._argued(change.tool_use.input, said.content_block_index, payload, events)
        elif change.reasoning_content is not None:
            self._thought(change.reasoning_content, payload, events)
        elif change.citation is not None:
            events.append(self._event(Delta(citations=(change.citation.citation(),)), payload))
        elif self._open:
            inner = next(iter(self._open.values()))
            for name, value in (("content", change.tool_result), ("image", change.image)):
                if value is not None:
                    inner.setdefault(name, []).extend(value if isinstance(value, list) else [value])

    def _argued(self, text: str, block: int, payload: bytes, events: list[Event]) -> None:
        call = self._calls.get(block)
        if call is not None:
            events.append(self._event(Delta(tool_calls=(ToolCallDelta(index=call, arguments=text),)), payload))
        elif "toolUse" in self._open:
            self._open["toolUse"]["input"] += text

    def _thought(self, thought: _Thought, payload: bytes, events: list[Event]) -> None:
        if thought.text:
            events.append(self._event(Delta(reasoning=thought.text), payload))
        if thought.signature:
            self._proof.append(thought.signature)
        if thought.redacted_content:
            self._redacted.append(thought.redacted_content)

    def _started(self, payload: bytes, events: list[Event]) -> None:
        said = _read(_start, payload)
        self._closed(payload, events)
        call = said.start.tool_use
        if call is None:
            for name, value in (("toolResult", said.start.tool_result), ("image", said.start.image)):
                if value is not None:
                    self._open = {name: dict(value)}
        elif call.type == SERVER_TOOL:
            self._open = {
                "toolUse": {"toolUseId": call.tool_use_id, "name": call.name, "input": "", "type": SERVER_TOOL}
            }
        else:
            index = len(self._calls)
            self._calls[said.content_block_index] = index
            made = ToolCallDelta(index=index, id=call.tool_use_id, name=call.name, kind="function")
            events.append(self._event(Delta(tool_calls=(made,)), payload))

    def _closed(self, payload: bytes, events: list[Event]) -> None:
        """Tell what is known of a block only at its end."""
        if self._proof:
            delta = Delta(signature="".join(self._proof), signed_by=OWN)
            self._proof.clear()
            events.append(self._event(delta, payload))
        if self._redacted:
            proof = b64encode(b"".join(self._redacted)).decode()
            self._redacted.clear()
            events.append(self._event(Delta(signature=proof, signed_by=OWN, redacted=True), payload))
        if self._open:
            part = Unknown(kind=next(iter(self._open)), raw=self._open)
            self._open = {}
            events.append(self._event(Delta(unknown=(part,)), payload))

    def _ended(self, payload: bytes, events: list[Event]) -> None:
        said = _read(_stop, payload)
        self._closed(payload, events)
        reason, word = finish_of(said.stop_reason)
        fields = said.additional_model_response_fields
        stop = stop_sequence_of(fields)
        delta = Delta(finish_reason=reason or "other", finish_raw=word, stop_sequence=stop)
        event = self._event(delta, payload)
        extra = own_fields(fields)
        events.append(msgspec.structs.replace(event, extra=extra) if extra else event)
        self._stopped = True

    def _told(self, payload: bytes, events: list[Event]) -> None:
        """The last event: what was used."""
        self.done = self._stopped
        said = _read(_beside, payload)
        usage, self.usage_note = usage_of(said.usage)
        if usage is not None or said.extra():
            self._id = self._id or answer_id(self._begun, payload)
            events.append(
                Event(dialect=OWN, id=self._id, model=self.model, created_s=0, usage=usage, extra=said.extra())
            )
