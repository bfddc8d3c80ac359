"""Reads the head of a long Responses request in slices."""

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from antiphon.core.body import Body
from antiphon.core.request import Field, Head, Need, Spots
from antiphon.wire.codec import Asked
from antiphon.wire.openai_chat.head import MARK_BYTES
from antiphon.wire.openai_responses.head import head_of
from antiphon.wire.openai_responses.needs import PART_NEEDS
from antiphon.wire.places import first_byte, spots_of
from antiphon.wire.slices import escaped, marked, scanned, values

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


_MARKS: tuple[tuple[re.Pattern[bytes], Need], ...] = tuple(
    (re.compile(escaped(kind).encode()), need) for kind, need in PART_NEEDS.items()
)


def read_long(body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
    """Yields None between slices, and what `head.read` returns at the end. Raises: BadRequest."""
    found = yield from scanned(body)
    fields = values(body, found, _HEAD_FIELDS)
    said = found.get("input")
    if said is not None:
        fields["input"] = _outline(body, said)
    head = head_of(fields, asked)
    if said is not None and fields["input"] == []:
        needs = yield from marked(body, said, MARK_BYTES, _marks)
        head = replace(head, needs=head.needs | needs)
    yield head, spots_of(found)


def _marks(piece: bytes) -> Iterator[Need]:
    return (need for mark, need in _MARKS if mark.search(piece))


def _outline(body: Body, field: Field) -> object:
    """A value's kind: an empty text or list in its place; None of another kind, which the head refuses as missing."""
    at, first = first_byte(body, field.start)
    kinds: Mapping[bytes, object] = {b'"': "", b"[": [], b"n": None}
    return kinds.get(first, {}) if at < field.end else None
