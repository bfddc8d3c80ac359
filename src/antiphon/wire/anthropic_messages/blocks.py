"""Content blocks that this dialect's requests and answers hold, read into parts.

Source: anthropic 2.14.0, `types/content_block_param.py`, `types/content_block.py` (2026-11).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from antiphon.core.content import Cache, Citation, File, Image, Part, Reasoning, Text, ToolCall, Unknown
from antiphon.wire.anthropic_messages.citations import decode_citation
from antiphon.wire.fields import Fields, as_list, as_object, mistyped
from antiphon.wire.signature import unseal

_DATA_END = ";base64,"


def decode_block(fields: Fields) -> Part:
    """Read one block. One of an unknown kind is carried whole, and so is one whose form isn't known. Raises: BadRequest."""
    kind = fields.needed("type")
    read = _READ.get(kind)
    part = read(fields) if read else None
    return Unknown(kind=kind, raw=dict(fields.value)) if part is None else part


def take_cache(fields: Fields) -> Cache | None:
    """A block's or tool's `cache_control`. Raises: BadRequest."""
    value = fields.tree("cache_control")
    if value is None:
        return None
    inner = Fields(value, fields.path("cache_control"), strict=fields.strict)
    if inner.peek("type") == "ephemeral":
        inner.drop("type")
    ttl = inner.text("ttl") or ""
    return Cache(ttl=ttl, extra=inner.left())


def _text(fields: Fields) -> Part:
    text = fields.needed("text")
    return Text(text=text, citations=_citations(fields), cache=take_cache(fields), extra=fields.left())


def _citations(fields: Fields) -> tuple[Citation, ...]:
    return () if fields.peek("citations") is None else fields.items("citations", decode_citation)


def _thinking(fields: Fields) -> Part:
    signature, by = unseal(fields.text("signature") or "", "anthropic_messages")
    text = fields.needed("thinking")
    if not signature:
        return Reasoning(text=text, extra=fields.left())
    return Reasoning(text=text, signature=signature, signed_by=by, extra=fields.left())


def _redacted(fields: Fields) -> Part:
    data, by = unseal(fields.needed("data"), "anthropic_messages")
    return Reasoning(text="", signature=data, signed_by=by, redacted=True, extra=fields.left())


def _tool_use(fields: Fields) -> Part:
    call_id, name, given = fields.needed("id"), fields.needed("name"), fields.tree("input")
    if given is None and fields.strict:
        raise mistyped(fields.path("input"), "an object", None)
    cache = take_cache(fields)
    return ToolCall(id=call_id, name=name, arguments=arguments_of(given), cache=cache, extra=fields.left())


def arguments_of(given: Mapping[str, Any] | None) -> str:
    """A tool's input as text."""
    return msgspec.json.encode(given).decode() if given else "{}"


def _image(fields: Fields) -> Part | None:
    source = _source(fields)
    match source.peek("type"):
        case "base64":
            url = _data_url(source)
            if url is None:
                return None
            image = Image(url=url)
        case "url":
            image = Image(url=source.needed("url"))
        case "file":
            image = Image(id=source.needed("file_id"))
        case _:
            return None
    source.drop("type")
    return msgspec.structs.replace(image, cache=take_cache(fields), extra=fields.left())


def _document(fields: Fields) -> Part | None:
    source = _source(fields)
    match source.peek("type"):
        case "base64":
            url = _data_url(source)
            if url is None:
                return None
            file = File(data=url)
        case "url":
            file = File(url=source.needed("url"))
        case "file":
            file = File(id=source.needed("file_id"))
        case "text":
            file = File(text=source.needed("data"), media_type=source.text("media_type"))
        case "content":
            return _of_blocks(fields)
        case _:
            return None
    source.drop("type")
    title, cache = fields.text("title"), take_cache(fields)
    return msgspec.structs.replace(file, name=title, cache=cache, extra=fields.left())


def _of_blocks(fields: Fields) -> Part:
    """A document of blocks: its text, and in `extra` the source as it came."""
    raw: dict[str, Any] = fields.value["source"]
    text = _text_of(raw.get("content"))
    rest = Fields({name: value for name, value in fields.value.items() if name != "type"}, fields.path("")[:-1])
    title, cache = rest.text("title"), take_cache(rest)
    return File(text=text, name=title, cache=cache, extra=rest.left())


def _search_result(fields: Fields) -> Part:
    """What a search of the caller's found: its text, and in `extra` the block as it came."""
    cache = take_cache(fields)
    raw = {name: value for name, value in fields.value.items() if name != "cache_control" or value is None}
    title = raw.get("title")
    name = title if isinstance(title, str) else None
    return File(text=_text_of(raw.get("content")), name=name, cache=cache, extra=raw)


def _text_of(content: object) -> str:
    """All text of a content that is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    shapes = [as_object(item) for item in as_list(content) or ()]
    return "\n".join([str(shape["text"]) for shape in shapes if shape and isinstance(shape.get("text"), str)])


def _source(fields: Fields) -> Fields:
    source = fields.needed_inner("source", '{"type": "base64", "media_type": "…", "data": "…"}')
    return source or Fields({}, strict=False)


def _data_url(source: Fields) -> str | None:
    """Bytes with their type as a `data:` URL; None where the type can't stand in one."""
    media, data = source.text("media_type"), source.needed("data")
    if not media or ";" in media or "," in media:
        return None
    return f"data:{media}{_DATA_END}{data}"


def split_data(url: str) -> tuple[str, str] | None:
    """Media type and base64 of a `data:` URL; None when it is none, or not in base64. Parameters are left out."""
    if not url.startswith("data:"):
        return None
    head, comma, data = url.partition(",")
    kind, semicolon, rest = head[5:].partition(";")
    if not (comma and semicolon and kind) or rest.rpartition(";")[2].strip().lower() != "base64":
        return None
    return kind, data


_READ: Mapping[str, Callable[[Fields], Part | None]] = MappingProxyType(
    {
        "text": _text,
        "thinking": _thinking,
        "redacted_thinking": _redacted,
        "tool_use": _tool_use,
        "image": _image,
        "document": _document,
        "search_result": _search_result,
    }
)
