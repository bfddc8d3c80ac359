"""Streams of OpenAI whose events say their type, on their way through guards: Responses, Realtime, transcripts, images, speech.

A text comes as `X.delta`, and again whole in `X.done` and in what ends its part, its item and the answer: there it is edited
as it was when it came. Source: openai-python 3.52.0, `types/responses/response_stream_event.py`,
`types/realtime/realtime_server_event.py`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.core.error import AntiphonError
from antiphon.core.finding import Channel
from antiphon.guards.gate_flow import Course, Flow
from antiphon.guards.gate_quick import Quick, learnt
from antiphon.guards.gate_talk import Held, Json, Talk, as_json, encode, number, objects, read_again, told
from antiphon.guards.texts import applied
from antiphon.guards.texts_json import Places, rebuilt
from antiphon.guards.texts_walk import Walk
from antiphon.wire.fields import as_list
from antiphon.wire.json import loads
from antiphon.wire.sse import data_of

_PLACE = ("response_id", "item_id", "output_index", "content_index", "summary_index")
_LAST = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)
_ARGUMENTS = ("arguments", "custom_tool_call_input")
_IS_SOUND = re.compile(r"[A-Za-z0-9+/=\s]*").fullmatch
_NUMBER = "sequence_number"
_MOST_LEARNT = 32
_Key = tuple[Any, ...]


class _Lane:
    """A text, or what a tool is called with, as far as it came."""

    __slots__ = ("course", "held", "last", "out", "raw")

    def __init__(self, last: Json, course: Course | None) -> None:
        self.last = last
        """Its last event, less the text."""
        self.course = course
        """None: it is held whole."""
        self.held = Held()
        self.raw: list[str] = []
        self.out: list[str] = []


class Typed(Talk):
    """One stream of events."""

    __slots__ = ("_added", "_again", "_lanes", "_learnt", "_named", "_quick_lane", "_response", "_sent", "_shift")

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self._lanes: dict[_Key, _Lane] = {}
        self._again: dict[str, str] = {}
        """Whole texts that were seen, and what went on of them."""
        self._shift = 0
        """Events that were put in, less those that were left out: by so much later ones are numbered anew."""
        self._sent = -1
        """Number of the last event that went on."""
        self._named = False
        """Events are named by their type too."""
        self._learnt = 0
        self._quick_lane: _Lane | None = None
        self._response: Json | None = None
        self._added: dict[int, Json] = {}
        """Items that are open, by place."""

    def read(self, event: bytes, fields: Json) -> bytes:
        self._named = event.startswith(b"event:")
        kind = fields.get("type")
        if not isinstance(kind, str):
            return self._whole(event, fields)
        if kind.endswith(".delta") and isinstance(fields.get("delta"), str):
            return self._delta(event, fields, kind.removesuffix(".delta"))
        before = b""
        if kind in _LAST or kind == "transcript.text.done":
            before = self.rest()
        elif kind.endswith(".done"):
            before = self._ended(fields)
        self._note(kind, fields)
        return before + self._whole(event, fields)

    def _note(self, kind: str, fields: Json) -> None:
        """Keep what a cut has to close."""
        if kind == "response.created":
            self._response = as_json(fields.get("response"))
        elif kind == "response.output_item.added":
            self._added[number(fields, "output_index")] = as_json(fields.get("item")) or {}
        elif kind == "response.output_item.done":
            self._added.pop(number(fields, "output_index"), None)

    # --- texts that grow

    def _delta(self, event: bytes, fields: Json, base: str) -> bytes:
        text: str = fields["delta"]
        if base.endswith("audio") and _IS_SOUND(text):
            return self._emit(event, fields)
        lane = self._lane(fields, base)
        lane.raw.append(text)
        if lane.course is None:
            lane.held.add(event, text)
            self._drop(fields)
            return b""
        out = lane.course.push(text)
        lane.out.append(out)
        if out == text:
            if text and not fields.get("logprobs"):
                self._learn(event, text, lane, lane.course)
            return self._emit(event, fields)
        if not out:
            self._drop(fields)
            return b""
        fields["delta"] = out
        if fields.get("logprobs"):
            fields["logprobs"] = []
        return self._emit(None, fields)

    def _learn(self, event: bytes, text: str, lane: _Lane, course: Course) -> None:
        if self._learnt < _MOST_LEARNT:
            self._learnt += 1
            self.quick, self._quick_lane = learnt(event, text, course, _slot), lane

    def quickly(self, event: bytes, text: str, quick: Quick) -> bytes:
        lane = self._quick_lane
        assert lane is not None
        lane.raw.append(text)
        out = quick.course.push(text)
        lane.out.append(out)
        place = quick.number
        if place is None:
            return event if out == text else quick.written(event, out) if out else b""
        if not out:
            self._shift -= 1
            return b""
        self._sent = int(event[place[0] : place[1]]) + self._shift
        if out == text and not self._shift:
            return event
        return quick.numbered(event, out, self._sent)

    def _lane(self, fields: Json, base: str) -> _Lane:
        key = (base, *(fields.get(name) for name in _PLACE))
        lane = self._lanes.get(key)
        if lane is None:
            held = base.endswith(_ARGUMENTS)
            channel: Channel = "reasoning" if "reasoning" in base else "assistant"
            where = f"output[{number(fields, 'output_index')}].{base.rpartition('.')[2]}"
            lane = self._lanes[key] = _Lane(fields, None if held else Course(self.flow, where, channel))
        return lane

    def _ended(self, fields: Json) -> bytes:
        """Events of what was held of the texts that are in the place that an event names."""
        named = [fields.get(name) for name in _PLACE]
        ended = [key for key in self._lanes if _fits(named, key[1:])]
        return b"".join([self._close(key) for key in ended])

    def _close(self, key: _Key) -> bytes:
        lane = self._lanes.pop(key)
        if lane is self._quick_lane:
            self.quick = self._quick_lane = None
        whole = "".join(lane.raw)
        if lane.course is not None:
            text = lane.course.end()
            self._again[whole] = "".join(lane.out) + text
            return self._insert({**lane.last, "delta": text}) if text else b""
        where = f"output[{number(lane.last, 'output_index')}].arguments"
        made = self.arguments(whole, where) if whole else whole
        self._again[whole] = made
        if made != whole:
            return self._insert({**lane.last, "delta": made})
        return b"".join([self._insert(loads(data_of(event) or b"{}"), event) for event in lane.held.events])

    # --- texts that come whole

    def _whole(self, event: bytes, fields: Json) -> bytes:
        known = self._again
        seen = _mapped(fields, known)
        walk = Walk(answer=True)
        walk.value(_mapped(fields, dict.fromkeys(known, "")), "event", (), "assistant")
        items = [item for item in walk.items if item.steps != ("event_id",)]
        made = dict(self.flow.screened(items).edits) if items else {}
        places, changed = Places(), False
        restore = self.flow.restore
        for at, item in enumerate(items):
            text = applied(item.text, made[at]) if at in made else item.text
            text = text if restore is None else restore.restored(text)
            known[item.text] = text
            if text != item.text:
                places.put(item.steps, text)
                changed = True
        if changed:
            seen = loads(rebuilt(encode(seen), places))
        return self._emit(event, fields) if seen == fields else self._emit(None, _less_chances(seen))

    # --- numbers

    def _drop(self, fields: Json) -> None:
        if isinstance(fields.get(_NUMBER), int):
            self._shift -= 1

    def _insert(self, fields: Json, event: bytes | None = None) -> bytes:
        """An event of our own, or one that was held."""
        if fields.get("logprobs") and event is None:
            fields["logprobs"] = []
        number_ = fields.get(_NUMBER)
        if not isinstance(number_, int):
            return self._written(fields) if event is None else event
        self._shift += 1
        self._sent += 1
        if event is not None and number_ == self._sent:
            return event
        return self._written({**fields, _NUMBER: self._sent})

    def _emit(self, event: bytes | None, fields: Json) -> bytes:
        """An event in its turn: its bytes, where there are some that say it all."""
        number_ = fields.get(_NUMBER)
        if isinstance(number_, int):
            self._sent = number_ + self._shift
            if self._shift:
                return self._written({**fields, _NUMBER: self._sent})
        return self._written(fields) if event is None else event

    def _written(self, fields: Json) -> bytes:
        said = encode(fields)
        if self._named:
            return b"event: %b\ndata: %b\n\n" % (str(fields.get("type")).encode(), said)
        return b"data: %b\n\n" % said

    # --- the end

    def rest(self) -> bytes:
        return b"".join([self._close(key) for key in tuple(self._lanes)])

    def cut(self, error: AntiphonError) -> bytes:
        said = {"type": "invalid_request_error", "code": error.shown_code, "message": error.message, "param": None}
        return self._written({"type": "error", "error": {**said, "reasons": told(error)["error"]["reasons"]}})


class Responses(Typed):
    """One stream of OpenAI's Responses."""

    __slots__ = ()

    def cut(self, error: AntiphonError) -> bytes:
        self._named = True
        out: list[bytes] = []
        output = list(objects((self._response or {}).get("output")))
        for place, item in sorted(self._added.items()):
            parts = [(key, lane) for key, lane in self._lanes.items() if key[3] == place and lane.course is not None]
            content: list[Json] = []
            for key, lane in parts:
                closing, part = self._closing(key, lane)
                out += closing
                content.append(part)
            done = {**item, "status": "incomplete"}
            if content:
                done["summary" if item.get("type") == "reasoning" else "content"] = content
            output.append(done)
            out.append(self._next("response.output_item.done", {"output_index": place, "item": done}))
        response: Json = {
            **_BARE,
            **(self._response or {}),
            "status": "incomplete",
            "incomplete_details": {"reason": "content_filter"},
            "output": output,
            "antiphon": told(error),
        }
        return b"".join([*out, self._next("response.incomplete", {"response": response})])

    def _closing(self, key: _Key, lane: _Lane) -> tuple[list[bytes], Json]:
        """The events that end an open text, and the part that it is."""
        text = "".join(lane.out)
        at = {name: lane.last[name] for name in _PLACE if name in lane.last}
        name = key[0].rpartition(".")[2]
        if name == "refusal":
            part: Json = {"type": "refusal", "refusal": text}
            return [
                self._next("response.refusal.done", {**at, "refusal": text}),
                self._next("response.content_part.done", {**at, "part": part}),
            ], part
        if name == "output_text":
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            return [
                self._next("response.output_text.done", {**at, "text": text, "logprobs": []}),
                self._next("response.content_part.done", {**at, "part": part}),
            ], part
        part = {"type": "summary_text" if "summary" in name else name, "text": text}
        return [self._next(f"{key[0]}.done", {**at, "text": text})], part

    def _next(self, kind: str, fields: Json) -> bytes:
        self._sent += 1
        return self._written({"type": kind, **fields, _NUMBER: self._sent})


