"""Streams of images that come into view. Source: openai-python 3.52.0, `types/image_gen_stream_event.py`."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.wire.openai_images.answers import usage_of
from antiphon.wire.passing import Passing


class _Event(Struct):
    """Its base64 is passed over unread."""

    type: str | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_event = msgspec.json.Decoder(_Event)


class ImageRelay(Passing):
    """One stream of images. There may be more than one whole image, so that only the end of the stream ends it."""

    __slots__ = ()

    def note(self, event: bytes, payload: bytes) -> bytes:
        said = _event.decode(payload)
        kind = said.type or ""
        if said.error is not None or kind == "error":
            return self.failed(said.error)
        if kind.endswith((".partial_image", ".completed")):
            self.content_seen = True
        if kind.endswith(".completed"):
            self.finished = True
            self._add(said.usage)
        return event

    def _add(self, said: dict[str, Any] | None) -> None:
        usage, note = usage_of(said, 1)
        if usage is None or self.usage_note:
            self.usage, self.usage_note = None, self.usage_note or note
        else:
            self.usage = usage if self.usage is None else self.usage + usage
