"""A dialect's stream on its way through guards."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, cast

import msgspec

from antiphon.core.error import AntiphonError, GuardFailed
from antiphon.core.finding import Channel
from antiphon.guards.gate_flow import MOST_HELD, Flow
from antiphon.guards.gate_quick import Quick
from antiphon.guards.port import Text
from antiphon.guards.texts import applied
from antiphon.guards.texts_json import Places, decoded, rebuilt
from antiphon.guards.texts_walk import Walk
from antiphon.wire.sse import data_of

Json = dict[str, Any]
encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
decode: Callable[[bytes], Json] = msgspec.json.Decoder(dict[str, Any]).decode


class Talk(ABC):
    """One stream. Each dialect says where texts stand in its events, and when they are complete."""

    __slots__ = ("flow", "quick")

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.quick: Quick | None = None

    # --- what each dialect says

    @abstractmethod
    def read(self, event: bytes, fields: Json) -> bytes:
        """What goes on of an event. Raises: GuardBlocked, GuardFailed."""

    @abstractmethod
    def rest(self) -> bytes:
        """The stream has ended. Returns: events of what was held. Raises: GuardBlocked, GuardFailed."""

    @abstractmethod
    def cut(self, error: AntiphonError) -> bytes:
        """What ends the stream for the caller."""

    def done(self, event: bytes) -> bytes:
        """An event that is no JSON object, such as a comment or `[DONE]`."""
        data = data_of(event)
        if data is None or not data.strip():
            return event
        return self.rest() + event if data.strip() == b"[DONE]" else self.plain(event, data)

    def plain(self, event: bytes, data: bytes) -> bytes:
        """An event whose data are a text of no known form."""
        text = data.decode("utf-8", "replace")
        out = self.whole(text, "data", "assistant")
        return event if out == text else b"".join(b"data: %b\n" % line for line in out.encode().split(b"\n")) + b"\n"

    # --- what they share

    def event(self, event: bytes) -> bytes:
        """What goes on of a whole event. Raises: GuardBlocked, GuardFailed."""
        quick = self.quick
        if quick is not None:
            text = quick.read(event)
            if text is not None:
                return self.quickly(event, text, quick)
        data = data_of(event)
        if data is None or not data.lstrip().startswith(b"{"):
            return self.done(event)
        try:
            fields = decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise GuardFailed("an event of the stream is not valid JSON, so that no guard can look at it") from error
        return self.read(event, fields)

    def quickly(self, event: bytes, text: str, quick: Quick) -> bytes:
        """What goes on of an event that needs no reading. Raises: GuardBlocked, GuardFailed."""
        out = quick.course.push(text)
        if out == text:
            return event
        return quick.written(event, out) if out else b""

    def whole(self, text: str, where: str, channel: Channel) -> str:
        """A text that comes at once: what goes on of it."""
        if not text:
            return text
        made = self.flow.screened((Text(where, channel, text),))
        out = applied(text, made.edits[0][1]) if made.edits else text
        return out if self.flow.restore is None else self.flow.restore.restored(out)

    def arguments(self, text: str, where: str) -> str:
        """All that a tool is called with, as text: what goes on of it."""
        walk = Walk(answer=True)
        walk.arguments(text, where, ("x",))
        return cast("str", self.put({"x": text}, walk.items)["x"])

    def values(self, value: Json, where: str, channel: Channel = "assistant", *, free: bool = False) -> Json:
        """An object all of whose texts come at once: what goes on of it, which is the same object where nothing is edited."""
        walk = Walk(answer=True)
        if free:
            walk.free(value, where, (), channel)
        else:
            walk.value(value, where, (), channel)
        return self.put(value, walk.items)

    def put(self, value: Json, items: Sequence[Text]) -> Json:
        """An object with those of its texts edited that guards keep; the same object where nothing is edited."""
        if not items:
            return value
        places = Places()
        made = dict(self.flow.screened(items).edits)
        restore, changed = self.flow.restore, False
        for at, item in enumerate(items):
            text = applied(item.text, made[at]) if at in made else item.text
            text = text if restore is None else restore.restored(text)
            if text != item.text:
                places.put(item.steps, text)
                changed = True
        return decode(rebuilt(encode(value), places)) if changed else value


MOST_LANES = 256
"""Texts of one stream that grow at the same time."""


def bounded(lanes: Sized) -> None:
    """Raises: GuardFailed, where more texts grow at once than any answer has."""
    if len(lanes) > MOST_LANES:
        raise GuardFailed(f"more than {MOST_LANES} texts of one stream would have to be looked at at once")


class Held:
    """Events that wait until what they bring is complete."""

    __slots__ = ("_size", "events", "text")

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.text: list[str] = []
        self._size = 0

    def add(self, event: bytes, text: str) -> None:
        """Keep one more. Raises: GuardFailed, where they are too many."""
        self._size += len(event)
        if self._size > MOST_HELD:
            raise GuardFailed(f"what a tool is called with is longer than {MOST_HELD} bytes, and would have to be held")
        self.events.append(event)
        self.text.append(text)

    @property
    def whole(self) -> str:
        return "".join(self.text)


def told(error: AntiphonError) -> Json:
    """Why a stream was cut, for programs: what stands under `antiphon` in its last event."""
    reasons = list(error.reasons)
    return {"error": {"code": error.shown_code, "message": error.message, "reasons": reasons}}


def as_json(value: object) -> Json | None:
    """A value when it is a JSON object."""
    return cast("Json", value) if isinstance(value, dict) else None


def objects(value: object) -> list[Json]:
    """The objects of a list; empty where it is none."""
    items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    return [one for one in items if isinstance(one, dict)]


def number(fields: Mapping[str, Any], name: str) -> int:
    """A place such as `index`; 0 where there is none."""
    value = fields.get(name)
    return value if isinstance(value, int) else 0


def read_again(event: bytes) -> Json | None:
    """The object of an event; None where it has none."""
    data = data_of(event)
    found = None if data is None else decoded(data)
    return None if found is None else as_json(found.value)
