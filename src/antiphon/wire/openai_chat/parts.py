"""Parts of a message's content, both ways."""

from collections.abc import Callable, Mapping
from typing import Any

from antiphon.core.content import Audio, File, Image, Part, Refusal, Text, Unknown
from antiphon.wire.fields import Fields, merged, present
from antiphon.wire.openai_chat.cache import decode_cache, encode_cache

ContentPart = Text | Refusal | Image | Audio | File | Unknown


def decode_part(fields: Fields) -> Part:
    """Read one part. One of an unknown kind is carried whole. Raises: BadRequest."""
    kind = fields.needed("type")
    read = _READ.get(kind)
    part = read(fields) if read else None
    return Unknown(kind=kind, raw=dict(fields.value)) if part is None else part


def _text(fields: Fields) -> Part:
    text, cache = fields.needed("text"), decode_cache(fields)
    return Text(text=text, cache=cache, extra=fields.left())


def _refusal(fields: Fields) -> Part:
    return Refusal(text=fields.needed("refusal"), inline=True, extra=fields.left())


def _image(fields: Fields) -> Part | None:
    inner = fields.needed_inner("image_url", '{"url": "https://…"}')
    if inner is None:
        return None
    url, detail, cache = inner.needed("url"), inner.text("detail"), decode_cache(fields)
    return Image(url=url, detail=detail, cache=cache, extra=fields.left())


def _audio(fields: Fields) -> Part | None:
    inner = fields.needed_inner("input_audio", '{"data": "…", "format": "wav"}')
    if inner is None:
        return None
    data, kind, cache = inner.text("data"), inner.text("format"), decode_cache(fields)
    return Audio(data=data, format=kind, cache=cache, extra=fields.left())


def _file(fields: Fields) -> Part | None:
    inner = fields.needed_inner("file", '{"file_id": "…"}')
    if inner is None:
        return None
    data, name, file_id = inner.text("file_data"), inner.text("filename"), inner.text("file_id")
    cache = decode_cache(fields)
    return File(data=data, id=file_id, name=name, cache=cache, extra=fields.left())


_READ: Mapping[str, Callable[[Fields], Part | None]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}


def encode_part(part: ContentPart) -> dict[str, Any]:
    """Write one part."""
    match part:
        case Text():
            return merged({"type": "text", "text": part.text, **encode_cache(part.cache)}, part.extra)
        case Refusal():
            return merged({"type": "refusal", "refusal": part.text}, part.extra)
        case Image():
            image = present(url=part.url, detail=part.detail)
            return merged({"type": "image_url", "image_url": image, **encode_cache(part.cache)}, part.extra)
        case Audio():
            sound = present(data=part.data, format=part.format)
            return merged({"type": "input_audio", "input_audio": sound, **encode_cache(part.cache)}, part.extra)
        case File():
            file = present(file_data=part.data, file_id=part.id, filename=part.name)
            return merged({"type": "file", "file": file, **encode_cache(part.cache)}, part.extra)
        case Unknown():
            return part.raw
