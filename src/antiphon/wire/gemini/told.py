"""Writes a stream for a caller: chunks that are each a whole answer holding a piece."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from antiphon.core.content import Citation, Extra
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.fields import merged
from antiphon.wire.gemini.answers import blocked
from antiphon.wire.gemini.chances import encode_chances
from antiphon.wire.gemini.finish import encode_finish
from antiphon.wire.gemini.proof import SKIP
from antiphon.wire.gemini.reply import named, said_usage
from antiphon.wire.gemini.said import WHO, Said, Voice
from antiphon.wire.gemini.sources import grounding
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Encoder
from antiphon.wire.tool_pieces import is_whole, joined

_json: Callable[[Any], bytes] = msgspec.json.Encoder().encode
_OPEN = b'data: {"candidates":[{"content":{"parts":[{"text":'
_THOUGHT = b',"thought":true'


class _Answer:
    """One candidate as far as it came."""

    __slots__ = ("calls", "cited", "extra", "finish", "open_calls", "proven", "texts", "thinking", "told")

    def __init__(self) -> None:
        self.calls: dict[int, list[ToolCallDelta]] = {}
        """Pieces of the calls that aren't told yet: Gemini has objects."""
        self.open_calls: set[int] = set()
        """Those that were not whole when another began: nothing but the end shows that they are."""
        self.told: set[int] = set()
        self.texts: list[str] = []
        self.cited: tuple[Citation, ...] = ()
        self.finish: str | None = None
        self.extra: Extra = {}
        self.thinking = False
        self.proven = False


