"""Files of A2A: parts of messages and artifacts, kept in the folder of a run, and read out of it."""

import asyncio
import base64
import binascii
import mimetypes
import re
import shutil
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from antiphon.agents.documents.taking import UNTRUSTED
from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.files import FAR, GIVEN
from antiphon.agents.tools.folder import Folder, Limits
from antiphon.core.clock import Clock
from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, EgressRefused, TooLarge, UpstreamMalformed, UpstreamRefused
from antiphon.core.ports import Outbound, Transport
from antiphon.core.run import Run
from antiphon.net.egress import origin_of
from antiphon.wire.a2a.errors import A2AError
from antiphon.wire.a2a.words import Artifact, Message, Part

FILES = "files"
"""Field of a run's input that says which files came with it."""
MOST_FILES, FILE_BYTES, MOST_BYTES = 16, 4_194_304, 16_777_216
TEXT_BYTES = 65_536
"""Of texts that can be read by their handles too."""
FETCH_S = 20.0
UNNAMED = "file"
MOST_NAME = 100
HTTP_OK = 200
OCTETS = "application/octet-stream"
_ODD = re.compile(r"[^\w.\- ]+")
_TEXTS = ("text/", "application/json", "application/xml", "application/yaml")


class File(Struct, frozen=True, kw_only=True):
    """One file on its way."""

    name: str
    media_type: str
    content: bytes

    @property
    def text(self) -> str | None:
        """What it says, where it is a short text; None: it isn't."""
        if not self.media_type.startswith(_TEXTS) or len(self.content) > TEXT_BYTES:
            return None
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            return None


class Fetch:
    """Fetches what a stranger's URL names: as egress rules let it, without a credential, and without being led on."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport, self._clock = transport, clock

    async def get(self, url: str, most_bytes: int, until_s: float | None = None) -> bytes:
        """Raises: UpstreamError, TooLarge, ValueError where it is no URL that is taken."""
        place = urlsplit(url)
        if place.scheme not in ("http", "https") or not place.hostname or not (url.isascii() and url.isprintable()):
            raise ValueError("it has to be an http or https address")
        now_s = self._clock.steady_s()
        left_s = max(0.001, min(FETCH_S, FETCH_S if until_s is None else until_s - now_s))
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        head = f"GET {path} HTTP/1.1\r\nHost: {place.netloc.rpartition('@')[2]}\r\nUser-Agent: antiphon\r\n"
        outbound = Outbound(
            origin=origin_of(url, foreign=True),
            head=head.encode("latin-1"),
            body=(),
            size_bytes=0,
            timeouts=Timeouts(connect_s=left_s, first_byte_s=left_s, between_bytes_s=left_s, total_s=left_s),
        )
        inbound = await self._transport.send(outbound, fresh=True)
        try:
            if inbound.status != HTTP_OK:
                raise UpstreamRefused(f"it was answered with {inbound.status}")
            return await inbound.read(most_bytes)
        except UpstreamMalformed as error:
            raise TooLarge(f"it has more than {most_bytes} bytes, or can't be read: {error.message}") from error
        finally:
            inbound.close()


class Files(Struct, frozen=True, kw_only=True):
    """Files of runs, on both sides."""

    fetch: Fetch
    workspace: Callable[[Run], str]
    """Folder of a run's files."""

    async def taken(self, message: Message) -> tuple[File, ...]:
        """The files of a message. Raises: A2AError, naming the part."""
        found: list[File] = []
        left = MOST_BYTES
        for at, part in enumerate(message.parts):
            if not is_file(part):
                continue
            if len(found) == MOST_FILES:
                raise _wrong(at, "", f"a message has {MOST_FILES} files at most")
            most = min(FILE_BYTES, left)
            content = await self._content(part, at, most)
            if len(content) > most:
                raise _wrong(at, "", f"a file has {FILE_BYTES} bytes at most, all of a message {MOST_BYTES}")
            left -= len(content)
            names = [one.name for one in found]
            found.append(File(name=name_of(part, names), media_type=type_of(part), content=content))
        return tuple(found)

    async def _content(self, part: Part, at: int, most: int) -> bytes:
        if part.raw is not None:
            try:
                return decoded(part.raw)
            except ValueError as error:
                raise _wrong(at, ".raw", str(error)) from error
        try:
            return await self.fetch.get(part.url or "", most)
        except (ValueError, AntiphonError) as error:
            why = said(error)
            raise _wrong(at, ".url", f"{why}; send its bytes as `raw`") from error

    def keeping(self, files: Sequence[File]) -> "Keeping":
        return Keeping(self.workspace, files)

    async def made(self, run: Run) -> tuple[Artifact, ...]:
        """What a run that is done has written, as artifacts; what came with its message, or from elsewhere, aside."""
        if run.status != "done":
            return ()
        return await asyncio.to_thread(self._made, run)

    def _made(self, run: Run) -> tuple[Artifact, ...]:
        folder, out, left = Folder(self.workspace(run), Limits()), list[Artifact](), MOST_BYTES
        for one in folder.list():
            top = one.path.partition("/")[0]
            if top in (GIVEN, FAR) or one.size_bytes > min(FILE_BYTES, left) or len(out) == MOST_FILES:
                continue
            content = folder.read(one.path)[0]
            left -= len(content)
            part = Part(
                raw=base64.b64encode(content).decode(),
                media_type=mimetypes.guess_type(one.path)[0] or OCTETS,
                filename=one.path,
            )
            out.append(Artifact(artifact_id=f"{run.id}-file-{one.path}", name=one.path, parts=(part,)))
        return tuple(out)


