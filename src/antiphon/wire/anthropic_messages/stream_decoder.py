"""Reads an upstream's stream into canonical events."""

from collections.abc import Sequence
from typing import Any

from antiphon.core.content import Extra, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamMalformed
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.anthropic_messages.blocks import arguments_of
from antiphon.wire.anthropic_messages.citations import citation_of
from antiphon.wire.anthropic_messages.errors import amid
from antiphon.wire.anthropic_messages.events import (
    BlockDelta,
    InputPiece,
    ProofPiece,
    TextPiece,
    ThoughtPiece,
    is_delta,
    payload_of,
    piece_of,
    usual_of,
)
from antiphon.wire.anthropic_messages.finish import decode_finish
from antiphon.wire.anthropic_messages.usage import encode_usage, restated, speed_of, usage_of
from antiphon.wire.anthropic_messages.write import OWN, input_of
from antiphon.wire.fields import as_object
from antiphon.wire.signature import unseal
from antiphon.wire.sse import SseReader
from antiphon.wire.stream import Decoder

_MESSAGE = ("id", "model", "type", "role", "content", "stop_reason", "stop_sequence", "usage")
_DELTA = ("stop_reason", "stop_sequence")
_CALL = ("type", "id", "name", "input")


class _Held:
    """A block of a kind that the canonical form has no word for, until it is whole."""

    __slots__ = ("input", "raw")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.input: list[str] = []

    def whole(self) -> Unknown:
        if self.input:
            self.raw["input"], _ = input_of("".join(self.input))
        return Unknown(kind=str(self.raw.get("type", "")), raw=self.raw)