class StreamEncoder(Encoder):
    """Writes one stream. The ends of the answers are held until the usage, which goes with them, is surely there."""

    __slots__ = ("_answers", "_extra", "_losses", "_name", "_own", "_raw", "_tail", "_usage", "_voice")

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._voice = Voice(losses, own=False, caller=True)
        self._own = False
        self._answers: dict[int, _Answer] = {}
        self._name: dict[str, Any] = {}
        self._tail: dict[int, bytes] = {}
        """What closes a chunk of text, by candidate."""
        self._usage: Usage | None = None
        self._raw: Extra = {}
        self._extra: Extra = {}

    def event(self, event: Event) -> bytes:
        if len(event.deltas) == 1 and event.usage is None and not event.extra and self._name:
            delta = event.deltas[0]
            if _only_text(delta):
                return self._text(delta)
        if not self._name:
            self._begin(event)
        if event.usage is not None or event.usage_raw:
            self._usage, self._raw = event.usage, event.usage_raw
        if event.extra:
            self._leftovers(event.extra)
        return b"".join([self._delta(delta) for delta in event.deltas])

    def end(self) -> bytes:
        out = b"".join([self._flush(index, answer) for index, answer in self._answers.items()])
        last: dict[str, Any] = {}
        refused = self._own and blocked(self._extra.get("promptFeedback"))
        if self._answers and not refused:
            last["candidates"] = [self._ended(index, answer) for index, answer in self._answers.items()]
        usage = said_usage(self._usage, self._raw, self._losses, own=self._own)
        if usage is not None:
            last["usageMetadata"] = usage
        last |= self._name
        return out + b"data: %b\r\n\r\n" % _json(merged(last, self._extra))

    def _begin(self, event: Event) -> None:
        self._name = named(event.id, event.model, event.created_s)
        self._own = event.dialect == "gemini"
        self._voice = Voice(self._losses, own=self._own, caller=True)
        if event.fingerprint is not None and not self._own:
            self._losses.add("answer.system_fingerprint", f"{WHO} has no fingerprint")

    def _leftovers(self, extra: Mapping[str, Any]) -> None:
        if self._own:
            self._extra = merged(self._extra, extra)
        else:
            self._voice.rest({}, extra, "answer")

    def _answer(self, index: int) -> _Answer:
        answer = self._answers.get(index)
        if answer is None:
            answer = self._answers[index] = _Answer()
        return answer

    def _text(self, delta: Delta) -> bytes:
        index = delta.index
        answer = self._answers.get(index) or self._answer(index)
        tail = self._tail.get(index) or self._closing(index)
        thought = delta.reasoning
        if thought is not None:
            answer.thinking = True
            return b"%b%b%b%b" % (_OPEN, _json(thought), _THOUGHT, tail) if thought else b""
        text = delta.text
        if not text:
            return b""
        answer.thinking = False
        answer.texts.append(text)
        return b"%b%b%b" % (_OPEN, _json(text), tail)

    def _closing(self, index: int) -> bytes:
        name = _json(self._name)[1:]
        tail = b'}],"role":"model"},"index":%d}]%b%b\r\n\r\n' % (index, b"," if self._name else b"", name)
        self._tail[index] = tail
        return tail

    def _delta(self, delta: Delta) -> bytes:
        """Write a delta of any kind."""
        answer = self._answer(delta.index)
        out: list[bytes] = []
        if delta.tool_calls:
            out.extend(self._calls(delta, answer))
        parts = self._parts(delta, answer)
        beside = self._beside(delta)
        if parts or beside:
            out.append(self._chunk(delta.index, parts, beside))
        answer.cited += delta.citations
        if delta.finish_reason is not None:
            out.append(self._flush(delta.index, answer))
            answer.finish = encode_finish(delta.finish_reason, delta.finish_raw if self._own else None)
        if delta.stop_sequence is not None:
            self._losses.add("answer.stop_sequence", f"{WHO} doesn't say what it stopped at")
        if delta.extra and self._own:
            answer.extra = merged(answer.extra, delta.extra)
        elif delta.extra:
            self._voice.rest({}, delta.extra, "answer")
        return b"".join(out)

    def _parts(self, delta: Delta, answer: _Answer) -> list[Said]:
        out: list[Said] = []
        if delta.reasoning:
            answer.thinking = True
            out.append({"text": delta.reasoning, "thought": True})
        if delta.redacted:
            out.append({"text": "", "thought": True})
        text = delta.text or delta.refusal
        if delta.refusal:
            self._losses.add("answer.refusal", f"{WHO} has no refusals", "sent as text", adapted=True)
        if text:
            answer.texts.append(text)
            out.append({"text": text})
        if delta.signature is not None:
            if not out:
                out.append({"text": "", "thought": True} if answer.thinking else {"text": ""})
            self._voice.proof(out[-1], delta.signature, delta.signed_by, "answer", redacted=delta.redacted)
        if text:
            answer.thinking = False
        if delta.delta_extra and out:
            out[-1] = self._voice.rest(out[-1], delta.delta_extra, "answer")
        elif delta.delta_extra and not self._own:
            self._voice.rest({}, delta.delta_extra, "answer")
        whole = delta.unknown if delta.audio is None else (delta.audio, *delta.unknown)
        out += [said for part in whole if (said := self._voice.part(part, "answer.content")) is not None]
        return out

    def _beside(self, delta: Delta) -> dict[str, Any]:
        chances = None if delta.logprobs is None else encode_chances(delta.logprobs)
        return {} if chances is None else {"logprobsResult": chances}

    def _chunk(self, index: int, parts: list[Said], beside: Mapping[str, Any]) -> bytes:
        content: Said = {"parts": parts, "role": "model"} if parts else {"role": "model"}
        candidate = {"content": content, "index": index, **beside}
        return b"data: %b\r\n\r\n" % _json({"candidates": [candidate], **self._name})

    def _calls(self, delta: Delta, answer: _Answer) -> list[bytes]:
        """Keep pieces of calls. Those of several may come by turns: where another begins, those that are surely whole are
        told, all others at the end.
        """
        out: list[bytes] = []
        for call in delta.tool_calls:
            if call.index in answer.told:
                if (call.arguments or "").strip():
                    self._losses.add(
                        f"answer.tool_calls[{call.index}]", "the call was whole before", "the rest left out"
                    )
                continue
            if call.index not in answer.calls:
                out.append(self._flush(delta.index, answer, _whole_ones(answer)))
            answer.calls.setdefault(call.index, []).append(call)
        return out

    def _flush(self, index: int, answer: _Answer, places: Sequence[int] | None = None) -> bytes:
        """Write calls: those of some places, or all that are left."""
        if not answer.calls:
            return b""
        parts: list[Said] = []
        for place in tuple(answer.calls) if places is None else places:
            answer.told.add(place)
            said = self._voice.part(joined(answer.calls.pop(place)), "answer.tool_calls")
            if said is None:
                continue
            if not answer.proven and not self._own:
                # So that the history can go on with Gemini 3, which wants a proof with the first call of a step.
                said.setdefault("thoughtSignature", SKIP)
            answer.proven = True
            parts.append(said)
        return self._chunk(index, parts, {}) if parts else b""

    def _ended(self, index: int, answer: _Answer) -> dict[str, Any]:
        out: dict[str, Any] = {"content": {"role": "model"}}
        if answer.finish is not None:
            out["finishReason"] = answer.finish
        out["index"] = index
        if answer.cited and "groundingMetadata" not in answer.extra and "citationMetadata" not in answer.extra:
            out |= {"groundingMetadata": grounding([(0, "".join(answer.texts), answer.cited)])}
        return merged(out, answer.extra)


def _whole_ones(answer: _Answer) -> list[int]:
    """Places of the calls that can be told without one behind another that came before it. Each is looked at once."""
    out: list[int] = []
    for place, pieces in answer.calls.items():
        if place in answer.open_calls:
            break
        if not is_whole(joined(pieces).arguments):
            answer.open_calls.add(place)
            break
        out.append(place)
    return out


def _only_text(delta: Delta) -> bool:
    """Whether a delta is text, thought or said, and nothing else."""
    return (
        (delta.text is None) != (delta.reasoning is None)
        and delta.finish_reason is None
        and delta.signature is None
        and not delta.tool_calls
        and delta.refusal is None
        and delta.logprobs is None
        and not delta.citations
        and not delta.unknown
        and delta.audio is None
        and not delta.extra
        and not delta.delta_extra
        and delta.stop_sequence is None
    )
