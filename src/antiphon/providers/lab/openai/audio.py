"""POST /v1/audio/speech and /v1/audio/transcriptions.

Source: the types of openai 3.52.0 (audio/speech_create_params.py, audio/transcription_create_params.py,
audio/transcription_*_event.py), read 2026-11.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, json, structs

from antiphon.core.error import BadRequest
from antiphon.providers.lab.answer import Answer, Job, counted
from antiphon.providers.lab.chance import chance
from antiphon.providers.lab.count import pieces, tokens
from antiphon.providers.lab.dialect import JSON_LINE, Event, Incoming, Json, Writer
from antiphon.providers.lab.encode import sse
from antiphon.providers.lab.openai.media import SILENT_FRAME, seconds_of, tone, wav
from antiphon.providers.lab.openai.multipart import file_of, form_of, values_of
from antiphon.providers.lab.openai.read import OpenAI, Strict, asked_of, asked_of_form, fields_of, file_message
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.words import babble

SPOKEN_S = 0.25
KINDS = {"mp3": b"audio/mpeg", "wav": b"audio/wav", "pcm": b"audio/pcm"}
TEXT_LINE = b"content-type: text/plain; charset=utf-8\r\n"
FORMS = ("json", "text", "verbose_json", "srt", "vtt")
PIECES = 4
"""A stream of speech comes in so many."""


class Speech(Strict, frozen=True, kw_only=True):
    model: str = ""
    input: Annotated[str, Meta(min_length=1, max_length=4096)]
    voice: Any
    instructions: str | None = None
    response_format: Literal["mp3", "wav", "pcm"] = "mp3"
    speed: Annotated[float, Meta(ge=0.25, le=4)] | None = None
    stream_format: Literal["audio", "sse"] | None = None


SPEECH = json.Decoder(Speech)


def _counts(answer: Answer) -> Json:
    used = answer.used
    return {"input_tokens": used.input, "output_tokens": used.output, "total_tokens": used.input + used.output}


class SpeechWriter(Writer):
    wrong_usage: ClassVar[Json] = {"input_tokens": -7, "output_tokens": 9_999_999_999_999, "total_tokens": 0}

    def __init__(self, asked: Asked, form: str) -> None:
        super().__init__(asked)
        self._form = form

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job, job.asked.prompt_tokens)

    def lines(self, answer: Answer) -> bytes:
        kind = b"content-type: %b\r\n" % KINDS[self._form]
        said = super().lines(answer)
        return said if self.stream else said.replace(JSON_LINE, kind)

    def usage(self, answer: Answer) -> Json:
        return _counts(answer)

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        if self._form == "mp3":
            return SILENT_FRAME * 10
        pcm = tone(SPOKEN_S)
        return pcm if self._form == "pcm" else wav(pcm)

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        data = self.whole(answer, used)
        size = -(-len(data) // PIECES)
        for at in range(0, len(data), size):
            yield Event(1, sse({"type": "speech.audio.delta", "audio": b64encode(data[at : at + size]).decode()}))
        ended: Json = {"type": "speech.audio.done"}
        yield Event(1, sse(ended | ({} if used is None else {"usage": used})))


class Speeches(OpenAI):
    name = "openai_speech"

    def _read(self, incoming: Incoming) -> Writer:
        body = fields_of(SPEECH, incoming)
        asked = asked_of(incoming.model or body.model, [body.input], incoming)
        chat = structs.replace(asked.chat, stream=body.stream_format == "sse")
        return SpeechWriter(structs.replace(asked, chat=chat), body.response_format)


class TranscriptionWriter(Writer):
    """A text without a meaning, the same for the same recording."""

    wrong_usage: ClassVar[Json] = {
        "type": "tokens",
        "input_tokens": -7,
        "output_tokens": 9_999_999_999_999,
        "total_tokens": 0,
    }

    def __init__(self, asked: Asked, recording: bytes, form: str) -> None:
        super().__init__(asked)
        self._form = form
        self._seconds = seconds_of(recording)
        said = babble(chance("transcription", sha256(recording).hexdigest()), 60)
        self._text = f"[{asked.chat.model}, a simulated model] {said}"

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job, tokens(self._text))

    def lines(self, answer: Answer) -> bytes:
        said = super().lines(answer)
        return said if "json" in self._form or self.stream else said.replace(JSON_LINE, TEXT_LINE)

    def usage(self, answer: Answer) -> Json:
        if self._form == "verbose_json":
            return {"type": "duration", "seconds": self._seconds}
        details = {"audio_tokens": answer.used.input, "text_tokens": 0}
        return {"type": "tokens", **_counts(answer), "input_token_details": details}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        stated: Json = {} if used is None else {"usage": used}
        match self._form:
            case "text":
                return f"{self._text}\n".encode()
            case "srt":
                return f"1\n{_time(0, ',')} --> {_time(self._seconds, ',')}\n{self._text}\n\n".encode()
            case "vtt":
                return f"WEBVTT\n\n{_time(0, '.')} --> {_time(self._seconds, '.')}\n{self._text}\n\n".encode()
            case "verbose_json":
                return msgspec.json.encode(self._verbose() | stated)
            case _:
                return msgspec.json.encode({"text": self._text} | stated)

    def _verbose(self) -> Json:
        segment: Json = {
            "id": 0, "seek": 0, "start": 0.0, "end": self._seconds, "text": self._text, "tokens": [], "temperature": 0.0,
            "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0,
        }  # fmt: skip
        head: Json = {"task": "transcribe", "language": "english", "duration": self._seconds}
        return head | {"text": self._text, "segments": [segment]}

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        token = 0
        for piece in pieces(self._text):
            token += 1
            yield Event(token, sse({"type": "transcript.text.delta", "delta": piece}))
        ended: Json = {"type": "transcript.text.done", "text": self._text}
        yield Event(token, sse(ended | ({} if used is None else {"usage": used})))


def _time(seconds: float, mark: str) -> str:
    whole, millis = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{millis:03}"


class Transcriptions(OpenAI):
    name = "openai_transcription"

    def _read(self, incoming: Incoming) -> Writer:
        fields = form_of(incoming)
        values = values_of(fields)
        form = values.get("response_format", "json")
        if form not in FORMS:
            raise BadRequest(
                f"response_format must be one of {', '.join(FORMS)}", code="invalid_value", param="response_format"
            )
        recording = file_of(fields, "file").value
        model = incoming.model or values.get("model", "")
        asked = asked_of_form(model, [file_message("input_audio")], incoming)
        chat = structs.replace(asked.chat, stream=values.get("stream") == "true")
        return TranscriptionWriter(structs.replace(asked, chat=chat), recording, form)
