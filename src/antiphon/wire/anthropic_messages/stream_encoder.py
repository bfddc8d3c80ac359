"""Writes canonical events as a stream of this dialect: blocks are opened and closed as the kind of what is said changes."""

import msgspec

from antiphon.core.content import Unknown
from antiphon.core.response import Delta, Event, FinishReason, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.anthropic_messages.answers import NO_USAGE, WHO, said_usage
from antiphon.wire.anthropic_messages.citations import encode_citation, shown_citation
from antiphon.wire.anthropic_messages.finish import encode_finish
from antiphon.wire.anthropic_messages.last_resort import written
from antiphon.wire.anthropic_messages.write import OWN, Block
from antiphon.wire.fields import merged
from antiphon.wire.losses import Losses
from antiphon.wire.signature import seal
from antiphon.wire.stream import Encoder
from antiphon.wire.tool_pieces import is_whole, joined

_HEAD = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
_TAIL = b"}}\n\n"
_text = msgspec.json.Encoder().encode


class MessagesEncoder(Encoder):
    """Writes one stream."""

    __slots__ = (
        "_began",
        "_block",
        "_call",
        "_called",
        "_calls",
        "_checked",
        "_ended",
        "_head",
        "_held",
        "_id",
        "_kind",
        "_losses",
        "_own",
        "_said",
        "_usage",
    )

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._began = self._called = False
        self._own = False
        self._id = ""
        self._kind = ""
        """Of the block that is open: `text`, `thinking`, `tool_use`; empty: none is."""
        self._block = -1
        self._head = b""
        """What stands before each piece of the block that is open."""
        self._call = -1
        """Which of the tool calls the open block is."""
        self._calls: set[int] = set()
        """Those whose block has begun."""
        self._said: list[str] = []
        """Arguments of the call that is open."""
        self._checked = False
        """It is open still though another call has begun: only the end shows that it is whole."""
        self._held: dict[int, list[ToolCallDelta]] = {}
        """Pieces of calls that came while another was open, in the order in which the calls began."""
        self._ended: tuple[Delta | None, Event] | None = None
        self._usage: tuple[Usage | None, Block] = (None, {})

    def event(self, event: Event) -> bytes:
        """The bytes of one event; often empty, or several of the dialect's events."""
        if self._kind == "text" and len(event.deltas) == 1 and event.usage is None:
            delta = event.deltas[0]
            if _is_text(delta):
                return self._head + _text(delta.text) + _TAIL
        out: list[bytes] = []
        if not self._began:
            self._begin(event, out)
        for delta in event.deltas:
            if delta.index:
                self._losses.add("answer.choices", f"{WHO} has one answer", "the first is sent")
                continue
            self._delta(delta, out)
            if delta.finish_reason is not None or delta.finish_raw is not None:
                self._ended = (delta, event)
        if event.usage is not None or event.usage_raw:
            self._usage = (event.usage, dict(event.usage_raw) if self._own else {})
        return b"".join(out)

    def end(self) -> bytes:
        """What closes the stream: the reason, the usage, and the last event."""
        out: list[bytes] = []
        if not self._began:
            self._begin(Event(dialect=OWN, id="", model="", created_s=0), out)
        self._held_calls(out)
        self._close(out)
        delta, event = self._ended or (None, None)
        reason: FinishReason | None = None if delta is None else delta.finish_reason
        word = encode_finish(
            reason,
            None if delta is None else delta.finish_raw,
            OWN if self._own else "openai_chat",
            self._losses,
            stopped_at=None if delta is None else delta.stop_sequence,
            called=self._called,
        )
        said: Block = {"stop_reason": word, "stop_sequence": None if delta is None else delta.stop_sequence}
        last: Block = {"type": "message_delta", "delta": said, "usage": said_usage(*self._usage, self._losses)}
        if self._own and delta is not None and event is not None:
            merged(said, delta.delta_extra)
            merged(last, event.extra)
        out.extend((written(last), written({"type": "message_stop"})))
        return b"".join(out)

    def _begin(self, event: Event, out: list[bytes]) -> None:
        self._began = True
        self._own = event.dialect == OWN
        self._id = event.id
        message: Block = {
            "id": event.id,
            "type": "message",
            "role": "assistant",
            "model": event.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": dict(NO_USAGE),
        }
        if self._own:
            merged(message, event.extra)
        out.append(written({"type": "message_start", "message": message}))

    def _delta(self, delta: Delta, out: list[bytes]) -> None:
        if delta.reasoning:
            self._say("thinking", delta.reasoning, out)
        if delta.signature:
            self._prove(delta, delta.signature, delta.signed_by, out)
        if delta.text:
            self._say("text", delta.text, out)
        if delta.citations:
            self._cite(delta, out)
        if delta.refusal or delta.audio is not None or delta.logprobs is not None:
            self._rare(delta, out)
        for call in delta.tool_calls:
            self._tool(call, out)
        for part in delta.unknown:
            self._whole(part, out)

    def _rare(self, delta: Delta, out: list[bytes]) -> None:
        """What this dialect has no form for."""
        if delta.refusal:
            self._losses.add("answer.refusal", f"{WHO} has no refusals", "sent as text", adapted=True)
            self._say("text", delta.refusal, out)
        if delta.audio is not None:
            self._losses.add("answer.audio", f"{WHO} has no sound", "its transcript is sent as text")
            if delta.audio.transcript:
                self._say("text", delta.audio.transcript, out)
        if delta.logprobs is not None:
            self._losses.add("answer.logprobs", f"{WHO} has no logprobs")

    def _say(self, kind: str, text: str, out: list[bytes]) -> None:
        if self._kind != kind:
            start: Block = {"type": "text", "text": ""}
            if kind == "thinking":
                start = {"type": "thinking", "thinking": "", "signature": ""}
            self._open(kind, start, out)
        out.append(self._head + _text(text) + _TAIL)

    def _prove(self, delta: Delta, signature: str, signed_by: str, out: list[bytes]) -> None:
        """A proof ends its block of thoughts; one of text or of a call stands in thoughts that show nothing."""
        proof = seal(signature, signed_by, OWN)
        if delta.redacted:
            self._open("redacted_thinking", {"type": "redacted_thinking", "data": proof}, out)
        else:
            if self._kind != "thinking":
                self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""}, out)
            out.append(_HEAD % (self._block, b"signature_delta", b"signature") + _text(proof) + _TAIL)
        self._close(out)

    def _cite(self, delta: Delta, out: list[bytes]) -> None:
        for citation in delta.citations:
            shape = encode_citation(citation) if self._own else shown_citation(citation)
            if shape is None:
                self._losses.add("answer.citations", f"{WHO} has no such citations")
                continue
            if self._kind != "text":
                self._open("text", {"type": "text", "text": ""}, out)
            out.append(_HEAD % (self._block, b"citations_delta", b"citation") + _text(shape) + _TAIL)

    def _tool(self, call: ToolCallDelta, out: list[bytes]) -> None:
        """A piece of a call. Blocks come one behind the other: pieces of several calls that come by turns are held. So are
        those of free text, which goes as an object: only then the SDK can read it.
        """
        index = call.index
        if index in self._held or (index not in self._calls and (call.custom or self._must_wait())):
            self._held.setdefault(index, []).append(call)
            return
        if index not in self._calls:
            self._begin_call(call, out)
        elif call.signature:
            self._losses.add(f"answer.tool_calls[{index}].signature", f"{WHO} has a proof before its call")
        if not call.arguments:
            return
        if self._kind == "tool_use" and self._call == index:
            self._said.append(call.arguments)
            out.append(self._head + _text(call.arguments) + _TAIL)
        elif call.arguments.strip():
            self._losses.add(f"answer.tool_calls[{index}]", f"{WHO} has calls one behind the other")

    def _must_wait(self) -> bool:
        """Whether the block that is open is of a call of which more may come. What of this dialect came so is in turn."""
        if self._own or self._kind != "tool_use":
            return bool(self._held)
        if not self._checked:
            self._checked = not is_whole("".join(self._said))
        return self._checked

    def _begin_call(self, call: ToolCallDelta, out: list[bytes]) -> None:
        if call.signature:
            self._prove(Delta(), call.signature, call.signed_by, out)
        self._calls.add(call.index)
        self._called = True
        start: Block = {
            "type": "tool_use",
            "id": call.id or f"toolu_{self._id}_{call.index}",
            "name": call.name or "",
            "input": {},
        }
        self._open("tool_use", merged(start, call.extra) if self._own else start, out)
        self._call, self._said, self._checked = call.index, [], False

    def _held_calls(self, out: list[bytes]) -> None:
        """The calls that had to wait, each at once."""
        held, self._held = self._held, {}
        for index, pieces in held.items():
            call = joined(pieces)
            piece = ToolCallDelta(
                index=index,
                id=call.id,
                name=call.name,
                arguments=_text({"input": call.arguments}).decode() if call.kind == "custom" else call.arguments,
                signature=call.signature,
                signed_by=call.signed_by,
                extra=call.extra,
            )
            self._close(out)
            self._tool(piece, out)

    def _whole(self, part: Unknown, out: list[bytes]) -> None:
        """A block that is sent at once. Foreign ones have no form here."""
        if not self._own:
            self._losses.add("answer.unknown", f"{WHO} has no such part")
            return
        self._open(part.kind, part.raw, out)
        self._close(out)

    def _open(self, kind: str, block: Block, out: list[bytes]) -> None:
        self._close(out)
        self._block += 1
        self._kind = kind
        out.append(written({"type": "content_block_start", "index": self._block, "content_block": block}))
        match kind:
            case "text":
                self._head = _HEAD % (self._block, b"text_delta", b"text")
            case "thinking":
                self._head = _HEAD % (self._block, b"thinking_delta", b"thinking")
            case _:
                self._head = _HEAD % (self._block, b"input_json_delta", b"partial_json")

    def _close(self, out: list[bytes]) -> None:
        if self._kind:
            out.append(written({"type": "content_block_stop", "index": self._block}))
            self._kind = ""


def _is_text(delta: Delta) -> bool:
    """Whether a delta is text of the first answer and nothing else."""
    return bool(
        delta.text
        and not delta.index
        and delta.finish_reason is None
        and not delta.tool_calls
        and delta.reasoning is None
        and delta.signature is None
        and not delta.citations
        and not delta.unknown
        and delta.refusal is None
        and delta.audio is None
        and delta.logprobs is None
        and delta.finish_raw is None
    )
