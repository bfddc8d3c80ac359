"""Reads parts of a content. Source of all names: google-genai 3.6.1, `types.Part`."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from antiphon.core.content import Audio, Extra, File, Image, Part, Reasoning, Text, ToolCall, Unknown
from antiphon.wire.fields import Fields, mistyped
from antiphon.wire.gemini import media
from antiphon.wire.gemini.names import names, opened, respelled
from antiphon.wire.gemini.proof import unseal

KINDS = (
    "text",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""A part holds one of these, and what else there is says more about it."""
PART = names(*KINDS, "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata", "mediaProcessing")
INLINE = names("mimeType", "displayName")
FILE = names("fileUri", "mimeType", "displayName")
CALL = names("partialArgs", "willContinue")
MADE = "call_g_"
"""Begins the ids that we give to calls that have none; they are not written back."""
_OWN_PLACES = ("https://generativelanguage.googleapis.com/", "gs://")
"""Files there are the provider's own: nobody else can fetch them."""


def made_id(*seed: object) -> str:
    """An id for a call that came without one: the same for the same seed."""
    return MADE + sha256("\0".join(map(str, seed)).encode(errors="replace")).hexdigest()[:16]


def decode_part(fields: Fields, seed: tuple[object, ...] = ()) -> Part:
    """Read one part. One of an unknown kind is carried whole.

    Args:
        seed: What tells this part from all others, for an id that has to be made.
    Raises: BadRequest.
    """
    fields = respelled(fields, PART)
    thought = fields.peek("thought") is True
    for kind in KINDS:
        if fields.peek(kind) is None:
            continue
        if kind == "text":
            return _text(fields, thought=thought)
        if thought and kind != "functionCall":
            break
        if kind == "functionCall":
            return decode_call(fields, seed)
        read = _READ.get(kind)
        part = read(fields) if read else None
        if part is not None:
            return part
        break
    return Unknown(kind=next((kind for kind in KINDS if kind in fields.value), ""), raw=dict(fields.value))


def _text(fields: Fields, *, thought: bool) -> Part:
    value = fields.text("text")
    if value is None:
        return Unknown(kind="text", raw=dict(fields.value))
    signature, by, redacted = _proof(fields)
    if thought:
        fields.drop("thought")
        return Reasoning(
            text=value, signature=signature, signed_by=by, redacted=redacted, summary=not redacted, extra=fields.left()
        )
    return Text(text=value, signature=signature, signed_by=by, extra=fields.left())


def _proof(fields: Fields) -> tuple[str | None, str, bool]:
    value = fields.text("thoughtSignature")
    return (None, "", False) if value is None else unseal(value)


def decode_call(fields: Fields, seed: tuple[object, ...]) -> Part:
    """Read a function call."""
    signature, by, _ = _proof(fields)
    value = fields.tree("functionCall")
    if value is None:
        return Unknown(kind="functionCall", raw=dict(fields.value))
    call = opened(value, CALL, fields.path("functionCall"), strict=fields.strict)
    name, call_id, args = call.needed("name"), call.text("id"), call.tree("args")
    if args is None:
        call.drop("args")
    extra = fields.left()
    rest = call.left()
    if rest:
        extra["functionCall"] = rest
    return ToolCall(
        id=call_id or made_id(*seed, name),
        name=name,
        arguments=msgspec.json.encode(args or {}).decode(),
        signature=signature,
        signed_by=by,
        extra=extra,
    )


def _inline(fields: Fields) -> Part | None:
    blob = _inner(fields, "inlineData", INLINE)
    if blob is None:
        return None
    kind, data = blob.needed("mimeType"), blob.needed("data")
    if not kind or "," in kind:
        return None  # no media type, and nothing that a `data:` URL can say: it goes on as it is
    if kind.startswith("image/"):
        return Image(url=media.data_url(kind, data), extra=_rest(fields, "inlineData", blob))
    if kind.startswith("audio/"):
        form = media.audio_format(kind)
        extra = _rest(fields, "inlineData", blob)
        if media.audio_type(form) != kind:
            extra["inlineData"] = {**extra.get("inlineData", {}), "mimeType": kind}
        return Audio(data=media.plain(data), format=form, extra=extra)
    name = blob.text("displayName")
    return File(data=media.data_url(kind, data), name=name, extra=_rest(fields, "inlineData", blob))


def _file(fields: Fields) -> Part | None:
    file = _inner(fields, "fileData", FILE)
    if file is None:
        return None
    uri, kind = file.needed("fileUri"), file.text("mimeType")
    own = uri if uri.startswith(_OWN_PLACES) else None
    url = "" if own else uri
    if kind is not None and kind.startswith("image/"):
        return Image(url=url, id=own, media_type=kind, extra=_rest(fields, "fileData", file))
    if kind is not None and kind.startswith("audio/") and not own:
        form = media.audio_format(kind)
        extra = _rest(fields, "fileData", file)
        if media.audio_type(form) != kind:
            extra["fileData"] = {**extra.get("fileData", {}), "mimeType": kind}
        return Audio(url=uri, format=form, extra=extra)
    name = file.text("displayName")
    return File(url=url or None, id=own, media_type=kind, name=name, extra=_rest(fields, "fileData", file))


_READ: Mapping[str, Callable[[Fields], Part | None]] = MappingProxyType({"inlineData": _inline, "fileData": _file})


def _inner(fields: Fields, name: str, known: Mapping[str, str]) -> Fields | None:
    """A part's inner object; an upstream's odd one is left."""
    value = fields.tree(name)
    if value is None:
        if fields.strict:
            raise mistyped(fields.path(name), "an object", fields.peek(name))
        return None
    return opened(value, known, fields.path(name), strict=fields.strict)


def _rest(fields: Fields, name: str, inner: Fields) -> Extra:
    """What a part says beside its words."""
    extra: dict[str, Any] = fields.left()
    rest = inner.left()
    if rest:
        extra[name] = rest
    return extra
