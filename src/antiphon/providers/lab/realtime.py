"""Realtime sessions of a lab: what is said as text comes back as text, with its usage.

Source: openai-python 3.52.0, `types/realtime/`. Sound is taken and counted, never made.
"""

import asyncio
import time
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct, json

from antiphon.net.exchange import Exchange
from antiphon.net.frames import Opcode
from antiphon.net.websocket import WebSocket, accept_of

PATHS = (b"/v1/realtime", b"/openai/v1/realtime")
MAX_MESSAGE_BYTES = 33_554_432
TOKENS_A_PART = 4
NORMAL, GOING_AWAY = 1000, 1001


class _Part(Struct):
    type: str = ""
    text: str = ""


class _Item(Struct):
    type: str = "message"
    role: str = "user"
    content: list[_Part] = []


class _Event(Struct):
    type: str
    event_id: str | None = None
    item: _Item | None = None
    session: dict[str, msgspec.Raw] | None = None
    audio: str = ""


_event = json.Decoder(_Event)


class Realtime:
    """One session. `lab:close CODE` and `lab:drop`, said as text, end it: with a close frame, and without one."""

    def __init__(self, exchange: Exchange, model: str) -> None:
        self._exchange = exchange
        self._model = model
        self._said: list[str] = []
        self._audio_bytes = 0
        self._number = 0
        self._session: dict[str, object] = {"id": "sess_lab", "object": "realtime.session", "model": model}
        self.over = asyncio.Event()
        self._socket = WebSocket(
            exchange.transport, self, masks=False, most_bytes=MAX_MESSAGE_BYTES, now=time.perf_counter
        )

    async def run(self, headers: bytes) -> None:
        """Take the connection, and answer until it ends."""
        self._exchange.switch(headers, self)
        self._send({"type": "session.created", "session": self._session})
        await self.over.wait()
        self._exchange.end()

    # --- the connection's calls

    def feed(self, data: bytes) -> None:
        self._socket.feed(data)

    def drain(self) -> None:
        self._socket.close(GOING_AWAY, "the lab stops")
        self.over.set()

    # --- the socket's calls

    def ended(self, code: int, reason: str) -> None:
        self.over.set()

    def message(self, opcode: Opcode, payload: bytes) -> None:
        try:
            event = _event.decode(payload)
        except msgspec.DecodeError as error:
            self._error("invalid_json", str(error))
            return
        match event.type:
            case "session.update":
                self._session |= event.session or {}
                self._send({"type": "session.updated", "session": self._session})
            case "conversation.item.create" if event.item is not None:
                self._added(event.item)
            case "input_audio_buffer.append":
                self._audio_bytes += len(event.audio) * 3 // 4
            case "input_audio_buffer.commit":
                self._send({"type": "input_audio_buffer.committed", "item_id": self._id("item")})
            case "response.create":
                self._respond()
            case _:
                self._error("invalid_value", f"the lab knows no event {event.type!r}")

    def _added(self, item: _Item) -> None:
        text = " ".join(part.text for part in item.content)
        if text == "lab:drop":
            self._exchange.abort()
            return
        if text.startswith("lab:close "):
            self._socket.close(int(text.removeprefix("lab:close ")), "as was asked")
            return
        self._said.append(text)
        self._send({"type": "conversation.item.done", "item": {"id": self._id("item"), **msgspec.to_builtins(item)}})

    def _respond(self) -> None:
        """Say again what was said, in pieces."""
        text = f"[{self._model}, a simulated model] {' '.join(self._said)}"
        where = {"response_id": self._id("resp"), "item_id": self._id("item"), "output_index": 0, "content_index": 0}
        self._send({"type": "response.created", "response": {"id": where["response_id"], "status": "in_progress"}})
        for word in text.split(" "):
            self._send({"type": "response.output_text.delta", **where, "delta": f"{word} "})
        self._send({"type": "response.output_text.done", **where, "text": text})
        read, heard, written = sum(len(one.split()) for one in self._said), self._audio_bytes // 4800, len(text.split())
        usage = {
            "total_tokens": read + heard + written,
            "input_tokens": read + heard,
            "output_tokens": written,
            "input_token_details": {"text_tokens": read, "audio_tokens": heard, "cached_tokens": 0},
            "output_token_details": {"text_tokens": written, "audio_tokens": 0},
        }
        done = {"id": where["response_id"], "object": "realtime.response", "status": "completed", "usage": usage}
        self._send({"type": "response.done", "response": done})

    def _error(self, code: str, message: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": None}
        self._send({"type": "error", "error": error})

    def _send(self, event: dict[str, object]) -> None:
        self._socket.send(Opcode.TEXT, json.encode({"event_id": self._id("event"), **event}))

    def _id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}_lab{self._number:06}"


async def serve(exchange: Exchange) -> None:
    """Answer a handshake of a caller who asks for a WebSocket."""
    model = parse_qs(exchange.query.decode("latin-1")).get("model", [""])[0]
    offered = exchange.headers.get(b"sec-websocket-protocol", b"")
    lines = b"sec-websocket-accept: %b\r\n" % accept_of(exchange.headers.get(b"sec-websocket-key", b""))
    if b"realtime" in offered:
        lines += b"sec-websocket-protocol: realtime\r\n"
    await Realtime(exchange, model).run(lines)
