"""Files as texts with headings: Markdown, HTML, plain text."""

import re
from html.parser import HTMLParser
from pathlib import PurePath

from msgspec import Struct

KINDS = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".txt": "text", ".text": "text"}
"""What a file is taken for, by its ending; others are taken for plain text."""
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*")
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "tr",
        "table",
        "br",
        "section",
        "article",
        "header",
        "footer",
        "pre",
        "blockquote",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
    }
)
_SILENT = frozenset({"script", "style", "template", "noscript", "head"})


class Line(Struct, frozen=True, gc=False):
    """A line of a text."""

    number: int
    """In the file, from 1."""
    text: str
    headings: tuple[str, ...]
    """That it stands below, the outermost first."""


class Read(Struct, frozen=True):
    """A file as it was read."""

    title: str
    lines: tuple[Line, ...]


def read(path: str, content: bytes) -> Read:
    """A file's text. Bytes that are no UTF-8 are replaced."""
    text = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    name = PurePath(path).name
    match KINDS.get(PurePath(path).suffix.lower(), "text"):
        case "markdown":
            return _markdown(text, name)
        case "html":
            return _html(text, name)
        case _:
            return Read(name, tuple(Line(at, one, ()) for at, one in enumerate(text.split("\n"), 1)))


def _markdown(text: str, name: str) -> Read:
    headings: list[str] = []
    lines: list[Line] = []
    title, fenced = "", False
    for at, one in enumerate(text.split("\n"), 1):
        fenced ^= one.lstrip().startswith("```")
        found = None if fenced else _HEADING.fullmatch(one)
        if found:
            depth = len(found[1])
            headings = [*headings[: depth - 1], *[""] * (depth - 1 - len(headings)), found[2]]
            title = title or found[2]
        lines.append(Line(at, one, tuple(filter(None, headings))))
    return Read(title or name, tuple(lines))


class _Html(HTMLParser):
    """Gathers what is to be read, with the lines where it stands."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.lines: list[Line] = []
        self._headings: list[str] = []
        self._piece: list[str] = []
        self._at = 1
        self._silent = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        self._in_title = tag == "title"
        if tag in _BLOCKS:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(self._silent - (tag in _SILENT), 0)
        self._in_title = False
        if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            said, depth = " ".join("".join(self._piece).split()), int(tag[1])
            if said:
                self._headings = [*self._headings[: depth - 1], *[""] * (depth - 1 - len(self._headings)), said]
        if tag in _BLOCKS:
            self.flush()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._silent and data.strip():
            if not self._piece:
                self._at = self.getpos()[0]
            self._piece.append(data)

    def flush(self) -> None:
        said = " ".join("".join(self._piece).split())
        self._piece = []
        if said:
            self.lines.append(Line(self._at, said, tuple(filter(None, self._headings))))


def _html(text: str, name: str) -> Read:
    parser = _Html()
    parser.feed(text)
    parser.close()
    parser.flush()
    title = " ".join(parser.title.split()) or next((one.headings[0] for one in parser.lines if one.headings), name)
    return Read(title, tuple(parser.lines))
