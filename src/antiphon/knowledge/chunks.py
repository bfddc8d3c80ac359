"""Texts in passages: whole paragraphs below one heading, as long as they may be."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from antiphon.knowledge.reading import Line, Read


class Chunk(Struct, frozen=True, gc=False):
    """A passage of a text, and where it stands."""

    heading: str
    """Headings above it, with `>` between."""
    first_line: int
    last_line: int
    text: str


def chunks(read: Read, most_chars: int) -> list[Chunk]:
    """Passages in order. None goes over a heading; a paragraph is cut only where it is too long alone."""
    found: list[Chunk] = []
    held: list[Line] = []
    for paragraph in _paragraphs(read.lines, most_chars):
        together = sum(len(one.text) + 1 for one in (*held, *paragraph))
        if held and (held[-1].headings != paragraph[0].headings or together > most_chars):
            found.append(_chunk(held))
            held = []
        held += paragraph
    return [*found, _chunk(held)] if held else found


def _paragraphs(lines: Sequence[Line], most_chars: int) -> Iterator[list[Line]]:
    held: list[Line] = []
    size = 0
    for line in lines:
        over = size + len(line.text) > most_chars
        if held and (not line.text.strip() or line.headings != held[-1].headings or over):
            yield held
            held, size = [], 0
        if line.text.strip():
            for piece in _pieces(line, most_chars):
                if held and size + len(piece.text) > most_chars:
                    yield held
                    held, size = [], 0
                held.append(piece)
                size += len(piece.text) + 1
    if held:
        yield held


def _pieces(line: Line, most_chars: int) -> Iterator[Line]:
    """A line, or parts of it that are short enough, cut between words where that can be."""
    text = line.text
    while len(text) > most_chars:
        at = text.rfind(" ", most_chars // 2, most_chars)
        at = at if at > 0 else most_chars
        yield Line(line.number, text[:at], line.headings)
        text = text[at:].lstrip()
    if text:
        yield Line(line.number, text, line.headings)


def _chunk(lines: Sequence[Line]) -> Chunk:
    text = "\n".join(one.text for one in lines).strip()
    return Chunk(" > ".join(lines[0].headings), lines[0].number, lines[-1].number, text)
