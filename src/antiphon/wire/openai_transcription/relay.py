"""Streams of transcripts. Source: openai-python 3.52.0, `types/audio/transcription_stream_event.py`."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.wire.openai_transcription.answers import usage_of
from antiphon.wire.passing import Passing


class _Event(Struct):
    type: str | None = None
    usage: Any = None
    error: Any = None


_event = msgspec.json.Decoder(_Event)


class TranscriptRelay(Passing):
    """One transcript as it grows."""

    __slots__ = ()

    def note(self, event: bytes, payload: bytes) -> bytes:
        said = _event.decode(payload)
        if said.error is not None or said.type == "error":
            return self.failed(said.error)
        if said.type in ("transcript.text.delta", "transcript.text.segment"):
            self.content_seen = True
        elif said.type == "transcript.text.done":
            self.finished = self.done = True
            self.usage, self.usage_note = usage_of(said.usage)
        return event
