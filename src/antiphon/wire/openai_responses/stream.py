"""Writes canonical events as a caller's stream. Source: openai-python 3.52.0, `types/responses/response_stream_event.py`,
and what `lib/streaming/responses` asks of their order.
"""

from typing import Any

from antiphon.core.content import Audio, Unknown
from antiphon.core.request import Head
from antiphon.core.response import Delta, Event, FinishReason, ToolCallDelta
from antiphon.wire.fields import as_list
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.begun import Begun, Calling, Line, Speech, Thinking
from antiphon.wire.openai_responses.kept import kept, text_of
from antiphon.wire.openai_responses.proofs import DIALECT, Proves, write_proof
from antiphon.wire.openai_responses.shape import item_id, response_id, response_object, status_of
from antiphon.wire.openai_responses.thoughts import proof_item
from antiphon.wire.openai_responses.told import ended
from antiphon.wire.openai_responses.usage import encode_usage
from antiphon.wire.openai_responses.written import WHO
from antiphon.wire.stream import Encoder


class EventWriter(Encoder):
    """One stream. One message or block of thoughts is open at a time; tool calls stay open until something else begins."""

    __slots__ = (
        "_calls",
        "_head",
        "_line",
        "_losses",
        "_model",
        "_open",
        "_output",
        "_own",
        "_raw",
        "_reason",
        "_response",
        "_usage",
    )

    def __init__(self, head: Head, losses: Losses) -> None:
        super().__init__()
        self._head = head
        self._losses = losses
        self._line = Line()
        self._response = self._model = ""
        self._own = False
        self._open: Speech | Thinking | None = None
        self._calls: dict[int, Calling] = {}
        self._output: list[dict[str, Any]] = []
        """Items by their place; one that is open is empty yet."""
        self._reason: FinishReason | None = None
        self._raw: str | None = None
        self._usage: dict[str, Any] | None = None

    @property
    def sequence(self) -> int:
        """The number that the stream's next event has: for `errors.event`."""
        return self._line.sequence

    def event(self, event: Event) -> bytes:
        """What an event adds, as the dialect's events."""
        deltas = event.deltas
        if len(deltas) == 1:
            delta, speech = deltas[0], self._open
            if delta.text is not None and type(speech) is Speech and speech.in_text and _is_text_alone(delta):
                return speech.text(delta.text)
        out = [] if self._response else [self._begin(event)]
        if event.usage is not None or event.usage_raw:
            self._usage = event.usage_raw if event.usage_raw and self._own else None
            if self._usage is None and event.usage is not None:
                self._usage = encode_usage(event.usage)
        for delta in deltas:
            if delta.index:
                self._losses.add("answer.choices", f"{WHO} gives one answer", "the first is told")
            else:
                self._delta(delta, out)
        return b"".join(out)

    def end(self) -> bytes:
        """The whole response."""
        out = [] if self._response else [self._begin(Event(dialect=DIALECT, id="", model="", created_s=0))]
        self._close(out)
        self._close_calls(out)
        said = self._said("completed") | dict(status_of(self._reason, self._raw if self._own else None))
        if not self._own:
            ended(self._reason, self._losses)
        said["output"] = [item for item in self._output if item]
        said["usage"] = self._usage
        kind = "incomplete" if said["status"] == "incomplete" else "completed"
        out.append(self._line.event(f"response.{kind}", {"response": said}))
        return b"".join(out)

    def _begin(self, event: Event) -> bytes:
        self._own = event.dialect == DIALECT
        self._response, self._model = response_id(event.id), event.model
        self.created_s = event.created_s or self.created_s
        said = {"response": self._said("in_progress")}
        return self._line.event("response.created", said) + self._line.event("response.in_progress", said)

    def _said(self, status: str) -> dict[str, Any]:
        return response_object(
            self._head,
            response=self._response,
            created_s=self.created_s,
            model=self._model,
            status=status,
            output=[],
        )

    def _delta(self, delta: Delta, out: list[bytes]) -> None:
        given = self._given(delta)
        if delta.reasoning:
            out.append(self._thinking(delta, given, out).think(delta.reasoning))
        if delta.signature is not None and not delta.tool_calls:
            self._proof(delta, given, out)
        self._say(delta, given, out)
        for call in delta.tool_calls:
            self._call(call, out)
        for part in delta.unknown:
            self._unknown(part, out)
        if delta.finish_reason is not None:
            self._reason, self._raw = delta.finish_reason, delta.finish_raw
        if delta.stop_sequence is not None:
            self._losses.add("answer.stop_sequence", f"{WHO} doesn't tell at which text it stopped")

    def _say(self, delta: Delta, given: str | None, out: list[bytes]) -> None:
        """Words of a message."""
        logprobs = as_list((delta.logprobs or {}).get("content")) or []
        if delta.text:
            out.append(self._speech(given, out).say("output_text", delta.text, logprobs))
        elif logprobs:
            self._losses.add("answer.logprobs", f"{WHO} tells them with their text")
        if delta.citations:
            out.append(self._speech(given, out).cite(delta.citations, own=self._own))
        if delta.refusal:
            out.append(self._speech(given, out).say("refusal", delta.refusal, []))
        if delta.audio is not None:
            self._spoken(delta.audio, given, out)

    def _given(self, delta: Delta) -> str | None:
        """The id that the upstream gave to the item that begins."""
        return text_of(kept(delta.delta_extra)[0], "id") if self._own and delta.delta_extra else None

    def _place(self) -> int:
        self._output.append({})
        return len(self._output) - 1

    def _id(self, prefix: str, place: int) -> str:
        return item_id(prefix, self._response, place)

    def _speech(self, given: str | None, out: list[bytes]) -> Speech:
        speech = self._open
        if isinstance(speech, Speech) and given in (None, speech.id):
            return speech
        self._close(out)
        self._close_whole_calls(out)
        place = self._place()
        speech = Speech(self._line, place, given or self._id("msg", place), self._losses)
        self._open = speech
        out.append(speech.begin())
        return speech

    def _thinking(self, delta: Delta, given: str | None, out: list[bytes]) -> Thinking:
        thoughts = self._open
        label = delta.reasoning_label if self._own else ""
        if isinstance(thoughts, Thinking) and given in (None, thoughts.id) and label == thoughts.label:
            return thoughts
        self._close(out)
        self._close_whole_calls(out)
        place = self._place()
        thoughts = Thinking(self._line, place, given or self._id("rs", place), label)
        self._open = thoughts
        out.append(thoughts.begin())
        return thoughts

    def _proof(self, delta: Delta, given: str | None, out: list[bytes]) -> None:
        """The proof of the thoughts that are open, or of the text, or of thoughts that nothing is shown of."""
        signature = delta.signature or ""
        if isinstance(self._open, Thinking) and not delta.redacted:
            self._open.proof = write_proof(signature, delta.signed_by)
            self._close(out)
            return
        text = isinstance(self._open, Speech) or bool(delta.text)
        proves: Proves = "redacted" if delta.redacted else "text" if text else "thoughts"
        self._close(out)
        self._lone(signature, delta.signed_by, proves, given, out)

    def _lone(self, signature: str, signed_by: str, proves: Proves, given: str | None, out: list[bytes]) -> None:
        place = self._place()
        item = proof_item(signature, signed_by, proves, given or self._id("rs", place))
        self._whole(item, place, out)

    def _whole(self, item: dict[str, Any], place: int, out: list[bytes]) -> None:
        """An item that is told at once."""
        self._output[place] = item
        said = {"output_index": place, "item": item}
        out.append(self._line.event("response.output_item.added", said))
        out.append(self._line.event("response.output_item.done", said))

    def _call(self, call: ToolCallDelta, out: list[bytes]) -> None:
        known = self._calls.get(call.index)
        if known is None:
            self._close(out)
            if call.signature is not None and call.signed_by:
                self._lone(call.signature, call.signed_by, "call", None, out)
            place = self._place()
            made = self._id("ctc" if call.custom else "fc", place)
            given = text_of(kept(call.extra)[0], "id") if self._own else None
            known = Calling(
                self._line,
                place,
                given or made,
                call_id=call.id or f"call_{made}",
                name=call.name or call.kind or "",
                custom=call.custom,
            )
            self._calls[call.index] = known
            out.append(known.begin())
        if call.arguments and not self._output[known.place]:
            out.append(known.more(call.arguments))
        elif call.arguments and call.arguments.strip():
            self._losses.add(f"answer.tool_calls[{call.index}]", "the call was whole before", "the rest left out")

    def _unknown(self, part: Unknown, out: list[bytes]) -> None:
        if not self._own:
            self._losses.add(f"answer.{part.kind}", f"{WHO} has no such part of an answer")
            return
        self._close(out)
        self._whole(part.raw, self._place(), out)

    def _spoken(self, audio: Audio, given: str | None, out: list[bytes]) -> None:
        if audio.transcript:
            self._losses.add("answer.audio", f"{WHO} has no spoken answers", "its transcript", adapted=True)
            out.append(self._speech(given, out).say("output_text", audio.transcript, []))
        elif audio.data:
            self._losses.add("answer.audio.data", f"{WHO} has no spoken answers")

    def _close(self, out: list[bytes]) -> None:
        if self._open is not None:
            self._end_of(self._open, out)
            self._open = None

    def _close_whole_calls(self, out: list[bytes]) -> None:
        """Calls of another dialect may go on behind a text, unless they are surely whole. Each is looked at once."""
        for call in self._calls.values():
            if not self._output[call.place] and (self._own or call.seems_whole()):
                self._end_of(call, out)

    def _close_calls(self, out: list[bytes]) -> None:
        for call in self._calls.values():
            if not self._output[call.place]:
                self._end_of(call, out)

    def _end_of(self, item: Begun, out: list[bytes]) -> None:
        said, self._output[item.place] = item.end()
        out.append(said)


def _is_text_alone(delta: Delta) -> bool:
    """Whether a piece of the answer is text and nothing else: what nearly every event is."""
    return (
        delta.index == 0
        and delta.finish_reason is None
        and delta.reasoning is None
        and not delta.tool_calls
        and delta.signature is None
        and not delta.citations
        and not delta.unknown
        and delta.refusal is None
        and delta.logprobs is None
        and delta.audio is None
        and not delta.delta_extra
        and delta.stop_sequence is None
    )
