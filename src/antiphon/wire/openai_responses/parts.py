"""Parts of a message's content, read. Source: openai-python 3.52.0, `types/responses/response_input_content_param.py`,
`response_output_text_param.py`, `response_input_audio_param.py`.
"""

from collections.abc import Callable, Mapping

from antiphon.core.content import Audio, Cache, File, Image, Part, Refusal, Text, Unknown
from antiphon.wire.fields import Fields
from antiphon.wire.openai_responses.citations import decode_citation

PART = " part"
"""Ends the kind of an unknown part of a message, which an unknown item doesn't have."""
BREAKPOINT = "prompt_cache_breakpoint"


def decode_part(fields: Fields) -> Part:
    """Read one part. One of an unknown kind is carried whole. Raises: BadRequest."""
    kind = fields.needed("type")
    read = _READ.get(kind)
    part = read(fields) if read else None
    return Unknown(kind=kind + PART, raw=dict(fields.value)) if part is None else part


def _text(fields: Fields) -> Part:
    text = fields.needed("text")
    return Text(text=text, cache=_cache(fields), extra=fields.left())


def _spoken(fields: Fields) -> Part:
    text, citations = fields.needed("text"), fields.items("annotations", decode_citation)
    for name in ("annotations", "logprobs"):
        if fields.peek(name) == []:
            fields.drop(name)
    return Text(text=text, citations=citations, cache=_cache(fields), extra=fields.left())


def _refusal(fields: Fields) -> Part:
    return Refusal(text=fields.needed("refusal"), inline=True, extra=fields.left())


def _image(fields: Fields) -> Part:
    url, file_id, detail = fields.text("image_url"), fields.text("file_id"), fields.text("detail")
    return Image(url=url or "", id=file_id, detail=detail, cache=_cache(fields), extra=fields.left())


def _audio(fields: Fields) -> Part | None:
    inner = fields.needed_inner("input_audio", '{"data": "…", "format": "wav"}')
    if inner is None:
        return None
    return Audio(data=inner.text("data"), format=inner.text("format"), extra=fields.left())


def _file(fields: Fields) -> Part:
    data, name, url = fields.text("file_data"), fields.text("filename"), fields.text("file_url")
    file_id = fields.text("file_id")
    return File(data=data, id=file_id, name=name, url=url, cache=_cache(fields), extra=fields.left())


def _cache(fields: Fields) -> Cache | None:
    value = fields.tree(BREAKPOINT)
    if value is None:
        return None
    inner = Fields(value, fields.path(BREAKPOINT), strict=fields.strict)
    if inner.peek("mode") == "explicit":
        inner.drop("mode")
    return Cache(ttl=inner.text("ttl") or "", extra=inner.left())


_READ: Mapping[str, Callable[[Fields], Part | None]] = {
    "input_text": _text,
    "output_text": _spoken,
    "refusal": _refusal,
    "input_image": _image,
    "input_audio": _audio,
    "input_file": _file,
}
