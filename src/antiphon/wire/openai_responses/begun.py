"""Items of a stream that is being written: each holds what its last events repeat."""

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from antiphon.core.content import Citation
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.thoughts import CONTENT
from antiphon.wire.openai_responses.told import annotations
from antiphon.wire.tool_pieces import is_whole

_encode = msgspec.json.Encoder().encode


class Line:
    """A stream's events in order."""

    __slots__ = ("sequence",)

    def __init__(self) -> None:
        self.sequence = 0
        """The number that the next event has."""

    def event(self, kind: str, fields: dict[str, Any]) -> bytes:
        number = self.sequence
        self.sequence = number + 1
        said = _encode({"type": kind, **fields, "sequence_number": number})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), said)

    def start(self, kind: str, fields: dict[str, Any]) -> bytes:
        """An event's bytes up to its `delta`, for `piece`."""
        said = _encode({"type": kind, **fields})
        return b'event: %b\ndata: %b,"delta":' % (kind.encode(), said[:-1])

    def piece(self, start: bytes, text: str) -> bytes:
        """An event that differs from others in its `delta` alone."""
        number = self.sequence
        self.sequence = number + 1
        return b'%b%b,"sequence_number":%d}\n\n' % (start, _encode(text), number)


class Begun(ABC):
    """An item that is open, at its place among the output."""

    __slots__ = ("_at", "_line", "id", "place")

    def __init__(self, line: Line, place: int, item_id: str) -> None:
        self._line = line
        self.place = place
        self.id = item_id
        self._at: dict[str, Any] = {"item_id": item_id, "output_index": place}

    def _added(self, item: dict[str, Any]) -> bytes:
        return self._line.event("response.output_item.added", {"output_index": self.place, "item": item})

    def _finished(self, item: dict[str, Any]) -> bytes:
        return self._line.event("response.output_item.done", {"output_index": self.place, "item": item})

    @abstractmethod
    def end(self) -> tuple[bytes, dict[str, Any]]:
        """The item's last events, and all of it."""


