"""Passes a streamed answer on as it comes, and reads from it what the receipt needs."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from antiphon.core.error import UpstreamBroken, UpstreamMalformed
from antiphon.wire.gemini.answers import blocked
from antiphon.wire.gemini.chunks import whole
from antiphon.wire.gemini.failures import failure
from antiphon.wire.gemini.pieces import Pieces
from antiphon.wire.gemini.sources import searches
from antiphon.wire.gemini.usage import usage_in
from antiphon.wire.stream import Relay


class _Content(Struct, gc=False):
    parts: list[dict[str, Raw]] | None = None


class _Candidate(Struct):
    content: _Content | None = None
    index: int | None = None
    finishReason: str | None = None  # noqa: N815  # the wire's name
    groundingMetadata: Any = None  # noqa: N815


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: Raw | UnsetType = UNSET  # noqa: N815
    modelVersion: str | None = None  # noqa: N815
    promptFeedback: Any = None  # noqa: N815
    error: Any = None


_chunk = msgspec.json.Decoder(_Chunk)
_SAYS = frozenset(
    {"text", "functionCall", "inlineData", "fileData", "executableCode", "codeExecutionResult", "toolCall"}
)


class StreamRelay(Relay):
    """One stream's passage.

    An answer has no last event: the one that ends it is held until another follows, or the body ends.
    """

    __slots__ = ("_ended", "_finished", "_held", "_open", "_pieces", "_searches")

    def __init__(self) -> None:
        super().__init__()
        self._pieces = Pieces()
        self._held = b""
        self._open: set[int] = set()
        """Candidates that have begun and not ended."""
        self._finished: set[int] = set()
        self._ended = False
        """One has ended, or the prompt was refused."""
        self._searches = 0

    def feed(self, piece: bytes) -> bytes:
        out = [self._event(event, data) for event, data in self._pieces.feed(piece)]
        return out[0] if len(out) == 1 else b"".join(out)

    def end(self) -> bytes:
        event, data = self._pieces.end()
        try:
            out = self._event(event, data) if event else b""
        except UpstreamMalformed as error:
            raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if self.failure is not None:
            raise self.failure
        if self._open or not self._ended:
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        self.done = True
        held, self._held = self._held, b""
        return out + held

    def _event(self, event: bytes, data: bytes) -> bytes:
        """Note what an event says. Returns: what may go on now."""
        if self.failure is not None:
            return b""
        if data:
            self._read(data)
            if self.failure is not None:
                return b""
        if not self._ended:
            return event
        if not data:
            self._held += event
            return b""
        before, self._held = self._held, event
        return before

    def _read(self, data: bytes) -> None:
        chunk = self._decoded(data)
        if chunk.error is not None and not chunk.candidates:
            self.failure = failure(chunk.error)
            return
        self.events += 1
        if not self.model and chunk.modelVersion:
            self.model = chunk.modelVersion
        for candidate in chunk.candidates or ():
            self._candidate(candidate)
        if chunk.promptFeedback is not None and blocked(chunk.promptFeedback):
            self._ended = True
        if chunk.usageMetadata is not UNSET:
            usage, note = usage_in(chunk.usageMetadata, self._searches)
            if usage is not None or note:
                self.usage, self.usage_note = usage, note

    def _decoded(self, data: bytes) -> _Chunk:
        try:
            return _chunk.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Odd, or in a list as errors may be: taken as far as it can be.
            fields = whole(data)
            known = {name: fields[name] for name in ("error", "promptFeedback") if name in fields}
            return _Chunk(**known)

    def _candidate(self, candidate: _Candidate) -> None:
        index = candidate.index or 0
        if candidate.groundingMetadata is not None:
            self._searches += searches(candidate.groundingMetadata)
        if candidate.finishReason is not None:
            self._open.discard(index)
            self._finished.add(index)
            self._ended = True
        elif index not in self._finished:
            self._open.add(index)
        if not self.content_seen and candidate.content is not None:
            self.content_seen = any(map(_says, candidate.content.parts or ()))


def _says(part: dict[str, Raw]) -> bool:
    """Whether a part has content: an empty text has none."""
    return any(name in _SAYS and not (name == "text" and bytes(part[name]) == b'""') for name in part)
