"""What of a realtime session's messages is read: the models that a caller asks for, and what answers used.

Source: openai-python 3.52.0, `types/realtime/` (`session_update_event.py`, `response_create_event.py`,
`realtime_response_usage.py`, `realtime_error_event.py`).
"""

from collections.abc import Callable

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from antiphon.core.error import AntiphonError
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.usage import MAX_TOKENS

Fields = dict[str, Raw]
_fields = json.Decoder(Fields)
_text = json.Decoder(str)
DONE = b"response.done"


class Refusal(Struct, frozen=True):
    """A message that does not go on, and the event that says so."""

    event: bytes


class Guard(Struct, frozen=True, kw_only=True):
    """Looks at what a caller sends. It lets through what names no model, as it came."""

    names: frozenset[str]
    """What the session's model is called: here, and by the provider. A session keeps its model."""
    own: str
    """The provider's id of it."""
    may_hear: Callable[[str], bool]
    """Whether a model may write down what is said."""

    def outgoing(self, payload: bytes) -> bytes | Refusal:
        """What goes on in the place of a message."""
        try:
            message = _fields.decode(payload)
            if "session" not in message and "response" not in message:
                return payload
            return self._checked(message)
        except (DecodeError, ValidationError) as error:
            return _refusal("invalid_json", f"this is no event that can be read: {error}", "", b"null")

    def _checked(self, message: Fields) -> bytes | Refusal:
        """A message that may name models. It is written anew, so that what goes out is what was looked at."""
        out = dict(message)
        told = message.get("event_id", Raw(b"null"))
        for name in ("session", "response"):
            inner = _object(message.get(name))
            if inner is None:
                continue
            if asked := _named(inner):
                if asked not in self.names:
                    return _forbidden(asked, f"{name}.model", told)
                inner["model"] = Raw(json.encode(self.own))
            writer = _transcriber(inner)
            if writer and not self.may_hear(writer[1]):
                return _forbidden(writer[1], f"{name}.{writer[0]}", told)
            out[name] = Raw(json.encode(inner))
        return json.encode(out)


def _object(value: Raw | None) -> Fields | None:
    return None if value is None or not bytes(value).startswith(b"{") else _fields.decode(value)


def _named(holder: Fields) -> str:
    """The model that an object names; empty where it names none."""
    said = holder.get("model")
    return "" if said is None or bytes(said) == b"null" else _text.decode(said)


def _transcriber(session: Fields) -> tuple[str, str] | None:
    """Where a session says which model writes down what is said, and which: as it is now, and as it was in the beta."""
    audio = _object(session.get("audio"))
    heard = _object(audio.get("input")) if audio else None
    places = (("audio.input.transcription.model", heard, "transcription"),)
    for path, holder, name in (*places, ("input_audio_transcription.model", session, "input_audio_transcription")):
        found = _object(holder.get(name)) if holder else None
        if found and (model := _named(found)):
            return path, model
    return None


def _forbidden(model: str, param: str, event_id: Raw) -> Refusal:
    said = f"this session may not use the model {model[:128]!r}; it keeps its own, and needs its key's leave for others"
    return _refusal("model_not_allowed", said, param, event_id)


def refused(error: AntiphonError) -> Refusal:
    """What a caller is told of a message that may not pass."""
    return _refusal(error.said_code, error.message, error.param or "", b"null")


def _refusal(code: str, message: str, param: str, event_id: Raw | bytes) -> Refusal:
    error = {
        "type": "invalid_request_error",
        "code": code,
        "message": message,
        "param": param or None,
        "event_id": Raw(event_id),
    }
    return Refusal(json.encode({"type": "error", "event_id": "event_antiphon", "error": error}))


class _Details(Struct, gc=False):
    cached_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class _Usage(Struct, gc=False):
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: _Details | None = None
    output_token_details: _Details | None = None


class _Response(Struct, gc=False):
    usage: _Usage | None = None


class _Done(Struct, gc=False):
    type: str = ""
    response: _Response | None = None


_done = json.Decoder(_Done)
_HEARD = b"input_audio_transcription.completed"


class Count:
    """Sums up what a session's answers used."""

    def __init__(self) -> None:
        self.usage = Usage()
        self.responses = 0
        self.unread = 0
        """Answers whose usage was missing, or can't be believed."""
        self.transcribed = 0
        """Texts of what was said, by a model of its own."""

    def incoming(self, payload: bytes) -> None:
        """Look at what the provider sends."""
        if DONE in payload:
            self._add(payload)
        elif _HEARD in payload:
            self.transcribed += 1

    def _add(self, payload: bytes) -> None:
        try:
            said = _done.decode(payload)
        except DecodeError:
            self.unread += 1
            return
        if said.type != DONE.decode():
            return
        self.responses += 1
        usage = None if said.response is None or said.response.usage is None else _usage(said.response.usage)
        if usage is None:
            self.unread += 1
        else:
            self.usage += usage


def _usage(said: _Usage) -> Usage | None:
    """What one answer used; None where it can't be believed."""
    read, written = said.input_token_details or _Details(), said.output_token_details or _Details()
    parts = (read.cached_tokens, read.audio_tokens, read.image_tokens)
    if not 0 <= said.input_tokens <= MAX_TOKENS or not 0 <= said.output_tokens <= MAX_TOKENS:
        return None
    if min(*parts, written.audio_tokens) < 0 or max(parts) > said.input_tokens:
        return None
    if written.audio_tokens > said.output_tokens:
        return None
    return Usage(
        input_tokens=said.input_tokens,
        output_tokens=said.output_tokens,
        cached_tokens=read.cached_tokens,
        input_audio_tokens=read.audio_tokens,
        input_image_tokens=read.image_tokens,
        output_audio_tokens=written.audio_tokens,
    )
