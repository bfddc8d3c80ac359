"""Passes a streamed answer on as it comes, and reads from it what the receipt needs."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.usage import usage_of

_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_DONE = b"[DONE]"
MAX_EVENT_BYTES = 16_777_216
"""A single event above this is refused as malformed: it would be held in memory until its end."""


class _Delta(Struct):
    content: Any = None
    tool_calls: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    audio: Any = None
    function_call: Any = None


class _Choice(Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None | UnsetType = UNSET
    error: Any = None
    model: str | None = None
    system_fingerprint: str | None = None


_chunk = msgspec.json.Decoder(_Chunk)


class Relay:
    """One stream's passage. Feed it what comes; send on what it gives back.

    Whole events pass at once, unchanged. The end of a piece that is no whole event waits for its
    rest, so that an event is either passed whole or, when only we asked for it, kept whole.
    """

    __slots__ = (
        "_hide_usage",
        "_rest",
        "content_seen",
        "done",
        "events",
        "failure",
        "fingerprint",
        "finished",
        "model",
        "usage",
        "usage_note",
    )

    def __init__(self, *, hide_usage: bool) -> None:
        self._hide_usage = hide_usage
        self._rest = b""
        self.content_seen = self.done = self.finished = False
        self.events = 0
        self.model = self.fingerprint = ""
        self.usage: Usage | None = None
        self.usage_note = ""
        self.failure: UpstreamError | None = None

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: UpstreamMalformed."""
        data = self._rest + piece if self._rest else piece
        if data.endswith(b"\n\n") and data.find(b"\n\n") == len(data) - 2 and b"\r" not in data:
            self._rest = b""
            return data if self._event(data) else self._without_usage(data)
        return self._several(data)

    def _several(self, data: bytes) -> bytes:
        out: list[bytes] = []
        at = 0
        for boundary in _BOUNDARY.finditer(data):
            event = data[at : boundary.end()]
            at = boundary.end()
            out.append(event if self._event(event) else self._without_usage(event))
        self._rest = data[at:]
        if len(self._rest) > MAX_EVENT_BYTES:
            raise UpstreamMalformed(f"one event of the upstream's stream is longer than {MAX_EVENT_BYTES} bytes")
        return b"".join(out)

    def _event(self, event: bytes) -> bool:
        """Note what an event says. Returns: whether it goes on as it is."""
        payload = _payload(event)
        if payload is None:
            return True
        if payload == _DONE:
            self.done = True
            return True
        try:
            chunk = _chunk.decode(payload)
        except msgspec.MsgspecError as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error
        self.events += 1
        if self.events == 1:
            self.model = chunk.model or ""
            self.fingerprint = chunk.system_fingerprint or ""
        if chunk.choices:
            self._choices(chunk.choices)
        if chunk.error is not None:
            message = msgspec.json.encode(chunk.error)[:300].decode(errors="replace")
            self.failure = UpstreamError(f"the upstream ended its stream with an error: {message}")
            self.failure.noted = "the upstream ended its stream with an error"
        if chunk.usage is UNSET:
            return True
        if chunk.usage is not None:
            self.usage, self.usage_note = usage_of(chunk.usage)
        return not self._hide_usage

    def _choices(self, choices: list[_Choice]) -> None:
        for choice in choices:
            if choice.finish_reason is not None:
                self.finished = True
            delta = choice.delta
            if delta is not None and not self.content_seen:
                self.content_seen = bool(
                    delta.content
                    or delta.tool_calls
                    or delta.reasoning_content
                    or delta.reasoning
                    or delta.refusal
                    or delta.audio
                    or delta.function_call
                )

    def _without_usage(self, event: bytes) -> bytes:
        """An event that carries usage which only we asked for."""
        payload = _payload(event) or b""
        if _chunk.decode(payload).choices:
            return _NULL_USAGE.sub(b"", event)
        return b""

    def end(self) -> bytes:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamError subclasses."""
        rest, self._rest = self._rest, b""
        if rest.strip():
            rest = rest if self._event(rest) else self._without_usage(rest)
        if self.failure is not None:
            raise self.failure
        if not (self.done or self.finished):
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return rest


def _payload(event: bytes) -> bytes | None:
    """The data of an event; None when it has none, as a comment."""
    if event.startswith(b"data: ") and event.find(b"\n") >= len(event) - 2:
        return event[6:].strip()
    lines = re.split(rb"\r\n|\n|\r", event)
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(data).strip() if data else None
