"""Answers with vectors in OpenAI's form, both ways, a slice at a time.

Source: openai-python 3.52.0, `types/create_embedding_response.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.core.embed import EmbedAnswer, Vector
from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.codec import Facts, Sliced
from antiphon.wire.counts import Implausible, believed, count
from antiphon.wire.fields import as_object
from antiphon.wire.losses import Losses
from antiphon.wire.vectors import fields_of, items_of, vector_of

_KNOWN = ("object", "model", "usage", "id")


class _Item(Struct, gc=False):
    """An object; what is in it is the caller's."""


class _Answer(Struct):
    data: list[_Item]
    model: str | None = None
    usage: Any = None


_answer = msgspec.json.Decoder(_Answer)
_item = msgspec.json.Decoder(dict[str, Raw])


def facts(body: bytes) -> Facts:
    """Check a whole answer, and read its facts: a gigabyte and a half a second. Raises: UpstreamMalformed."""
    try:
        answer = _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer has no list of vectors: {error}") from error
    usage, note = usage_of(answer.usage)
    return Facts(model=answer.model or "", fingerprint="", usage=usage, usage_note=note)


def usage_of(value: object) -> tuple[Usage | None, str]:
    """What embeddings used; some servers say the total alone, as Voyage does."""
    return believed(_usage, value)


def _usage(said: Mapping[str, Any]) -> Usage:
    prompt, total = count(said, "prompt_tokens"), count(said, "total_tokens")
    if prompt is None and total is None:
        raise Implausible("usage has no prompt_tokens")
    return Usage(input_tokens=prompt if prompt is not None else total or 0)


def decode(body: bytes) -> Sliced[tuple[EmbedAnswer, Facts]]:
    """Read a whole answer in slices; no number in it is looked at. Raises: UpstreamMalformed, UpstreamError."""
    found = yield from fields_of(body)
    top = {name: _value(body[field.start : field.end]) for name, field in found.items() if name != "data"}
    if top.get("error") and "data" not in found:
        raise UpstreamError("the upstream answered an error instead of vectors")
    placed: list[tuple[int, Vector]] = []
    for index, item in enumerate((yield from items_of(body, found.get("data")))):
        placed.append(_placed(item, index))
        yield None
    placed.sort(key=lambda one: one[0])
    usage, note = usage_of(top.get("usage"))
    model = top.get("model")
    answer = EmbedAnswer(
        dialect="openai_embeddings",
        id=_text(top.get("id")),
        model=_text(model),
        vectors=tuple(vector for _, vector in placed),
        usage=usage,
        usage_raw={} if usage is not None and top.get("usage") == said_usage(usage) else _tree(top.get("usage")),
        extra={name: value for name, value in top.items() if name not in _KNOWN},
    )
    return answer, Facts(model=answer.model, fingerprint="", usage=usage, usage_note=note)


def _placed(item: bytes, place: int) -> tuple[int, Vector]:
    """A vector, and its place among the others; that of its item where it doesn't say."""
    try:
        fields = _item.decode(item)
        index = msgspec.json.decode(fields["index"]) if "index" in fields else place
        value = bytes(fields["embedding"])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise UpstreamMalformed("an item of the upstream's answer is not a vector") from error
    return (index if type(index) is int else place), vector_of(value)


def _value(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not valid: {error}") from error


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _tree(value: Any) -> dict[str, Any]:
    return as_object(value) or {}


def said_usage(usage: Usage) -> dict[str, int]:
    """A usage as it is written."""
    return {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens + usage.output_tokens}


def encode(answer: EmbedAnswer, model: str, losses: Losses) -> Iterator[bytes]:
    """Write an answer, a piece for each vector, each in the form that it came in.

    Args:
        model: What stands for the model where the answer doesn't say it.
    """
    yield b'{"object":"list","data":['
    for index, vector in enumerate(answer.vectors):
        value = vector.numbers if vector.numbers is not None else msgspec.json.encode(vector.base64)
        yield b'%b{"object":"embedding","index":%d,"embedding":%b}' % (b"," if index else b"", index, value)
    usage = answer.usage_raw if answer.dialect == "openai_embeddings" else {}
    if not usage and answer.usage is not None:
        usage = said_usage(answer.usage)
    rest: dict[str, Any] = {"model": answer.model or model}
    if usage:
        rest["usage"] = usage
    else:
        rest["usage"] = said_usage(Usage())  # clients read it without a look whether it is there
        losses.add("answer.usage", "the upstream says no usage", "sent as 0")
    if answer.dialect == "openai_embeddings":
        rest |= {"id": answer.id} if answer.id else {}
        rest |= answer.extra
    else:
        losses.all_of(answer.extra, "answer", "OpenAI has no such field")
    yield b"]," + msgspec.json.encode(rest)[1:]
