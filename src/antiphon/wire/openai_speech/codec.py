"""Speech of OpenAI: text in, sound out. Source: openai-python 3.52.0, `types/audio/speech_create_params.py`; API
reference, 2026-11, for the events of a stream.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, UpstreamMalformed
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.core.usage import Usage
from antiphon.wire.codec import AnyCodec, Asked, Facts, Put, Terms
from antiphon.wire.counts import believed, needed, part
from antiphon.wire.json_head import model_of, one_of, put, read, read_long
from antiphon.wire.one_dialect import NoText, OneDialect, OpenAIErrors
from antiphon.wire.passing import Passing
from antiphon.wire.places import fields_of
from antiphon.wire.stream import Relay

_FORMATS = (None, "audio", "sse")
_SOUND = (b"audio/", b"application/octet-stream")


class OpenAISpeech(OneDialect, NoText, OpenAIErrors, AnyCodec):
    """Requests and answers pass byte for byte. A whole answer is sound, and says nothing of itself: `used` tells
    what its request used.
    """

    name: ClassVar[Dialect] = "openai_speech"
    operation: ClassVar[Operation] = "speech"
    answers: ClassVar[bytes] = b"audio/"
    opening: ClassVar[str] = "input"
    chance: ClassVar[tuple[str, ...]] = ()
    last_mark: ClassVar[bytes] = b"speech.audio.done"

    def takes(self, content_type: bytes) -> bool:
        """Whether a whole answer may be of this type."""
        return content_type.lstrip().lower().startswith(_SOUND)

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        found = read(body)
        return _head(found.fields, asked), found.spots

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        for found in read_long(body, ("model", "stream_format"), ("input",)):
            yield None if found is None else (_head(found.fields, asked), found.spots)

    def put(self, request: Request, terms: Terms) -> Put:
        return put(request, terms)

    def facts(self, body: bytes) -> Facts:
        if not body:
            raise UpstreamMalformed("the upstream's answer has no sound in it")
        return Facts(model="", fingerprint="", usage=None, usage_note="")

    def relay(self, *, hides_usage: bool) -> Relay:
        del hides_usage  # it is never asked for by us
        return SpeechRelay()

    def used(self, request: Request) -> Usage | None:
        """Its characters."""
        field = fields_of(request.body, request.spots)["input"]
        raw = request.body.slice(field.start, field.end)
        try:
            return Usage(characters=len(msgspec.json.decode(raw, type=str)))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Usage(characters=len(raw))  # of a long body it was not read before: there are no more than its bytes


def _head(fields: Mapping[str, Any], asked: Asked) -> Head:
    one_of(fields, "input", (str,), "a text")
    form = fields.get("stream_format")
    if form not in _FORMATS:
        raise BadRequest('`stream_format` must be "audio" or "sse"', param="stream_format")
    return Head(
        dialect="openai_speech",
        endpoint=asked.endpoint,
        model=model_of(fields, asked),
        stream=form == "sse",
    )


class _Event(Struct):
    type: str | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_event = msgspec.json.Decoder(_Event)


class SpeechRelay(Passing):
    """One stream of sound in base64."""

    __slots__ = ()

    def note(self, event: bytes, payload: bytes) -> bytes:
        said = _event.decode(payload)
        if said.error is not None or said.type == "error":
            return self.failed(said.error)
        if said.type == "speech.audio.delta":
            self.content_seen = True
        elif said.type == "speech.audio.done":
            self.finished = self.done = True
            self.usage, self.usage_note = believed(_usage, said.usage)
        return event


def _usage(said: Mapping[str, Any]) -> Usage:
    spoken = needed(said, "output_tokens")
    return Usage(
        input_tokens=needed(said, "input_tokens"),
        output_tokens=spoken,
        output_audio_tokens=part(said, "output_token_details", "audio_tokens", spoken),
    )
