"""Streams of Anthropic's Messages on their way through guards. Source: anthropic 2.14.0, `types/raw_message_stream_event.py`."""

from collections.abc import Callable
from typing import Any

from antiphon.core.error import AntiphonError
from antiphon.core.finding import Channel
from antiphon.guards.gate_course import Course
from antiphon.guards.gate_flow import Flow
from antiphon.guards.gate_quick import learnt
from antiphon.guards.gate_talk import Held, Json, Talk, as_json, bounded, encode, number, read_again, told
from antiphon.wire.anthropic_messages.last_resort import written

_TEXTS: dict[str, tuple[str, Channel]] = {
    "text_delta": ("text", "assistant"),
    "thinking_delta": ("thinking", "reasoning"),
}
_ARGUMENTS = "input_json_delta"


class Messages(Talk):
    """One stream of events."""

    __slots__ = ("_begun", "_held", "_open", "_stopped")

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self._begun = self._stopped = False
        self._open: dict[int, dict[str, Course]] = {}
        """Lanes of the blocks that are open, by type of their deltas."""
        self._held: dict[int, Held] = {}
        """What tools are called with, by block."""

    def read(self, event: bytes, fields: Json) -> bytes:
        index = number(fields, "index")
        match fields.get("type"):
            case "content_block_delta":
                return self._delta(event, fields, index)
            case "content_block_start":
                return self._start(event, fields, index)
            case "content_block_stop":
                return self._stop(index) + event
            case "message_start":
                self._begun = True
            case "message_delta":
                return self.rest() + self._whole(event, fields)
            case "message_stop":
                self._stopped = True
                return self.rest() + event
            case _:
                pass
        return self._whole(event, fields)

    def _whole(self, event: bytes, fields: Json) -> bytes:
        """An event all of whose texts come at once."""
        made = self.values(fields, "message")
        return event if made is fields else _event(made)

    def _start(self, event: bytes, fields: Json, index: int) -> bytes:
        courses = self._open.setdefault(index, {})
        bounded(self._open)
        block = as_json(fields.get("content_block")) or {}
        changed = False
        for kind, (name, channel) in _TEXTS.items():
            text = block.get(name)
            if isinstance(text, str) and text:
                block[name] = self._course(courses, index, kind, channel).push(text)
                changed = changed or block[name] != text
        rest = {name: value for name, value in block.items() if name not in ("text", "thinking")}
        made = self.values(rest, f"content[{index}]")
        if made is not rest:
            block.update(made)
            changed = True
        return _event(fields) if changed else event

    def _course(self, courses: dict[str, Course], index: int, kind: str, channel: Channel) -> Course:
        course = courses.get(kind)
        if course is None or course.ended:
            course = courses[kind] = Course(self.flow, f"content[{index}].{_TEXTS[kind][0]}", channel)
        return course

    def _delta(self, event: bytes, fields: Json, index: int) -> bytes:
        delta = as_json(fields.get("delta")) or {}
        kind = delta.get("type")
        courses = self._open.setdefault(index, {})
        bounded(self._open)
        if kind == _ARGUMENTS:
            said = delta.get("partial_json")
            self._held.setdefault(index, Held()).add(event, said if isinstance(said, str) else "")
            return b""
        known = _TEXTS.get(kind) if isinstance(kind, str) else None
        text = delta.get(known[0]) if known else None
        if known is None or not isinstance(text, str):
            before = self._end(index, "thinking_delta") if kind == "signature_delta" else b""
            return before + self._whole(event, fields)
        course = self._course(courses, index, str(kind), known[1])
        out = course.push(text)
        if out == text:
            self.quick = learnt(event, text, course, _slot(known[0])) if text and len(delta) == len(known) else None
            return event
        delta[known[0]] = out
        return _event(fields) if out else b""

    def _end(self, index: int, kind: str) -> bytes:
        """The event of what a lane held."""
        course = self._open.get(index, {}).get(kind)
        text = course.end() if course is not None else ""
        if self.quick is not None and self.quick.course is course:
            self.quick = None
        return _piece(index, {"type": kind, _TEXTS[kind][0]: text}) if text else b""

    def _stop(self, index: int) -> bytes:
        """Events of what was held of a block, which is complete."""
        out = [self._end(index, kind) for kind in tuple(self._open.get(index, ()))]
        self._open.pop(index, None)
        held = self._held.pop(index, None)
        if held is not None:
            whole = held.whole
            made = self.arguments(whole, f"content[{index}].input") if whole else whole
            out += held.events if made == whole else [_piece(index, {"type": _ARGUMENTS, "partial_json": made})]
        return b"".join(out)

    def rest(self) -> bytes:
        return b"".join([self._stop(index) for index in sorted({*self._open, *self._held})])

    def cut(self, error: AntiphonError) -> bytes:
        if self._stopped:
            return b""
        out: list[bytes] = []
        if not self._begun:
            none: Json = {"input_tokens": 0, "output_tokens": 0}
            message: Json = {"id": "msg_blocked", "type": "message", "role": "assistant", "model": "", "content": []}
            message |= {"stop_reason": None, "stop_sequence": None, "usage": none}
            out.append(written({"type": "message_start", "message": message}))
        out += [written({"type": "content_block_stop", "index": index}) for index in sorted(self._open)]
        said: Json = {"stop_reason": "refusal", "stop_sequence": None}
        last: Json = {"type": "message_delta", "delta": said, "usage": {"output_tokens": 0}, "antiphon": told(error)}
        return b"".join([*out, written(last), written({"type": "message_stop"})])


def _event(fields: Json) -> bytes:
    """An event as it is written; one that says no type has no name."""
    return written(fields) if isinstance(fields.get("type"), str) else b"data: %b\n\n" % encode(fields)


def _piece(index: int, delta: Json) -> bytes:
    return written({"type": "content_block_delta", "index": index, "delta": delta})


def _slot(name: str) -> Callable[[bytes], Any]:
    def slot(event: bytes) -> Any:
        return (as_json((read_again(event) or {}).get("delta")) or {}).get(name)

    return slot
