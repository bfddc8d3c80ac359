"""Reads the head of a long Responses request in slices."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Head, Need, Spots
from antiphon.wire.codec import Asked
from antiphon.wire.json import loads
from antiphon.wire.openai_chat.head import MARK_BYTES, TOKENS_A_SLICE
from antiphon.wire.openai_responses.head import head_of
from antiphon.wire.openai_responses.needs import PART_NEEDS
from antiphon.wire.scan import Scanner

_HEAD_FIELDS = (
    "model",
    "stream",
    "background",
    "max_output_tokens",
    "user",
    "safety_identifier",
    "text",
    "reasoning",
    "include",
    "top_logprobs",
    "tools",
    "previous_response_id",
    "conversation",
    "prompt",
)


def _mark(word: str) -> re.Pattern[bytes]:
    """Finds a text of JSON, escaped or not."""
    letters = "".join(f"(?:{letter}|\\\\u00(?i:{ord(letter):02x}))" for letter in word)
    return re.compile(f'"{letters}"'.encode())


_MARKS: tuple[tuple[re.Pattern[bytes], Need], ...] = tuple((_mark(kind), need) for kind, need in PART_NEEDS.items())


def read_long(body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
    """Yields None between slices, and what `head.read` returns at the end. Raises: BadRequest."""
    scanner = Scanner(body)
    while not scanner.step(TOKENS_A_SLICE):
        yield None
    found = scanner.fields
    fields: dict[str, Any] = {name: _value(body, found[name], name) for name in _HEAD_FIELDS if name in found}
    said = found.get("input")
    if said is not None:
        fields["input"] = _outline(body, said)
    head = head_of(fields, asked)
    needs = head.needs
    for piece in _pieces(body, said) if said is not None and fields["input"] == [] else ():
        needs |= frozenset[Need](need for mark, need in _MARKS if mark.search(piece))
        yield None
    yield msgspec.structs.replace(head, needs=needs), _spots(found)


def _spots(found: Mapping[str, Field]) -> Spots:
    return Spots(model=(found["model"].start, found["model"].end), fields=found)


def _outline(body: Body, field: Field) -> object:
    """A value's kind: an empty text or list in its place; None of another kind, which the head refuses as missing."""
    at = field.start
    while window := body.slice(at, min(at + 64, field.end)):
        first = window.lstrip()[:1]
        if first:
            kinds: dict[bytes, object] = {b'"': "", b"[": [], b"n": None}
            return kinds.get(first, {})
        at += len(window)
    return None


def _pieces(body: Body, field: Field) -> Iterator[bytes]:
    """A value's bytes piece by piece, each with the end of the one before it, so that no mark is cut."""
    at, seen = 0, b""
    for segment in body.segments:
        seen = seen[-MARK_BYTES:] + segment[max(field.start - at, 0) : max(field.end - at, 0)]
        at += len(segment)
        yield seen


def _value(body: Body, field: Field, name: str) -> object:
    text = body.slice(field.start, field.end)
    if text.lstrip()[:1] == b"{":
        return loads(text)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"`{name}` is not valid JSON: {error}", param=name) from error
