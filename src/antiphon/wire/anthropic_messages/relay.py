"""Passes a streamed answer on as it comes, and reads from it what the receipt needs."""

from typing import Any

from antiphon.wire.anthropic_messages.errors import amid
from antiphon.wire.anthropic_messages.events import TYPED, is_delta, payload_of
from antiphon.wire.anthropic_messages.usage import restated, speed_of, usage_of
from antiphon.wire.fields import as_object
from antiphon.wire.passing import EventRelay


class MessagesRelay(EventRelay):
    """One stream's passage."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, Any] = {}
        """The usage so far, as it came."""

    def event(self, event: bytes) -> bytes:
        """Note what an event says. Returns: what of it goes on."""
        if self.failure is not None:
            return b""
        if event.startswith(TYPED) and is_delta(event):
            self.events += 1
            self.content_seen = True
            return event
        read = payload_of(event)
        if read is None:
            return event
        payload, said = read
        self.events += 1
        kind = said.get("type")
        if kind == "error":
            self.failure = amid(payload)
            return b""
        self._note(str(kind), said)
        return event

    def _note(self, kind: str, said: dict[str, Any]) -> None:
        match kind:
            case "message_start":
                message = as_object(said.get("message")) or {}
                model = message.get("model")
                self.model = model if isinstance(model, str) else ""
                self._use(message.get("usage"))
            case "content_block_delta":
                self.content_seen = True
            case "content_block_start":
                block = as_object(said.get("content_block")) or {}
                self.content_seen = self.content_seen or block.get("type") not in ("text", "thinking")
            case "message_delta":
                delta = as_object(said.get("delta")) or {}
                self.finished = self.finished or delta.get("stop_reason") is not None
                self._use(said.get("usage"))
            case "message_stop":
                self.done = True
            case _:
                pass

    def _use(self, value: object) -> None:
        """Take a usage, which restates what was said before. Only what has both counts says what the answer used."""
        shape = as_object(value)
        if shape is None:
            return
        self._said = restated(self._said, shape)
        self.usage, self.usage_note = usage_of(self._said)
        self.service = speed_of(self._said)
