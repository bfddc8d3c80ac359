"""Images, sound, video and documents as Bedrock takes them: base64 in JSON, or an object in S3.

Source: botocore 1.44.8, `bedrock-runtime/service-2.json`: ImageBlock, AudioBlock, VideoBlock, DocumentBlock.
"""

from base64 import b64encode
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_to_bytes

from antiphon.core.content import Audio, File, Image
from antiphon.core.error import BadRequest

_IMAGES = MappingProxyType(
    {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
)
_SOUNDS = MappingProxyType(
    {
        **{
            name: name
            for name in ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "m4a", "mpeg", "pcm")
        },
        "mpga": "mpga",
        "webm": "webm",
        "pcm16": "pcm",
        "x-wav": "wav",
        "wave": "wav",
        "x-aac": "x-aac",
        "x-m4a": "m4a",
        "x-flac": "flac",
    }
)
_VIDEOS = MappingProxyType(
    {
        "video/x-matroska": "mkv",
        "video/quicktime": "mov",
        "video/mp4": "mp4",
        "video/webm": "webm",
        "video/x-flv": "flv",
        "video/mpeg": "mpeg",
        "video/x-ms-wmv": "wmv",
        "video/3gpp": "three_gp",
    }
)
_DOCUMENTS = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    }
)
_EXTENSIONS = frozenset(_DOCUMENTS.values())


def data_of(url: str) -> tuple[str, str]:
    """Media type and base64 of a `data:` URL."""
    head, _, data = url[5:].partition(",")
    media_type, *parameters = head.split(";")
    if "base64" not in (word.strip().lower() for word in parameters):
        data = b64encode(unquote_to_bytes(data)).decode()
    return media_type.strip().lower(), data


def encode_image(image: Image, path: str) -> dict[str, Any]:
    """Raises: BadRequest, on an image that Bedrock can't be sent."""
    media_type, source = _source(image.url, image.media_type, path, "image")
    kind = _IMAGES.get(media_type) or (_extension(image.url) if "s3Location" in source else None)
    kind = {"jpg": "jpeg"}.get(kind, kind) if kind else None
    if kind not in _IMAGES.values():
        raise _wrong_kind(path, media_type, "image", "png, jpeg, gif or webp")
    return {"image": {"format": kind, "source": source}}


def encode_audio(audio: Audio, path: str) -> dict[str, Any]:
    """Raises: BadRequest, on sound that Bedrock can't be sent."""
    media_type = audio.format or ""
    if audio.data and not audio.data.startswith("data:"):
        source: dict[str, Any] = {"bytes": audio.data}
    else:
        media_type, source = _source(audio.data or audio.url or "", audio.format, path, "sound")
    kind = _SOUNDS.get(media_type.lower().removeprefix("audio/"))
    if kind is None:
        raise _wrong_kind(path, media_type, "sound", "wav, mp3, flac or another format that Bedrock knows")
    return {"audio": {"format": kind, "source": source}}


def encode_file(file: File, path: str, name: str) -> dict[str, Any]:
    """A document, or a video. Raises: BadRequest, on a file that Bedrock can't be sent.

    Args:
        name: What the document is called: other than the caller's own name it can't be taken for an instruction.
    """
    if file.text is not None:
        return {"document": {"format": "txt", "name": name, "source": {"text": file.text}}}
    media_type = (file.media_type or "").lower()
    if file.data and not file.data.startswith("data:"):
        source: dict[str, Any] = {"bytes": file.data}
    else:
        media_type, source = _source(file.data or file.url or "", media_type, path, "file")
    if media_type in _VIDEOS:
        return {"video": {"format": _VIDEOS[media_type], "source": source}}
    kind = _DOCUMENTS.get(media_type) or _extension(file.name or "") or _extension(file.url or "")
    if kind not in _EXTENSIONS:
        raise _wrong_kind(path, media_type, "file", "a PDF, a text, an office document or a video")
    return {"document": {"format": kind, "name": name, "source": source}}


def _source(url: str, media_type: str | None, path: str, what: str) -> tuple[str, dict[str, Any]]:
    if url.startswith("data:"):
        said, data = data_of(url)
        if not data:
            raise BadRequest(f"`{path}` is an empty {what}; send its bytes", param=path)
        return said or (media_type or "").lower(), {"bytes": data}
    if url.startswith("s3://"):
        return (media_type or "").lower(), {"s3Location": {"uri": url}}
    kind = "by a URL" if url else "without its bytes"
    raise BadRequest(f"`{path}` is sent {kind}, and Bedrock fetches no {what}; send a `data:` URL", param=path)


def _extension(name: str) -> str | None:
    return name.rpartition(".")[2].lower() if "." in name else None


def _wrong_kind(path: str, media_type: str, what: str, known: str) -> BadRequest:
    said = f"is of the type `{media_type[:64]}`" if media_type else "does not say its type"
    return BadRequest(f"`{path}`: the {what} {said}, which Bedrock does not take; send {known}", param=path)