class MessagesDecoder(Decoder):
    """Reads one stream."""

    __slots__ = ("_calls", "_finished", "_held", "_id", "_model", "_none", "_reader", "_said")

    def __init__(self) -> None:
        super().__init__()
        self._reader = SseReader()
        self._id = self._model = ""
        self._calls: dict[int, int] = {}
        """Places of the blocks that are tool calls, and which of the calls each is."""
        self._held: dict[int, _Held] = {}
        self._said: dict[str, Any] = {}
        """The usage so far, as it came."""
        self._finished = False
        self._none: Extra = {}
        """What nearly all events have beside their words."""

    def feed(self, piece: bytes) -> Sequence[Event]:
        """Read what came, however it was cut. Raises: UpstreamMalformed."""
        out: list[Event] = []
        for event in self._reader.feed(piece):
            if self.failure is None:
                self._event(event, out)
        return out

    def end(self) -> Sequence[Event]:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamBroken, amid an answer."""
        out: list[Event] = []
        rest = self._reader.end()
        try:
            if rest and self.failure is None:
                self._event(rest, out)
        except UpstreamMalformed as error:
            raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if self.failure is None and not (self.done or self._finished):
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return out

    def _event(self, event: bytes, out: list[Event]) -> None:
        if is_delta(event):
            piece = piece_of(event)
            if piece is not None:
                self._piece(piece, out)
                return
        read = payload_of(event)
        if read is None:
            return
        payload, said = read
        if said.get("type") == "error":
            self.failure = amid(payload)
        else:
            self._other(said, out)

    def _other(self, said: dict[str, Any], out: list[Event]) -> None:
        """An event that isn't in the usual form of a piece. One of a type that isn't known is passed over."""
        match said.get("type"):
            case "content_block_delta":
                self._odd_piece(said, out)
            case "content_block_start":
                self._start(_index(said), as_object(said.get("content_block")) or {}, out)
            case "content_block_stop":
                held = self._held.pop(_index(said), None)
                if held is not None:
                    self._add(out, Delta(unknown=(held.whole(),)))
            case "message_start":
                self._open(as_object(said.get("message")) or {}, out)
            case "message_delta":
                self._close(said, out)
            case "message_stop":
                self.done = True
            case _:
                pass

    def _piece(self, event: BlockDelta, out: list[Event]) -> None:
        delta, none = event.delta, self._none
        if type(delta) is TextPiece:
            said = Delta(text=delta.text, extra=none, delta_extra=none)
        elif type(delta) is InputPiece:
            held = self._held.get(event.index)
            if held is not None:
                held.input.append(delta.partial_json)
                return
            if not delta.partial_json or event.index not in self._calls:
                return
            call = ToolCallDelta(index=self._calls[event.index], arguments=delta.partial_json, extra=none)
            said = Delta(tool_calls=(call,), extra=none, delta_extra=none)
        elif type(delta) is ThoughtPiece:
            said = Delta(reasoning=delta.thinking, extra=none, delta_extra=none)
        elif type(delta) is ProofPiece:
            if not delta.signature:
                return
            signature, by = unseal(delta.signature, OWN)
            said = Delta(signature=signature, signed_by=by, extra=none, delta_extra=none)
        else:
            return
        out.append(
            Event(
                dialect=OWN,
                id=self._id,
                model=self._model,
                created_s=0,
                deltas=(said,),
                usage_raw=none,
                extra=none,
            )
        )

    def _odd_piece(self, said: dict[str, Any], out: list[Event]) -> None:
        """A piece in an unusual form, or that isn't one of the usual ones: a citation, or of a block that is held."""
        usual = usual_of(said)
        if usual is not None:
            self._piece(usual, out)
            return
        delta = as_object(said.get("delta")) or {}
        if delta.get("type") == "citations_delta":
            citation = citation_of(delta.get("citation"))
            if citation is not None:
                self._add(out, Delta(citations=(citation,)))
            return
        held = self._held.get(_index(said))
        if held is None:
            return
        for name, value in delta.items():
            before = held.raw.get(name)
            if name == "type":
                continue
            held.raw[name] = before + value if isinstance(before, str) and isinstance(value, str) else value

    def _start(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        match block.get("type"):
            case "text":
                if _text(block, "text"):
                    self._add(out, Delta(text=_text(block, "text")))
            case "thinking":
                if _text(block, "thinking"):
                    self._add(out, Delta(reasoning=_text(block, "thinking")))
                if _text(block, "signature"):
                    signature, by = unseal(_text(block, "signature"), OWN)
                    self._add(out, Delta(signature=signature, signed_by=by))
            case "redacted_thinking":
                signature, by = unseal(_text(block, "data"), OWN)
                self._add(out, Delta(signature=signature, signed_by=by, redacted=True))
            case "tool_use":
                self._calls[index] = number = len(self._calls)
                given = as_object(block.get("input"))
                call = ToolCallDelta(
                    index=number,
                    id=_text(block, "id"),
                    name=_text(block, "name"),
                    arguments=arguments_of(given) if given else None,
                    kind="function",
                    extra=_beside(block, _CALL),
                )
                self._add(out, Delta(tool_calls=(call,)))
            case _:
                self._held[index] = _Held(block)

    def _open(self, message: dict[str, Any], out: list[Event]) -> None:
        self._id, self._model = _text(message, "id"), _text(message, "model")
        self._said = as_object(message.get("usage")) or {}
        self._add(out, Delta(role="assistant"), extra=_beside(message, _MESSAGE))

    def _close(self, said: dict[str, Any], out: list[Event]) -> None:
        delta = as_object(said.get("delta")) or {}
        reason, word = decode_finish(delta.get("stop_reason"))
        self._finished = self._finished or reason is not None
        usage: Usage | None = None
        used = as_object(said.get("usage"))
        raw: Extra = {}
        if used is not None:
            self._said = restated(self._said, used)
            usage, self.usage_note = usage_of(self._said)
            self.service = speed_of(self._said)
            raw = {} if usage is not None and encode_usage(usage) == self._said else self._said
        stopped_at = _text(delta, "stop_sequence") or None
        ended = Delta(
            finish_reason=reason, finish_raw=word, stop_sequence=stopped_at, delta_extra=_beside(delta, _DELTA)
        )
        extra = _beside(said, ("type", "delta", "usage"))
        self._add(out, ended, usage=usage, usage_raw=raw, extra=extra)

    def _add(
        self,
        out: list[Event],
        delta: Delta,
        *,
        usage: Usage | None = None,
        usage_raw: Extra | None = None,
        extra: Extra | None = None,
    ) -> None:
        out.append(
            Event(
                dialect=OWN,
                id=self._id,
                model=self._model,
                created_s=0,
                deltas=(delta,),
                usage=usage,
                usage_raw=usage_raw or {},
                extra=extra or {},
            )
        )


def _index(said: dict[str, Any]) -> int:
    value = said.get("index")
    return value if type(value) is int else -1


def _text(shape: dict[str, Any], name: str) -> str:
    value = shape.get(name)
    return value if isinstance(value, str) else ""


def _beside(shape: dict[str, Any], known: tuple[str, ...]) -> Extra:
    return {name: value for name, value in shape.items() if name not in known and value is not None}
