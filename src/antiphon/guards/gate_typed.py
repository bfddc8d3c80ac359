"""Streams of OpenAI whose events say their type, on their way through guards: Responses, Realtime, transcripts, images, speech.

A text comes as `X.delta`, and again whole in `X.done` and in what ends its part, its item and the answer: there it is edited
as it was when it came. Source: openai-python 3.52.0, `types/responses/response_stream_event.py`,
`types/realtime/realtime_server_event.py`.
"""

import re
from collections.abc import Sequence
from typing import Any

from antiphon.core.error import AntiphonError
from antiphon.core.finding import Channel
from antiphon.guards.gate_course import Course
from antiphon.guards.gate_flow import Flow
from antiphon.guards.gate_quick import Quick, learnt
from antiphon.guards.gate_talk import Held, Json, Talk, as_json, bounded, decode, encode, number, read_again, told
from antiphon.guards.texts import applied
from antiphon.guards.texts_json import Places, rebuilt
from antiphon.guards.texts_walk import Walk
from antiphon.guards.texts_words import ECHOES
from antiphon.wire.sse import data_of

PLACE = ("response_id", "item_id", "output_index", "content_index", "summary_index")
_LAST = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)
_ENDS = (".done", ".completed", ".failed")
_ARGUMENTS = ("arguments", "custom_tool_call_input")
_IS_SOUND = re.compile(r"[A-Za-z0-9+/=\s]*").fullmatch
NUMBER = "sequence_number"
_MOST_LEARNT = 32
_MOST_AGAIN = 4096
"""Texts that are known again, of one answer."""
Key = tuple[Any, ...]


class Lane:
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

    __slots__ = ("_again", "_learnt", "_quick_lane", "_shift", "added", "lanes", "named", "response", "sent")

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self.lanes: dict[Key, Lane] = {}
        self._again: dict[str, str] = {}
        """Whole texts that were seen, and what went on of them."""
        self._shift = 0
        """Events that were put in, less those that were left out: by so much later ones are numbered anew."""
        self.sent = -1
        """Number of the last event that went on."""
        self.named = False
        """Events are named by their type too."""
        self._learnt = 0
        self._quick_lane: Lane | None = None
        self.response: Json | None = None
        self.added: dict[int, Json] = {}
        """Items that are open, by place."""

    def read(self, event: bytes, fields: Json) -> bytes:
        self.named = event.startswith(b"event:")
        kind = fields.get("type")
        if not isinstance(kind, str):
            return self._whole(event, fields)
        if kind.endswith(".delta") and isinstance(fields.get("delta"), str):
            return self._delta(event, fields, kind.removesuffix(".delta"))
        before = b""
        if kind in _LAST or kind == "transcript.text.done":
            before = self.rest()
        elif kind.endswith(_ENDS):
            before = self._ended(fields)
        self._note(kind, fields)
        out = before + self._whole(event, fields)
        if kind in _LAST or len(self._again) > _MOST_AGAIN:
            self._again.clear()
        return out

    def _note(self, kind: str, fields: Json) -> None:
        """Keep what a cut has to close."""
        if kind == "response.created":
            self.response = as_json(fields.get("response"))
        elif kind == "response.output_item.added":
            self.added[number(fields, "output_index")] = as_json(fields.get("item")) or {}
        elif kind == "response.output_item.done":
            self.added.pop(number(fields, "output_index"), None)

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

    def _learn(self, event: bytes, text: str, lane: Lane, course: Course) -> None:
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
        self.sent = int(event[place[0] : place[1]]) + self._shift
        if out == text and not self._shift:
            return event
        return quick.numbered(event, out, self.sent)

    def _lane(self, fields: Json, base: str) -> Lane:
        bounded(self.lanes)
        key = (base, *_place(fields))
        lane = self.lanes.get(key)
        if lane is None:
            held = base.endswith(_ARGUMENTS)
            channel: Channel = "reasoning" if "reasoning" in base else "field" if "refusal" in base else "assistant"
            where = f"output[{number(fields, 'output_index')}].{base.rpartition('.')[2]}"
            lane = self.lanes[key] = Lane(fields, None if held else Course(self.flow, where, channel))
        return lane

    def _ended(self, fields: Json) -> bytes:
        """Events of what was held of the texts that are in the place that an event names."""
        named = _place(fields)
        ended = [key for key in self.lanes if _fits(named, key[1:])]
        return b"".join([self._close(key) for key in ended])

    def _close(self, key: Key) -> bytes:
        lane = self.lanes.pop(key)
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
        return b"".join([self._insert(decode(data_of(event) or b"{}"), event) for event in lane.held.events])

    # --- texts that come whole

    def _whole(self, event: bytes, fields: Json) -> bytes:
        known = self._again
        walk = Walk(answer=True, known=known)
        walk.value(fields, "event", (), "assistant")
        places = Places()
        for steps, text in walk.again:
            places.put(steps, text)
        made = dict(self.flow.screened(walk.items).edits) if walk.items else {}
        restore = self.flow.restore
        for at, item in enumerate(walk.items):
            text = applied(item.text, made[at]) if at in made else item.text
            text = text if restore is None else restore.restored(text)
            if not item.within:
                known[item.text] = text
            if text != item.text:
                places.put(item.steps, text)
        if not places.under:
            return self._emit(event, fields)
        return self._emit(None, decode(rebuilt(encode(fields), places, ECHOES)))

    # --- numbers

    def _drop(self, fields: Json) -> None:
        if isinstance(fields.get(NUMBER), int):
            self._shift -= 1

    def _insert(self, fields: Json, event: bytes | None = None) -> bytes:
        """An event of our own, or one that was held."""
        if fields.get("logprobs") and event is None:
            fields["logprobs"] = []
        number_ = fields.get(NUMBER)
        if not isinstance(number_, int):
            return self.written(fields) if event is None else event
        self._shift += 1
        self.sent += 1
        if event is not None and number_ == self.sent:
            return event
        return self.written({**fields, NUMBER: self.sent})

    def _emit(self, event: bytes | None, fields: Json) -> bytes:
        """An event in its turn: its bytes, where there are some that say it all."""
        number_ = fields.get(NUMBER)
        if isinstance(number_, int):
            self.sent = number_ + self._shift
            if self._shift:
                return self.written({**fields, NUMBER: self.sent})
        return self.written(fields) if event is None else event

    def written(self, fields: Json) -> bytes:
        said = encode(fields)
        if self.named:
            return b"event: %b\ndata: %b\n\n" % (str(fields.get("type")).encode(), said)
        return b"data: %b\n\n" % said

    # --- the end

    def rest(self) -> bytes:
        return b"".join([self._close(key) for key in tuple(self.lanes)])

    def cut(self, error: AntiphonError) -> bytes:
        said = {"type": "invalid_request_error", "code": error.shown_code, "message": error.message, "param": None}
        return self.written({"type": "error", "error": {**said, "reasons": told(error)["error"]["reasons"]}})


def _place(fields: Json) -> tuple[str | int | None, ...]:
    said = (fields.get(name) for name in PLACE)
    return tuple(one if isinstance(one, str | int) else None for one in said)


def _slot(event: bytes) -> Any:
    return (read_again(event) or {}).get("delta")


def _fits(named: Sequence[Any], place: Sequence[Any]) -> bool:
    """Whether a place is one that an event names, as far as both say."""
    return all(said is None or known is None or said == known for said, known in zip(named, place, strict=True))