_BARE: Mapping[str, Any] = {
    "id": "resp_blocked",
    "object": "response",
    "created_at": 0,
    "error": None,
    "instructions": None,
    "metadata": {},
    "model": "",
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
}


def _slot(event: bytes) -> Any:
    return (read_again(event) or {}).get("delta")


def _fits(named: Sequence[Any], place: Sequence[Any]) -> bool:
    """Whether a place is one that an event names, as far as both say."""
    return all(said is None or known is None or said == known for said, known in zip(named, place, strict=True))


def _mapped(value: Any, known: Mapping[str, str]) -> Any:
    """A value with known texts in the place of others, but for an event's own type."""
    if isinstance(value, str):
        return known.get(value, value)
    fields = as_json(value)
    if fields is not None:
        return {name: one if name in _FIXED else _mapped(one, known) for name, one in fields.items()}
    items = as_list(value)
    return value if items is None else [_mapped(one, known) for one in items]


_FIXED = frozenset({"type", "id", "item_id", "call_id", "role", "status", "object", "model", "event_id", "name"})


def _less_chances(value: Any) -> Any:
    """An event in which a text was edited, less what says it again in pieces."""
    fields = as_json(value)
    if fields is not None:
        return {name: [] if name == "logprobs" and one else _less_chances(one) for name, one in fields.items()}
    items = as_list(value)
    return value if items is None else [_less_chances(one) for one in items]
