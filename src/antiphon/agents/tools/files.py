"""Files of a run as tools: listed, read, written; nothing outside its folder."""

import asyncio
from abc import abstractmethod
from pathlib import Path
from typing import Any

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.folder import Folder, Limits
from antiphon.agents.tools.settings_data import FilesSpec
from antiphon.agents.tools.text import cut
from antiphon.core.tool import Origins, Tool, ToolContext, ToolResult

GIVEN, FAR = "given", "a2a"
"""Folders in a run's folder: what came with its message, and what agents elsewhere made, by their names."""
READ_BYTES = 65_536
_PATH = {"type": "string", "minLength": 1, "description": "Within the folder, such as `out/report.md`."}
LIST: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
READ: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": _PATH,
        "offset": {"type": "integer", "minimum": 0, "description": "Bytes from the beginning. Default 0."},
        "bytes": {
            "type": "integer",
            "minimum": 1,
            "maximum": READ_BYTES,
            "description": f"Most of it. Default {READ_BYTES}.",
        },
    },
    "required": ["path"],
    "additionalProperties": False,
}
WRITE: dict[str, Any] = {
    "type": "object",
    "properties": {"path": _PATH, "text": {"type": "string", "description": "All that the file is to hold."}},
    "required": ["path", "text"],
    "additionalProperties": False,
}


class FilesHand(Hand):
    """One of the things to do with files."""

    def __init__(self, tool: Tool, spec: FilesSpec, base: Path) -> None:
        self.tool = tool
        self._fixed = str(base / spec.folder) if spec.folder else ""
        self._limits = Limits(file_bytes=spec.file_bytes, folder_bytes=spec.folder_bytes, files=spec.files)

    def folder(self, context: ToolContext) -> Folder:
        return Folder(self._fixed or context.workspace, self._limits)

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        return await asyncio.to_thread(self._do, arguments, self.folder(context))

    @abstractmethod
    def _do(self, arguments: dict[str, Any], folder: Folder) -> ToolResult: ...


class ListHand(FilesHand):
    def _do(self, arguments: dict[str, Any], folder: Folder) -> ToolResult:
        found = folder.list()
        text = "\n".join(f"{one.path} ({one.size_bytes} bytes)" for one in found) or "There are no files."
        return ToolResult(text=text, data=[{"path": one.path, "bytes": one.size_bytes} for one in found])


class ReadHand(FilesHand):
    def _do(self, arguments: dict[str, Any], folder: Folder) -> ToolResult:
        offset, most = int(arguments.get("offset", 0)), int(arguments.get("bytes", READ_BYTES))
        content, size = folder.read(str(arguments["path"]), offset=offset, most_bytes=most)
        if b"\0" in content[:4096]:
            raise ToolFailed("refused", f"{arguments['path']} holds no text ({size} bytes).")
        end = offset + len(content)
        text = content.decode("utf-8", "replace")
        more = end < size
        note = f"\n(bytes {offset} to {end} of {size}; read on from offset {end})" if more else ""
        return ToolResult(
            text=text + note,
            data={"text": text, "size_bytes": size, "next_offset": end if more else None},
            cut=more,
            origins=_origins(str(arguments["path"])),
        )


def _origins(path: str) -> Origins:
    """Strangers may have written what came with a message of A2A, or from agents elsewhere."""
    top, _, rest = path.removeprefix("./").partition("/")
    return Origins(sources=(f"file/{top}",), untrusted=True) if rest and top in (GIVEN, FAR) else Origins()


class WriteHand(FilesHand):
    def _do(self, arguments: dict[str, Any], folder: Folder) -> ToolResult:
        path, content = str(arguments["path"]), str(arguments["text"]).encode("utf-8", "replace")
        return put(folder, path, content)


def put(folder: Folder, path: str, content: bytes) -> ToolResult:
    """Write a file, and say so."""
    digest = folder.write(path, content)
    data = {"path": path, "bytes": len(content), "sha256": digest}
    return ToolResult(text=f"Wrote {cut(path, 200)[0]} ({len(content)} bytes).", data=data)
