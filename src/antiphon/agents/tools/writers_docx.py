"""Markdown as a Word document: headings, paragraphs, lists, quotes, code, tables, and bold, italic and code within a line."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from antiphon.agents.hands import ToolFailed

_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,4}[.)])\s+(.*)")
_MARKED = re.compile(r"(\*\*[^*]+\*\*|__[^_]+__|`[^`]+`|\*[^*\s][^*]*\*)")
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MADE = datetime(2000, 1, 1, tzinfo=UTC)
"""What the file says of when it was made: the same text gives the same document."""


def docx(title: str, markdown: str) -> bytes:
    """A DOCX file. Raises: ToolFailed, where python-docx isn't installed."""
    try:
        library: Any = import_module("docx")
    except ImportError:
        raise ToolFailed("unavailable", "python-docx isn't installed; run: pip install 'antiphon[docx]'") from None
    document = library.Document()
    properties = document.core_properties
    properties.created = properties.modified = _MADE
    properties.author = properties.last_modified_by = "antiphon"
    properties.title = _clean(title)
    if title:
        document.add_heading(_clean(title), 0)
    _Writer(document).write(_clean(markdown).splitlines())
    out = io.BytesIO()
    document.save(out)
    return _same(out.getvalue())


def _same(package: bytes) -> bytes:
    """The same package with one time on all its parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as held, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for part in held.infolist():
            told = zipfile.ZipInfo(part.filename, _MADE.timetuple()[:6])
            told.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(told, held.read(part))
    return out.getvalue()


class _Writer:
    """Puts lines of Markdown into a document."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._open: list[str] = []
        """Lines of the paragraph that is being read."""

    def write(self, lines: Sequence[str]) -> None:
        at = 0
        while at < len(lines):
            at = self._block(lines, at)
        self._end()

    def _block(self, lines: Sequence[str], at: int) -> int:
        """One line, or the block that begins with it. Returns: the line after it."""
        line = lines[at]
        if line.lstrip().startswith("```"):
            self._end()
            return self._code(lines, at + 1)
        if "|" in line and at + 1 < len(lines) and "|" in lines[at + 1] and _RULE.fullmatch(lines[at + 1].strip()):
            self._end()
            return self._table(lines, at)
        heading, item = _HEADING.fullmatch(line.strip()), _ITEM.fullmatch(line)
        if heading:
            self._end()
            self._document.add_heading(heading[2].strip(), min(len(heading[1]), 9))
        elif item:
            self._end()
            style = "List Bullet" if item[2] in "-*+" else "List Number"
            level = min(len(item[1]) // 2, 2)
            self._paragraph(item[3], f"{style} {level + 1}" if level else style)
        elif line.startswith(">"):
            self._end()
            self._paragraph(line.lstrip("> "), "Quote")
        elif line.strip():
            self._open.append(line.strip())
        else:
            self._end()
        return at + 1

    def _end(self) -> None:
        if self._open:
            self._paragraph(" ".join(self._open), None)
            self._open = []

    def _code(self, lines: Sequence[str], at: int) -> int:
        end = at
        while end < len(lines) and not lines[end].lstrip().startswith("```"):
            end += 1
        run = self._document.add_paragraph().add_run("\n".join(lines[at:end]))
        run.font.name = "Courier New"
        return end + 1

    def _table(self, lines: Sequence[str], at: int) -> int:
        rows = [_cells(lines[at])]
        at += 2
        while at < len(lines) and "|" in lines[at]:
            rows.append(_cells(lines[at]))
            at += 1
        width = len(rows[0])
        table = self._document.add_table(rows=0, cols=width, style="Table Grid")
        for number, row in enumerate(rows):
            cells = table.add_row().cells
            for place, text in enumerate((*row, *[""] * width)[:width]):
                _runs(cells[place].paragraphs[0], f"**{text}**" if number == 0 and text else text)
        return at

    def _paragraph(self, text: str, style: str | None) -> None:
        _runs(self._document.add_paragraph(style=style), text)


def _runs(paragraph: Any, text: str) -> None:
    for piece in _MARKED.split(text):
        if piece.startswith(("**", "__")) and len(piece) > 4:
            paragraph.add_run(piece[2:-2]).bold = True
        elif piece.startswith("`") and len(piece) > 2:
            paragraph.add_run(piece[1:-1]).font.name = "Courier New"
        elif piece.startswith("*") and len(piece) > 2:
            paragraph.add_run(piece[1:-1]).italic = True
        elif piece:
            paragraph.add_run(piece)


def _cells(line: str) -> list[str]:
    return [one.strip() for one in line.strip().strip("|").split("|")]


def _clean(text: str) -> str:
    """A text without what XML can't hold."""
    return _FORBIDDEN.sub("", text.encode("utf-8", "replace").decode())
