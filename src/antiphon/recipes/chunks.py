"""A long text in pieces that overlap. Without their overlaps they join to the whole text again."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from antiphon.recipes.compaction import QUARTERS_OF_TOKEN, fitting, quarters
from antiphon.recipes.graphemes import at_or_after, at_or_before

Unit = Literal["paragraphs", "sentences", "tokens"]
"""What isn't taken apart where it fits into a chunk."""

_FENCE = re.compile(r"^(?P<fence>[ ]{0,3}(?P<mark>`{3,}|~{3,}))[^\n]*\n?", re.MULTILINE)
_PARAGRAPH_END = re.compile(r"\n[ \t]*+(?:\n[ \t]*+)++")
_SENTENCE_END = re.compile(  # the second: full stops, marks and closing quotes of Chinese and Japanese
    "(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019)\\]]*+\\s++"
    "|[\u3002\uff01\uff1f\uff61]++[\u201d\u2019\u300d\u300f\uff09]*+\\s*+"
    "|\\n++"
)
_LINE_END = re.compile(r"\n")
_WORD_END = re.compile(r"\s++")
"""Each is linear in the text: no run is entered but at its beginning."""


class Chunk(Struct, frozen=True, gc=False, kw_only=True):
    """A piece of a text."""

    text: str
    overlap: int = 0
    """Characters at its beginning that are the end of the one before."""


def rejoin(chunks: tuple[Chunk, ...]) -> str:
    """The whole text."""
    return "".join(chunk.text[chunk.overlap :] for chunk in chunks)


def split(text: str, unit: Unit, most_tokens: int, overlap_tokens: int = 0) -> tuple[Chunk, ...]:
    """Cut a text. A block of code between fences is kept whole where it fits; no character is ever taken apart.

    Args:
        most_tokens: Of a chunk, its overlap included, by `compaction.tokens`.
        overlap_tokens: At most half of `most_tokens`.
    """
    most, overlap = most_tokens * QUARTERS_OF_TOKEN, min(overlap_tokens, most_tokens // 2) * QUARTERS_OF_TOKEN
    if quarters(text) <= most:
        return (Chunk(text=text),)
    packed = _pack(_pieces(text, unit, most - overlap), most - overlap)
    chunks = [Chunk(text=packed[0])]
    for before, piece in pairwise(packed):
        repeated = _tail(before, overlap)
        chunks.append(Chunk(text=repeated + piece, overlap=len(repeated)))
    return tuple(chunks)


def blocks(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of a text, in order, and whether each is a block of code with its fences."""
    place = 0
    while opened := _FENCE.search(text, place):
        closing = re.compile(
            rf"^[ ]{{0,3}}{re.escape(opened['mark'])}{opened['mark'][0]}*[ \t]*(?:\n|\Z)", re.MULTILINE
        )
        closed = closing.search(text, opened.end())
        if closed is None:
            break
        if opened.start() > place:
            yield text[place : opened.start()], False
        yield text[opened.start() : closed.end()], True
        place = closed.end()
    if place < len(text):
        yield text[place:], False


def _pieces(text: str, unit: Unit, most: int) -> Iterator[str]:
    for block, is_code in blocks(text):
        if is_code and quarters(block) <= most:
            yield block
        else:
            yield from _finer(block, _IN_CODE if is_code else _ENDS[unit], most)


_IN_CODE = (_LINE_END, _WORD_END)
_ENDS: dict[Unit, tuple[re.Pattern[str], ...]] = {
    "paragraphs": (_PARAGRAPH_END, _SENTENCE_END, _WORD_END),
    "sentences": (_SENTENCE_END, _WORD_END),
    "tokens": (_WORD_END,),
}


def _finer(text: str, ends: tuple[re.Pattern[str], ...], most: int) -> Iterator[str]:
    """Pieces up to the first kind of end; those that don't fit by the next; at last by characters."""
    if not ends:
        yield from _by_characters(text, most)
        return
    for piece in _cut(text, ends[0]):
        if quarters(piece) <= most:
            yield piece
        else:
            yield from _finer(piece, ends[1:], most)


def _cut(text: str, end: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in end.finditer(text):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]


def _by_characters(text: str, most: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = at_or_before(text, fitting(text, start, most))
        if end <= start:  # one character, as a reader sees it, is more than a chunk holds
            end = at_or_after(text, start + 1)
        yield text[start:end]
        start = end


def _pack(pieces: Iterator[str], most: int) -> list[str]:
    packed: list[str] = []
    held: list[str] = []
    size = 0
    for piece in pieces:
        wide = quarters(piece)
        if held and size + wide > most:
            packed.append("".join(held))
            held, size = [], 0
        held.append(piece)
        size += wide
    if held:
        packed.append("".join(held))
    return packed


def _tail(text: str, most: int) -> str:
    """The end of a chunk that the next one repeats: whole sentences and blocks of code; where none fits, whole words."""
    if most <= 0:
        return ""
    for pieces in (_sentences, _words):
        kept, size = 0, 0
        for piece in reversed(pieces(text)):
            size += quarters(piece)
            if size > most:
                break
            kept += len(piece)
        if kept:
            return text[len(text) - kept :]
    return ""


def _sentences(text: str) -> list[str]:
    return [piece for block, is_code in blocks(text) for piece in ([block] if is_code else _cut(block, _SENTENCE_END))]


def _words(text: str) -> list[str]:
    *_, (block, is_code) = blocks(text)
    return [] if is_code else list(_cut(block, _WORD_END))
