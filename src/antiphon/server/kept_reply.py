"""An answer of the Responses API that is kept on its way to the caller."""

from collections.abc import Callable

import msgspec

from antiphon.control.responses import Responses, Turn
from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Reply, Served
from antiphon.wire.fields import as_object
from antiphon.wire.openai_responses.relay import ENDS
from antiphon.wire.sse import SseReader, data_of

_OPENING = frozenset({"response.created", "response.in_progress", "response.queued"})
_event = msgspec.json.Decoder(dict[str, object])


class KeptReply(Reply):
    """Goes before the reply that writes: keeps the response, and has it say what is true of it.

    What differs is the response object alone, whole or in the first and the last event of a stream; all between goes on
    as it comes.
    """

    __slots__ = ("_before", "_class", "_last", "_opening", "_responses", "_streams", "_turn", "_under")

    def __init__(self, under: Reply, responses: Responses, turn: Turn) -> None:
        self._under = under
        self._responses = responses
        self._turn = turn
        self._class: DataClass | None = None
        self._streams = False
        self._opening = True
        """No event of a stream has come yet but those that open it."""
        self._before = b""
        """The piece that went out last; the answer's end stands in it where that is told too late."""
        self._last: bytes | None = None

    def classed(self, data_class: DataClass) -> None:
        self._class = data_class

    def keep(self, last: bytes) -> None:
        if not self._streams:
            self._last = self._responses.end(self._turn, last, self._class)
        elif last:
            self._last = self._ended(last)
        else:
            self._ended(self._before)

    def whole(self, served: Served, body: bytes) -> None:
        self._under.whole(served, body if self._last is None else self._last)

    def begin(self, served: Served) -> None:
        self._streams = True
        self._under.begin(served)

    def write(self, piece: bytes) -> None:
        self._before = piece
        self._under.write(self._opened(piece) if self._opening else piece)

    def end(self, last: bytes = b"") -> None:
        self._under.end(last if self._last is None else self._last)

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        self._under.error(error, receipt_id, told)

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        self._under.last_resort(text, receipt_id, told, stream=stream)

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._under.on_pressure(callback)

    def _opened(self, piece: bytes) -> bytes:
        """The events that open a stream tell of the response too."""
        reader = SseReader()
        out: list[bytes] = []
        for event in (*reader.feed(piece), reader.end()):
            said = _read(event) if self._opening else None
            if said is None:
                out.append(event)
                continue
            self._opening = said.get("type") in _OPENING
            response = as_object(said.get("response"))
            changed = self._opening and response is not None and self._turn.told(response, stored=self._stores)
            out.append(_written(said) if changed else event)
        return b"".join(out)

    @property
    def _stores(self) -> bool:
        return self._turn.wants.store and self._responses.keeps

    def _ended(self, last: bytes) -> bytes:
        """The piece with the event that ends the answer. Raises: StoreError."""
        reader = SseReader()
        out: list[bytes] = []
        for event in (*reader.feed(self._opened(last) if self._opening else last), reader.end()):
            said = _read(event)
            response = as_object(said.get("response")) if said is not None and said.get("type") in ENDS else None
            out.append(event if said is None or response is None else self._kept(event, said, response))
        return b"".join(out)

    def _kept(self, event: bytes, said: dict[str, object], response: dict[str, object]) -> bytes:
        before = msgspec.json.encode(response)
        after = self._responses.end(self._turn, before, self._class)
        return event if after is before else _written({**said, "response": msgspec.Raw(after)})


def _read(event: bytes) -> dict[str, object] | None:
    """What an event says; None where that is nothing, or nothing that can be read."""
    data = data_of(event)
    if not data:
        return None
    try:
        return _event.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _written(said: dict[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(said.get("type")).encode(), msgspec.json.encode(said))
