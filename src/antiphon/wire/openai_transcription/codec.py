"""Transcription and translation of sound, as OpenAI has them: a form in, text out.

Source: openai-python 3.52.0, `types/audio/transcription_create_params.py`, `types/audio/translation_create_params.py`.
"""

from collections.abc import Iterator
from typing import ClassVar

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.wire.bounds import MAX_NAME
from antiphon.wire.codec import AnyCodec, Asked, Facts, Put, Terms
from antiphon.wire.form_head import FormFields, put_form, read_form, read_form_long
from antiphon.wire.multipart import FORM
from antiphon.wire.one_dialect import NoText, OneDialect, OpenAIErrors
from antiphon.wire.openai_transcription.answers import facts
from antiphon.wire.openai_transcription.relay import TranscriptRelay
from antiphon.wire.stream import Relay

_TEXT = (b"application/json", b"text/plain", b"text/vtt", b"text/srt", b"application/x-subrip")


class OpenAITranscription(OneDialect, NoText, OpenAIErrors, AnyCodec):
    """Requests and answers pass byte for byte; the file is neither read nor copied."""

    name: ClassVar[Dialect] = "openai_transcription"
    operation: ClassVar[Operation] = "transcription"
    asks: ClassVar[tuple[bytes, ...]] = (FORM,)
    opening: ClassVar[str] = "file"
    chance: ClassVar[tuple[str, ...]] = ()
    last_mark: ClassVar[bytes] = b"transcript.text.done"

    def takes(self, content_type: bytes) -> bool:
        """Whether a whole answer may be of this type: JSON, a plain text, or subtitles."""
        return content_type.lstrip().lower().startswith(_TEXT)

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        form = read_form(body, asked)
        return _head(form, asked), form.spots()

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        for form in read_form_long(body, asked):
            yield None if form is None else (_head(form, asked), form.spots())

    def put(self, request: Request, terms: Terms) -> Put:
        return put_form(request, terms)

    def facts(self, body: bytes) -> Facts:
        return facts(body)

    def relay(self, *, hides_usage: bool) -> Relay:
        del hides_usage  # it is never asked for by us
        return TranscriptRelay()


def _head(form: FormFields, asked: Asked) -> Head:
    if not (form.has("file") or form.has("url")):  # Groq and some others take an address instead
        raise BadRequest("`file` is missing; send the sound as a file of the form", param="file")
    return Head(
        dialect="openai_transcription",
        endpoint=asked.endpoint,
        model=form.model(asked),
        stream=form.flag("stream"),
        user=form.text("user")[:MAX_NAME],
    )