class Keeping:
    """Puts files where a run finds them, before it begins; takes them away where it was another that began, or none."""

    def __init__(self, workspace: Callable[[Run], str], files: Sequence[File]) -> None:
        self._workspace, self._files = workspace, files
        self._kept: tuple[str, str] | None = None

    def keep(self, run: Run) -> None:
        """Blocks. Raises: A2AError."""
        if not self._files:
            return
        place = self._workspace(run)
        self._kept = run.id, place
        folder = Folder(place, Limits())
        for one in self._files:
            try:
                folder.write(f"{GIVEN}/{one.name}", one.content)
            except ToolFailed as error:
                raise A2AError(f"{one.name}: {error.say}", reason="INVALID_PARAMS") from error

    def settle(self, begun: str) -> None:
        """`begun`: the run that there is; empty: none. Blocks."""
        if self._kept is not None and self._kept[0] != begun:
            shutil.rmtree(self._kept[1], ignore_errors=True)


def said(error: Exception) -> str:
    """Why a file is not there, for whoever named it."""
    if isinstance(error, EgressRefused):
        return "egress rules let nothing be fetched there"
    return error.message if isinstance(error, AntiphonError) else str(error)


def is_file(part: Part) -> bool:
    return part.raw is not None or part.url is not None


def beside(files: Sequence[File], given: Any) -> dict[str, Any]:
    """What a run's input says of the files that came with it; short texts stand behind handles too.

    Args:
        given: What else the run is given.
    """
    if not files:
        return {}
    listed: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    for one in files:
        about: dict[str, Any] = {"path": f"{GIVEN}/{one.name}", "media_type": one.media_type, "bytes": len(one.content)}
        text = one.text
        if text is not None:
            handle = re.sub(r"\W", "_", f"file_{one.name}")
            texts[handle], about["handle"] = text, handle
        listed.append(about)
    if not texts:
        return {FILES: listed}
    others = cast("dict[str, Any]", given).get(UNTRUSTED) if isinstance(given, dict) else None
    more = cast("dict[str, Any]", others) if isinstance(others, dict) else {}
    return {FILES: listed, UNTRUSTED: more | texts}


def decoded(raw: str) -> bytes:
    """Raises: ValueError."""
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error as error:
        raise ValueError(f"it is no base64: {error}") from error


def name_of(part: Part, taken: Sequence[str]) -> str:
    """A name for a file, within one folder; another than those that are taken."""
    whole = part.filename or unquote(urlsplit(part.url or "").path)
    last = whole.replace("\\", "/").rpartition("/")[2]
    name = _ODD.sub("_", last).strip(". ")[-MOST_NAME:].lstrip(". ") or UNNAMED
    if "." not in name:
        name += mimetypes.guess_extension(part.media_type or "") or ""
    stem, dot, ending = name.rpartition(".")
    number, made = 2, name
    while made in taken:
        made = f"{stem}-{number}{dot}{ending}" if dot else f"{name}-{number}"
        number += 1
    return made


def type_of(part: Part) -> str:
    return part.media_type or mimetypes.guess_type(part.filename or urlsplit(part.url or "").path)[0] or OCTETS


def _wrong(at: int, field: str, why: str) -> A2AError:
    return A2AError(f"message.parts[{at}]{field}: {why}", reason="INVALID_PARAMS")
