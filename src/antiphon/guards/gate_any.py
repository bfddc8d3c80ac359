"""Streams of dialects that are not known, on their way through guards: every text of every event."""

from antiphon.core.error import AntiphonError
from antiphon.guards.gate_chat import Chat
from antiphon.guards.gate_course import Course
from antiphon.guards.gate_flow import Flow
from antiphon.guards.gate_gemini import Gemini
from antiphon.guards.gate_messages import Messages
from antiphon.guards.gate_responses import Responses
from antiphon.guards.gate_talk import Json, Talk, as_json, bounded, encode, number, read_again, told
from antiphon.guards.gate_typed import Typed
from antiphon.guards.texts_json import Places, Steps, rebuilt
from antiphon.guards.texts_walk import Walk

_ANTHROPIC = frozenset({"message_start", "content_block_start", "content_block_delta"})


_GROWING: frozenset[str | int] = frozenset(
    {
        *(
            "content",
            "text",
            "transcript",
            "delta",
            "response",
            "completion",
            "token",
            "output",
            "answer",
            "chunk",
            "value",
        ),
        *("thinking", "reasoning", "reasoning_content", "generated_text", "partial_json", "message", "data"),
    }
)
"""Keys under which a text grows from event to event; one under any other key comes at once."""
_Key = tuple[str, int, Steps]
"""Type and index of an event, and where in it the text stands."""


class Unknown(Talk):
    """One stream of events of any form.

    The first event may show which dialect it is. Otherwise texts that stand under one of some keys, at the same place in events
    of one type, are one text that grows, until an event of another type comes for the same `index`.
    """

    __slots__ = ("_known", "_lanes", "_last")

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self._known: Talk | None = None
        self._lanes: dict[_Key, Course] = {}
        self._last: dict[_Key, tuple[bytes, Steps]] = {}
        """The last event of each lane, and where in it the text stands."""

    def event(self, event: bytes) -> bytes:
        if self._known is not None:
            return self._known.event(event)
        return super().event(event)

    def read(self, event: bytes, fields: Json) -> bytes:
        known = None if self._lanes else _dialect(fields, self.flow)
        if known is not None:
            self._known = known
            return known.event(event)
        kind, index = str(fields.get("type")), number(fields, "index")
        before = self._close([key for key in self._lanes if key[1] == index and key[0] != kind])
        walk = Walk(answer=True)
        walk.value(fields, "event", (), "assistant")
        grows = [item for item in walk.items if not item.within and item.steps and item.steps[-1] in _GROWING]
        made = self.put(fields, [item for item in walk.items if item not in grows])
        places, changed = Places(), made is not fields
        for item in grows:
            bounded(self._lanes)
            key = (kind, index, item.steps)
            course = self._lanes.get(key)
            if course is None:
                course = self._lanes[key] = Course(self.flow, item.where, item.channel)
            self._last[key] = (event, item.steps)
            out = course.push(item.text)
            if out != item.text:
                places.put(item.steps, out)
                changed = True
        if not changed:
            return before + event
        said = encode(made)
        return before + _written(event, rebuilt(said, places) if places.under else said)

    def _close(self, keys: list[_Key]) -> bytes:
        """Events of what the lanes held."""
        out: list[bytes] = []
        for key in keys:
            text = self._lanes.pop(key).end()
            event, steps = self._last.pop(key)
            if text:
                fields = read_again(event) or {}
                places = Places()
                walk = Walk(answer=True)
                walk.value(fields, "event", (), "assistant")
                for item in walk.items:
                    places.put(item.steps, text if item.steps == steps else "")
                out.append(_written(event, rebuilt(encode(fields), places)))
        return b"".join(out)

    def rest(self) -> bytes:
        return self._known.rest() if self._known is not None else self._close(list(self._lanes))

    def cut(self, error: AntiphonError) -> bytes:
        if self._known is not None:
            return self._known.cut(error)
        return b"data: %b\n\n" % encode({"type": "error", **told(error)})


def _dialect(fields: Json, flow: Flow) -> Talk | None:
    """The dialect that an event shows; None: none of ours."""
    kind = fields.get("type")
    if isinstance(fields.get("choices"), list):
        first = next((as_json(one) for one in fields["choices"]), None) or {}
        return Chat(flow, older="delta" not in first and "text" in first)
    if isinstance(fields.get("candidates"), list):
        return Gemini(flow)
    if isinstance(kind, str) and kind in _ANTHROPIC:
        return Messages(flow)
    if isinstance(kind, str) and kind.startswith("response."):
        return Responses(flow)
    return (
        Typed(flow)
        if isinstance(kind, str) and kind.endswith(".delta") and isinstance(fields.get("delta"), str)
        else None
    )


def _written(event: bytes, said: bytes) -> bytes:
    name, _, _ = event.partition(b"\n")
    head = name + b"\n" if name.startswith(b"event:") else b""
    return b"%bdata: %b\n\n" % (head, said)
