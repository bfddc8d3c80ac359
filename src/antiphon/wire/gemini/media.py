"""Media types: of what is carried in a request, and of what only has an address."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

_DATA = re.compile(r"data:([^,]*?);base64,", re.ASCII | re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")

AUDIO: Mapping[str, str] = MappingProxyType(
    {
        "wav": "audio/wav",
        "mp3": "audio/mp3",
        "aiff": "audio/aiff",
        "aac": "audio/aac",
        "ogg": "audio/ogg",
        "flac": "audio/flac",
        "opus": "audio/opus",
        "m4a": "audio/m4a",
        "webm": "audio/webm",
        "pcm16": "audio/L16;codec=pcm;rate=24000",
    }
)
"""Formats of sound. The last is what Gemini speaks in. Source: ai.google.dev/gemini-api/docs/audio and /speech-generation,
2026-11."""
_FORMATS: Mapping[str, str] = MappingProxyType(
    {media.lower(): name for name, media in AUDIO.items()}
    | {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/x-aiff": "aiff", "audio/mp4": "m4a"}
)

_ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
        "gif": "image/gif",
        "heic": "image/heic",
        "heif": "image/heif",
        "pdf": "application/pdf",
        "txt": "text/plain",
        "md": "text/markdown",
        "csv": "text/csv",
        "html": "text/html",
        "json": "application/json",
        "mp4": "video/mp4",
        "mov": "video/quicktime",
        "webm": "video/webm",
        "mpeg": "video/mpeg",
        "wav": "audio/wav",
        "mp3": "audio/mp3",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "aac": "audio/aac",
    }
)


def audio_format(media: str) -> str:
    """The format of a sound, by its media type."""
    kind = media.lower()
    return _FORMATS.get(kind) or ("pcm16" if kind.startswith(("audio/l16", "audio/pcm")) else kind.partition("/")[2])


def audio_type(name: str | None) -> str:
    """The media type of a format of sound."""
    return AUDIO.get((name or "wav").lower()) or f"audio/{name}"


def guessed(url: str, usual: str) -> str:
    """The media type that an address seems to have."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return usual
    return _ENDINGS.get(path.rpartition(".")[2].lower(), usual)


def data_url(media: str, data: str) -> str:
    """Bytes as a `data:` URL. Gemini's SDK sends URL-safe base64, which other providers don't take."""
    return f"data:{media};base64,{plain(data)}"


def plain(data: str) -> str:
    """Base64 in its usual alphabet."""
    return data.translate(_URL_SAFE) if "-" in data or "_" in data else data


def opened(url: str) -> tuple[str, str] | None:
    """Media type and base64 of a `data:` URL; None of any other."""
    match = _DATA.match(url)
    return (match[1], url[match.end() :]) if match else None
