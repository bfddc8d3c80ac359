"""Texts of bodies that are no model call's: JSON, lines of JSON, forms with files, plain text."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from msgspec import Struct

from antiphon.core.body import Body, Edit
from antiphon.core.error import BadRequest
from antiphon.guards.port import Text
from antiphon.guards.texts import TextEdits, Texts, body_texts
from antiphon.wire.multipart import read as read_form

_FORM = b"multipart/form-data"


class Piece(Struct, frozen=True):
    """Bytes of a body, and the texts in them."""

    start: int
    end: int
    texts: Texts


class Bodies(Struct, frozen=True, kw_only=True):
    """All that can be read of a body."""

    body: Body
    pieces: tuple[Piece, ...]
    blind: str = ""
    """What could not be read; empty: nothing."""

    @property
    def items(self) -> list[Text]:
        """Its texts, in order."""
        return [text for piece in self.pieces for text in piece.texts.items]

    def edited(self, edits: TextEdits) -> Body:
        """The body with edits made: places count through all of its texts."""
        made = dict(edits)
        out: list[Edit] = []
        at = 0
        for piece in self.pieces:
            count = len(piece.texts.items)
            mine = [(place - at, made[place]) for place in sorted(made) if at <= place < at + count]
            if mine:
                out.append(Edit(piece.start, piece.end, piece.texts.edited(mine).whole()))
            at += count
        return self.body.edited(tuple(out)) if out else self.body


def read(body: Body, content_type: bytes) -> Bodies:
    """Read what can be read. Blocks for about 20 ms a megabyte. Raises: BadRequest, where JSON says a key twice."""
    if not body.size_bytes:
        return Bodies(body=body, pieces=())
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == _FORM:
        return _form(body, content_type)
    whole = body.whole()
    if kind.endswith(b"json") or (not kind and whole[:1] in (b"{", b"[")):
        return Bodies(body=body, pieces=(Piece(0, len(whole), body_texts(whole)),))
    return _file(body, 0, len(whole), kind.decode("latin-1") or "bytes")


def _form(body: Body, content_type: bytes) -> Bodies:
    pieces: list[Piece] = []
    blind: list[str] = []
    for part in read_form(body, content_type).parts:
        found = _file(body, part.start, part.end, f"the part `{part.name}`")
        pieces += found.pieces
        blind += [found.blind] if found.blind else []
    return Bodies(body=body, pieces=tuple(pieces), blind=", ".join(blind))


def _file(body: Body, start: int, end: int, name: str) -> Bodies:
    """Lines of JSON each for itself, another text as one."""
    raw = body.slice(start, end)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Bodies(body=body, pieces=(), blind=name)
    if "\0" in text:  # UTF-16 has one for each letter, and would pass for other words
        return Bodies(body=body, pieces=(), blind=name)
    if text.lstrip()[:1] in ("{", "["):
        with suppress(BadRequest):  # it only looks like JSON: one text, as any other
            return Bodies(body=body, pieces=tuple(_lines(raw, start)))
    whole = Texts(raw, [Text(name, "field", text)])
    return Bodies(body=body, pieces=(Piece(start, end, whole),))


def _lines(raw: bytes, start: int) -> Iterator[Piece]:
    """One object for each line; several lines of one object are one. Raises: BadRequest."""
    lines: Sequence[bytes] = raw.splitlines(keepends=True)
    if len(lines) > 1 and not lines[0].rstrip().endswith((b"}", b"]")):
        lines = [raw]
    at = start
    for line in lines:
        if line.strip():
            yield Piece(at, at + len(line.rstrip(b"\r\n")), body_texts(line.rstrip(b"\r\n")))
        at += len(line)
