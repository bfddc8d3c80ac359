"""Parts of a message's content, both ways."""

from collections.abc import Callable, Mapping
from typing import Any

from antiphon.core.content import Audio, File, Image, Part, Refusal, Text, Unknown
from antiphon.wire.fields import Fields, merged, present

ContentPart = Text | Refusal | Image | Audio | File | Unknown


def decode_part(fields: Fields) -> Part:
    """Read one part. One of an unknown kind is carried whole. Raises: BadRequest."""
    kind = fields.needed("type")
    read = _READ.get(kind)
    part = read(fields) if read else None
    return Unknown(kind=kind, raw=dict(fields.value)) if part is None else part


def _text(fields: Fields) -> Part:
    return Text(text=fields.needed("text"), extra=fields.left())


def _refusal(fields: Fields) -> Part:
    return Refusal(text=fields.needed("refusal"), inline=True, extra=fields.left())


def _image(fields: Fields) -> Part | None:
    inner = fields.needed_inner("image_url", '{"url": "https://…"}')
    if inner is None:
        return None
    return Image(url=inner.needed("url"), detail=inner.text("detail"), extra=fields.left())


def _audio(fields: Fields) -> Part | None:
    inner = fields.needed_inner("input_audio", '{"data": "…", "format": "wav"}')
    if inner is None:
        return None
    return Audio(data=inner.text("data"), format=inner.text("format"), extra=fields.left())


def _file(fields: Fields) -> Part | None:
    inner = fields.needed_inner("file", '{"file_id": "…"}')
    if inner is None:
        return None
    data, name = inner.text("file_data"), inner.text("filename")
    return File(data=data, id=inner.text("file_id"), name=name, extra=fields.left())


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
            return merged({"type": "text", "text": part.text}, part.extra)
        case Refusal():
            return merged({"type": "refusal", "refusal": part.text}, part.extra)
        case Image():
            return merged({"type": "image_url", "image_url": present(url=part.url, detail=part.detail)}, part.extra)
        case Audio():
            sound = present(data=part.data, format=part.format)
            return merged({"type": "input_audio", "input_audio": sound}, part.extra)
        case File():
            file = present(file_data=part.data, file_id=part.id, filename=part.name)
            return merged({"type": "file", "file": file}, part.extra)
        case Unknown():
            return part.raw
