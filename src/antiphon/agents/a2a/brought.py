"""Files that agents elsewhere made, put into the folder of the run that asked."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec import structs

from antiphon.agents.a2a.files import FILE_BYTES, MOST_FILES, Fetch, decoded, is_file, name_of, type_of
from antiphon.agents.a2a.files import said as why_not
from antiphon.agents.a2a.peer import Peer
from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.files import FAR
from antiphon.agents.tools.folder import Folder, Limits
from antiphon.core.error import AntiphonError
from antiphon.core.tool import ToolResult
from antiphon.wire.a2a.words import Part


class Brought:
    """Keeps the files of one task."""

    def __init__(self, agent: str, peer: Peer, fetch: Fetch, workspace: str) -> None:
        """Args:
        agent: The remote agent's name here, without `a2a/`.
        workspace: Folder of the run's files; empty: it has none, and nothing is kept.
        """
        self._agent, self._peer, self._fetch, self._workspace = agent, peer, fetch, workspace

    async def with_files(self, result: ToolResult, parts: Sequence[Part], until_s: float) -> ToolResult:
        """A result that says where the files of these parts are kept, or why they aren't."""
        found = [part for part in parts if is_file(part)]
        if not found:
            return result
        names, said = list[str](), list[dict[str, Any]]()
        for part in found[:MOST_FILES]:
            name = name_of(part, names)
            names.append(name)
            said.append(await self._kept(part, name, until_s))
        told = [
            f"file {one['path']} ({one['bytes']} bytes)" if "path" in one else f"no file: {one['failed']}"
            for one in said
        ]
        if len(found) > MOST_FILES:
            told.append(f"{len(found) - MOST_FILES} more files were left out")
        answer = result.text if result.data is None else result.data
        text = "\n".join(one for one in (result.text, *told) if one)
        return structs.replace(result, text=text, data={"answer": answer, "files": said})

    async def _kept(self, part: Part, name: str, until_s: float) -> dict[str, Any]:
        path = f"{FAR}/{self._agent}/{name}"
        try:
            content = await self._content(part, until_s)
            digest = await asyncio.to_thread(Folder(self._workspace, Limits()).write, path, content)
        except ToolFailed as error:
            return {"failed": f"{name}: {error.say}"}
        except (ValueError, AntiphonError) as error:
            return {"failed": f"{name}: {why_not(error)}"}
        return {"path": path, "media_type": type_of(part), "bytes": len(content), "sha256": digest}

    async def _content(self, part: Part, until_s: float) -> bytes:
        """Raises: AntiphonError, ValueError."""
        if part.raw is not None:
            return decoded(part.raw)
        url = part.url or ""
        if _site(url) == _site(self._peer.url):
            return await self._peer.file(url, FILE_BYTES, until_s)
        return await self._fetch.get(url, FILE_BYTES, until_s)


def _site(url: str) -> tuple[str, str]:
    place = urlsplit(url)
    return place.scheme, place.netloc
