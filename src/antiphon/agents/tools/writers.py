"""Documents that are written: Markdown, CSV, DOCX, into the run's folder."""

import asyncio
import csv
import io
from typing import Any, cast

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.files import put
from antiphon.agents.tools.folder import Folder, Limits
from antiphon.agents.tools.operation import plain
from antiphon.agents.tools.settings_data import WriterSpec
from antiphon.agents.tools.writers_docx import docx
from antiphon.core.tool import Tool, ToolContext, ToolResult

_ENDINGS = {"markdown": ".md", "docx": ".docx", "csv": ".csv"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would work out. Source: OWASP, CSV Injection."""
_PATH = {"type": "string", "minLength": 1, "description": "Name of the file, such as `report`; its ending is added."}
TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": _PATH,
        "title": {"type": "string", "description": "Heading above all. Default: none."},
        "markdown": {"type": "string", "description": "The document, in Markdown."},
    },
    "required": ["file", "markdown"],
    "additionalProperties": False,
}
TABLE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": _PATH,
        "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "rows": {"type": "array", "items": {"type": "array"}, "description": "Cells by row, in the order of columns."},
    },
    "required": ["file", "columns", "rows"],
    "additionalProperties": False,
}


class WriterHand(Hand):
    """Writes one kind of document."""

    def __init__(self, tool: Tool, spec: WriterSpec) -> None:
        self.tool, self._spec = tool, spec

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        folder = Folder(context.workspace, Limits(file_bytes=self._spec.file_bytes))
        return await asyncio.to_thread(self._do, arguments, folder)

    def _do(self, arguments: dict[str, Any], folder: Folder) -> ToolResult:
        ending = _ENDINGS[self._spec.format]
        name = str(arguments["file"])
        path = "/".join(
            part for part in (self._spec.folder.strip("/"), name if name.endswith(ending) else name + ending) if part
        )
        if self._spec.format == "csv":
            return put(folder, path, table(arguments["columns"], arguments["rows"]))
        title, text = str(arguments.get("title", "")).strip(), str(arguments["markdown"])
        if self._spec.format == "docx":
            return put(folder, path, docx(title, text))
        head = f"# {title}\n\n" if title else ""
        return put(folder, path, f"{head}{text.rstrip()}\n".encode("utf-8", "replace"))


def table(columns: list[str], rows: list[list[Any]]) -> bytes:
    """Rows as CSV (RFC 4180, UTF-8). Texts that a spreadsheet would take for a formula are marked as texts.

    Raises: ToolFailed, where a row has another number of cells.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(one) for one in columns])
    for number, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise ToolFailed(
                "invalid_arguments", f"Row {number} has {len(row)} cells; there are {len(columns)} columns."
            )
        writer.writerow([_cell(one) for one in row])
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = plain(cast("object", value))
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
