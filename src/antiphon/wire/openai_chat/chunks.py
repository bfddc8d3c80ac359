"""Writes the events of another dialect's stream as chunks of Chat Completions."""

from typing import Any

from antiphon.core.content import Citation, Reasoning, Text
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.wire.codec import left_over
from antiphon.wire.fields import present
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.annotations import encode_annotations
from antiphon.wire.openai_chat.calls import INNER
from antiphon.wire.openai_chat.events import OBJECT
from antiphon.wire.openai_chat.foreign_answers import (
    WHO,
    ended,
    pictured,
    shown,
    sourced,
    spoken,
    stopped,
    unheard,
    unproved,
)
from antiphon.wire.openai_chat.messages import REASONING, encode_spoken
from antiphon.wire.openai_chat.thinking import BLOCKS, encode_block, encode_proof
from antiphon.wire.openai_chat.writer import ChunkWriter, to_json


class _Answer:
    """What of one answer is held, or counted: OpenAI's SDK puts lists together by the `index` of what is in them, and texts
    by appending, also those that come again.
    """

    __slots__ = ("bare", "blocks", "cited", "images", "spoke", "thoughts")

    def __init__(self) -> None:
        self.thoughts: list[str] = []
        """Since the last proof."""
        self.blocks = self.images = 0
        self.cited: list[Citation] = []
        """Told at its end, all together."""
        self.bare: dict[int, bool] = {}
        """Calls by place, and whether they are of functions of whose arguments nothing came yet."""
        self.spoke = False


class Chunks(ChunkWriter):
    """One stream. A proof of thoughts is told as a whole block, behind the thoughts themselves."""

    __slots__ = ("_answers",)
    kind = OBJECT
    opens = b'[{"index":0,"delta":{"content":'

    def __init__(self, losses: Losses, *, wants_usage: bool) -> None:
        super().__init__(losses, wants_usage=wants_usage)
        self._answers: dict[int, _Answer] = {}

    def event(self, event: Event) -> bytes:
        """One chunk; nothing for what tells of usage alone."""
        if event.usage is not None:
            self._usage = event.usage
        if event.extra:
            left_over(event.extra, "answer", self._losses, WHO)
        deltas = event.deltas
        if self._start and len(deltas) == 1 and is_text_alone(deltas[0]):
            return b'%b%b},"finish_reason":null}]}\n\n' % (self._start, to_json(deltas[0].text))
        if not self._head:
            self._begin(event)
        choices = [one for delta in deltas if (one := self._choice(delta)) is not None]
        return b"%b%b}\n\n" % (self._head, to_json(choices)) if choices else b""

    def _choice(self, delta: Delta) -> dict[str, Any] | None:
        """What an event adds to one answer; None: nothing that can be told."""
        answer = self._answers.get(delta.index)
        if answer is None:
            answer = self._answers[delta.index] = _Answer()
        said: dict[str, Any] = present(role=delta.role, content=delta.text, refusal=delta.refusal)
        if delta.reasoning:
            said[REASONING[0]] = delta.reasoning
            answer.thoughts.append(delta.reasoning)
        if delta.signature:
            said |= self._proved(delta, delta.signature, answer)
        if delta.citations:
            answer.cited += sourced(delta.citations, self._losses)
        if delta.finish_reason is not None and answer.cited:
            said["annotations"] = encode_annotations((Text(text="", citations=tuple(answer.cited)),))
        if delta.audio is not None:
            said["audio"] = encode_spoken(spoken(delta.audio, first=not answer.spoke))
            answer.spoke = True
        if calls := _calls(delta, answer):
            said["tool_calls"] = calls
        if images := self._beside(delta, answer):
            said["images"] = images
        if not said and delta.finish_reason is None and delta.logprobs is None:
            return None
        return {
            "index": delta.index,
            "delta": said,
            **present(logprobs=delta.logprobs),
            "finish_reason": ended(delta.finish_reason, self._losses),
        }

    def _proved(self, delta: Delta, signature: str, answer: _Answer) -> dict[str, Any]:
        """The block that a proof ends."""
        if delta.text or delta.tool_calls:
            unproved(self._losses)
            return {}
        text = ""
        if not delta.redacted:
            text = "".join(answer.thoughts)
            answer.thoughts.clear()
        block = Reasoning(text=text, signature=signature, signed_by=delta.signed_by, redacted=delta.redacted)
        answer.blocks += 1
        return {BLOCKS: [{**encode_block(block), "index": answer.blocks - 1}]}

    def _beside(self, delta: Delta, answer: _Answer) -> list[dict[str, Any]]:
        """Images among what this dialect has no words for; the rest is told as lost."""
        losses, images = self._losses, list[dict[str, Any]]()
        for one in delta.unknown:
            url = pictured(one)
            if url:
                images.append({**shown(url, losses), "index": answer.images})
                answer.images += 1
            else:
                unheard(one.kind, losses)
        path = f"answer.choices[{delta.index}]"
        left_over(delta.extra, path, losses, WHO)
        left_over(delta.delta_extra, f"{path}.message", losses, WHO)
        if delta.stop_sequence is not None:
            stopped(losses)
        return images


def _calls(delta: Delta, answer: _Answer) -> list[dict[str, Any]]:
    """Pieces of calls; at the answer's end, `{}` for functions of which no arguments came, since readers parse them."""
    out, bare = [_call(call) for call in delta.tool_calls], answer.bare
    for call in delta.tool_calls:
        bare[call.index] = bare.get(call.index, not call.custom) and not call.arguments
    if delta.finish_reason is not None and bare:
        out += [{"index": place, "function": {"arguments": "{}"}} for place, empty in bare.items() if empty]
        bare.clear()
    return out


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
        and delta.signature is None
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
