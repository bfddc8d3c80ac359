"""Reads the head of a long body in slices, between which other requests have their turn."""

import codecs
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Need
from antiphon.wire.bounds import TOKENS_A_SLICE
from antiphon.wire.json import loads
from antiphon.wire.scan import Scanner

PIECE_BYTES = 262_144
"""Most that is searched at once."""
_Utf8 = codecs.getincrementaldecoder("utf-8")


def scanned(body: Body) -> Generator[None, None, Mapping[str, Field]]:
    """Where every top-level field stands. Raises: BadRequest, also where anything in the body isn't UTF-8."""
    yield from _check_text(body)
    scanner = Scanner(body)
    while not scanner.step(TOKENS_A_SLICE):
        yield None
    return scanner.fields


def _check_text(body: Body) -> Generator[None, None, None]:
    decoder, at = _Utf8(), 0
    for segment in body.segments:
        for start in range(0, len(segment), PIECE_BYTES):
            piece = segment[start : start + PIECE_BYTES]
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                raise BadRequest(f"the body is not UTF-8: byte {at - held + error.start} is 0x{byte:02x}") from None
            at += len(piece)
            yield None


def values(body: Body, found: Mapping[str, Field], names: Iterable[str]) -> dict[str, Any]:
    """The values of those of the fields that are there. Raises: BadRequest."""
    return {name: value_of(body, found[name], name) for name in names if name in found}


def value_of(body: Body, field: Field, name: str) -> object:
    """One field's value, read as strictly as a whole body. Raises: BadRequest."""
    try:
        return loads(b'{"%b":%b}' % (name.encode(), body.slice(field.start, field.end)))[name]
    except BadRequest as error:
        raise BadRequest(f"`{name}`, read by itself: {error.message}", param=error.param or name) from None


def marked(
    body: Body, field: Field, mark_bytes: int, find: Callable[[bytes], Iterable[Need]]
) -> Generator[None, None, frozenset[Need]]:
    """What the marks in a value tell that it needs.

    Args:
        mark_bytes: At least the length of any mark: a piece begins with so much of the one before it, so that none is cut.
        find: The needs that the marks in a piece stand for.
    """
    needs: set[Need] = set()
    at, seen = 0, b""
    for segment in body.segments:
        first, last = max(field.start - at, 0), min(max(field.end - at, 0), len(segment))
        for start in range(first, last, PIECE_BYTES):
            seen = seen[-mark_bytes:] + segment[start : min(start + PIECE_BYTES, last)]
            needs.update(find(seen))
            yield None
        at += len(segment)
    return frozenset(needs)


def escaped(word: str) -> str:
    """Finds a text of JSON, each of its letters escaped or not."""
    letters = "".join(f"(?:{letter}|\\\\u00(?i:{ord(letter):02x}))" for letter in word)
    return f'"{letters}"'
