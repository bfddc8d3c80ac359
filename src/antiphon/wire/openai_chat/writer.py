"""Writes a stream in chunks that all begin alike: those of Chat Completions, and of legacy completions."""

from typing import ClassVar

import msgspec

from antiphon.core.response import Event
from antiphon.core.usage import Usage
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.usage import encode_usage
from antiphon.wire.stream import Encoder

DONE = b"data: [DONE]\n\n"
to_json = msgspec.json.Encoder().encode


class ChunkWriter(Encoder):
    """One stream."""

    __slots__ = ("_head", "_losses", "_start", "_usage", "_wants_usage")
    kind: ClassVar[str]
    """The `object` of each chunk."""
    opens: ClassVar[bytes]
    """What stands before the text of a chunk that is text alone, from its choices on."""

    def __init__(self, losses: Losses, *, wants_usage: bool) -> None:
        super().__init__()
        self._losses = losses
        self._wants_usage = wants_usage
        self._head = b""
        """Of every chunk, up to its choices."""
        self._start = b""
        """Of every chunk that is text alone, up to the text."""
        self._usage: Usage | None = None

    def end(self) -> bytes:
        """The usage, where the caller asked for it, and the mark of the end."""
        if not self._wants_usage or self._usage is None:
            return DONE
        return b'%b[],"usage":%b}\n\n%b' % (self._head, to_json(encode_usage(self._usage)), DONE)

    def _begin(self, event: Event) -> None:
        self.created_s = event.created_s or self.created_s
        head = {"id": event.id, "object": self.kind, "created": self.created_s, "model": event.model}
        if event.fingerprint:
            head["system_fingerprint"] = event.fingerprint
        self._head = b'data: %b,"choices":' % to_json(head)[:-1]
        self._start = self._head + self.opens
