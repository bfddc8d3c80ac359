"""Answers with vectors in Cohere's form, both ways, a slice at a time.

Source: cohere-python 7.3.1, `types/embed_by_type_response.py`, `types/api_meta.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.embed import EmbedAnswer, Vector
from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.request import Field
from antiphon.core.usage import Usage
from antiphon.wire.codec import Facts, Sliced
from antiphon.wire.counts import Implausible, believed, count
from antiphon.wire.fields import as_object
from antiphon.wire.losses import Losses
from antiphon.wire.vectors import checked, fields_of, items_of, numbers_of, vector_of

_FORMS = ("float", "base64")
_KNOWN = ("embeddings", "meta", "id", "texts", "response_type")


class _Vectors(Struct, gc=False):
    """An object; what is in it is the caller's."""


class _Answer(Struct):
    embeddings: _Vectors
    meta: Any = None


_answer = msgspec.json.Decoder(_Answer)


def facts(body: bytes) -> Facts:
    """Check a whole answer, and read its facts. Raises: UpstreamMalformed."""
    try:
        answer = _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer has no vectors: {error}") from error
    return _facts(answer.meta)


def _facts(meta: object) -> Facts:
    billed = (as_object(meta) or {}).get("billed_units")
    usage, note = believed(_usage, billed)
    return Facts(model="", fingerprint="", usage=usage, usage_note=note)


def _usage(billed: Mapping[str, Any]) -> Usage:
    """`input_tokens`, where there are images with those of images among them."""
    tokens, images = count(billed, "input_tokens"), count(billed, "image_tokens") or 0
    if tokens is None:
        tokens = (count(billed, "text_tokens") or 0) + images
        if not tokens:
            raise Implausible("the answer says no tokens that were billed")
    return Usage(input_tokens=max(tokens, images), input_image_tokens=images)


def decode(body: bytes) -> Sliced[tuple[EmbedAnswer, Facts]]:
    """Read a whole answer in slices; no number in it is looked at. Raises: UpstreamMalformed, UpstreamError."""
    found = yield from fields_of(body)
    vectors = found.get("embeddings")
    if vectors is None:
        if "message" in found:
            raise UpstreamError("the upstream answered an error instead of vectors")
        raise UpstreamMalformed("the upstream's answer has no vectors")
    said = body[vectors.start : vectors.end]
    forms = yield from fields_of(said)
    form = next((name for name in _FORMS if name in forms), "")
    read: list[Vector] = []
    for item in (yield from items_of(said, forms.get(form))):
        read.append(vector_of(checked(item)))
        yield None
    rest = {name: _value(body, field) for name, field in found.items() if name not in ("embeddings", "texts")}
    told = _facts(rest.get("meta"))
    answer_id = rest.get("id")
    answer = EmbedAnswer(
        dialect="cohere_embeddings",
        id=answer_id if isinstance(answer_id, str) else "",
        vectors=tuple(read),
        usage=told.usage,
        usage_raw=as_object(rest.get("meta")) or {},
        extra={name: value for name, value in rest.items() if name not in _KNOWN},
    )
    return answer, told


def _value(body: bytes, field: Field) -> Any:
    try:
        return msgspec.json.decode(body[field.start : field.end])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not valid: {error}") from error


def encode(answer: EmbedAnswer, losses: Losses) -> Iterator[bytes]:
    """Write an answer, a piece for each vector: in base64 where all came so, else as numbers. Raises: UpstreamMalformed."""
    own = answer.dialect == "cohere_embeddings"
    form = "base64" if answer.vectors and all(one.base64 is not None for one in answer.vectors) else "float"
    yield b'{"response_type":"embeddings_by_type","embeddings":{"%b":[' % form.encode()
    for index, vector in enumerate(answer.vectors):
        value = msgspec.json.encode(vector.base64) if form == "base64" else numbers_of(vector)
        yield b"," + value if index else value
    meta: dict[str, Any] = answer.usage_raw if own else {}
    if not meta and answer.usage is not None:
        meta = {"billed_units": {"input_tokens": answer.usage.input_tokens}}
    rest: dict[str, Any] = {"id": answer.id, **({"meta": meta} if meta else {})}
    if own:
        rest |= answer.extra
    else:
        losses.all_of(answer.extra, "answer", "Cohere has no such field")
    yield b"]}," + msgspec.json.encode(rest)[1:]