class Speech(Begun):
    """A message. Its parts are texts and refusals, one after the other."""

    __slots__ = ("_annotations", "_content", "_kind", "_logprobs", "_losses", "_start", "_texts")

    def __init__(self, line: Line, place: int, item_id: str, losses: Losses) -> None:
        super().__init__(line, place, item_id)
        self._losses = losses
        self._content: list[dict[str, Any]] = []
        self._kind = ""
        self._start = b""
        self._texts: list[str] = []
        self._annotations: list[dict[str, Any]] = []
        self._logprobs: list[object] = []

    @property
    def in_text(self) -> bool:
        """A text is open."""
        return self._kind == "output_text"

    def begin(self) -> bytes:
        return self._added(
            {"id": self.id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        )

    def text(self, text: str) -> bytes:
        """More words of the text that is open."""
        self._texts.append(text)
        return self._line.piece(self._start, text)

    def say(self, kind: str, text: str, logprobs: list[object]) -> bytes:
        """Words of a text or refusal; one of the other kind ends."""
        out = b"" if kind == self._kind else self._end_part() + self._begin_part(kind)
        if not logprobs:
            return out + self.text(text)
        self._texts.append(text)
        self._logprobs.extend(logprobs)
        fields = {**self._at, "content_index": len(self._content), "delta": text, "logprobs": logprobs}
        return out + self._line.event("response.output_text.delta", fields)

    def cite(self, citations: tuple[Citation, ...], *, own: bool) -> bytes:
        """What the text so far stands on."""
        out = b"" if self._kind == "output_text" else self._end_part() + self._begin_part("output_text")
        length = sum(map(len, self._texts))
        for annotation in annotations(citations, length, self._losses, own=own):
            fields = {
                **self._at,
                "content_index": len(self._content),
                "annotation_index": len(self._annotations),
                "annotation": annotation,
            }
            self._annotations.append(annotation)
            out += self._line.event("response.output_text.annotation.added", fields)
        return out

    def end(self) -> tuple[bytes, dict[str, Any]]:
        out = self._end_part()
        item = {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": self._content,
        }
        return out + self._finished(item), item

    def _begin_part(self, kind: str) -> bytes:
        self._kind = kind
        at = {**self._at, "content_index": len(self._content)}
        if kind == "refusal":
            self._start = self._line.start("response.refusal.delta", at)
        else:
            self._start = self._line.start("response.output_text.delta", {**at, "logprobs": []})
        return self._line.event("response.content_part.added", {**at, "part": self._part("")})

    def _part(self, text: str) -> dict[str, Any]:
        if self._kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": self._annotations, "logprobs": self._logprobs}

    def _end_part(self) -> bytes:
        if not self._kind:
            return b""
        at = {**self._at, "content_index": len(self._content)}
        text = "".join(self._texts)
        part = self._part(text)
        if self._kind == "refusal":
            out = self._line.event("response.refusal.done", {**at, "refusal": text})
        else:
            out = self._line.event("response.output_text.done", {**at, "text": text, "logprobs": self._logprobs})
        out += self._line.event("response.content_part.done", {**at, "part": part})
        self._content.append(part)
        self._kind, self._texts, self._annotations, self._logprobs = "", [], [], []
        return out


class Thinking(Begun):
    """Thoughts, as a summary or themselves. The proof of them ends the item."""

    __slots__ = ("_label", "_open", "_start", "_texts", "proof")

    def __init__(self, line: Line, place: int, item_id: str, label: str) -> None:
        super().__init__(line, place, item_id)
        self._label = label
        self._texts: list[str] = []
        self._open = False
        self._start = b""
        self.proof: str | None = None
        """As `encrypted_content`."""

    @property
    def label(self) -> str:
        return self._label

    def begin(self) -> bytes:
        return self._added({"id": self.id, "type": "reasoning", "summary": []})

    def think(self, text: str) -> bytes:
        out = b"" if self._open else self._begin_part()
        self._texts.append(text)
        return out + self._line.piece(self._start, text)

    def end(self) -> tuple[bytes, dict[str, Any]]:
        out = self._end_part() if self._open else b""
        text = "".join(self._texts)
        item: dict[str, Any] = {"id": self.id, "type": "reasoning", "summary": []}
        if self._texts and self._label == CONTENT:
            item["content"] = [{"type": CONTENT, "text": text}]
        elif self._texts:
            item["summary"] = [{"type": "summary_text", "text": text}]
        if self.proof is not None:
            item["encrypted_content"] = self.proof
        return out + self._finished(item), item

    def _begin_part(self) -> bytes:
        self._open = True
        if self._label == CONTENT:
            at = {**self._at, "content_index": 0}
            self._start = self._line.start("response.reasoning_text.delta", at)
            return self._line.event("response.content_part.added", {**at, "part": {"type": CONTENT, "text": ""}})
        at = {**self._at, "summary_index": 0}
        self._start = self._line.start("response.reasoning_summary_text.delta", at)
        part = {"type": "summary_text", "text": ""}
        return self._line.event("response.reasoning_summary_part.added", {**at, "part": part})

    def _end_part(self) -> bytes:
        text = "".join(self._texts)
        if self._label == CONTENT:
            at = {**self._at, "content_index": 0}
            part = {"type": CONTENT, "text": text}
            return self._line.event("response.reasoning_text.done", {**at, "text": text}) + self._line.event(
                "response.content_part.done", {**at, "part": part}
            )
        at = {**self._at, "summary_index": 0}
        part = {"type": "summary_text", "text": text}
        return self._line.event("response.reasoning_summary_text.done", {**at, "text": text}) + self._line.event(
            "response.reasoning_summary_part.done", {**at, "part": part}
        )


class Calling(Begun):
    """A tool call."""

    __slots__ = ("_call_id", "_custom", "_looked_at", "_name", "_start", "_texts")

    def __init__(self, line: Line, place: int, item_id: str, *, call_id: str, name: str, custom: bool) -> None:
        super().__init__(line, place, item_id)
        self._call_id = call_id
        self._name = name
        self._custom = custom
        self._looked_at = False
        self._texts: list[str] = []
        kind = "response.custom_tool_call_input.delta" if custom else "response.function_call_arguments.delta"
        self._start = line.start(kind, self._at)

    def begin(self) -> bytes:
        return self._added(self._item("", "in_progress"))

    def seems_whole(self) -> bool:
        """Whether nothing that counts can follow, as far as one look tells: later ones find no more."""
        if self._looked_at or self._custom:
            return False
        self._looked_at = True
        return is_whole("".join(self._texts))

    def more(self, text: str) -> bytes:
        self._texts.append(text)
        return self._line.piece(self._start, text)

    def end(self) -> tuple[bytes, dict[str, Any]]:
        text = "".join(self._texts)
        item = self._item(text, "completed")
        if self._custom:
            out = self._line.event("response.custom_tool_call_input.done", {**self._at, "input": text})
        else:
            out = self._line.event(
                "response.function_call_arguments.done", {**self._at, "name": self._name, "arguments": text}
            )
        return out + self._finished(item), item

    def _item(self, text: str, status: str) -> dict[str, Any]:
        named = {"id": self.id, "call_id": self._call_id, "name": self._name}
        if self._custom:
            return {"type": "custom_tool_call", **named, "input": text}
        return {"type": "function_call", **named, "arguments": text, "status": status}
