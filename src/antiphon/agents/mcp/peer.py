"""What is agreed with one server, and requests to it."""

import asyncio
import itertools
from asyncio import Task
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, structs

from antiphon import __version__
from antiphon.agents.mcp.document import ToolServerSpec
from antiphon.agents.mcp.link import Came, Link, NotSpoken, Posted, SessionLost
from antiphon.agents.mcp.news import PARTS, Part
from antiphon.core.error import UpstreamMalformed, UpstreamTimeout
from antiphon.wire import mcp
from antiphon.wire.mcp import Era, McpError, Message, is_object

CLIENT = {"name": "antiphon", "version": __version__}
FIRST_S = 10.0
"""For agreeing on a version."""
MOST_PAGES = 100
CHANGED: Mapping[str, Part] = {f"notifications/{part}/list_changed": part for part in PARTS}
Progress = Callable[[float, float | None, str], None]
"""Called with progress, total and message."""


class Agreed(Struct, frozen=True, kw_only=True):
    """What holds until the server forgets it."""

    era: Era
    version: str
    turn: int
    session: str = ""
    about: Mapping[str, Any] = {}
    """What the server says of itself."""


class Whose(Struct, frozen=True, kw_only=True):
    """In whose name a request is made."""

    name: str = ""
    """Tells sessions apart; empty: everybody's."""
    lines: Mapping[str, str] = {}
    """Headers that say so."""


NOBODY = Whose()


class Peer:
    """One server. Sessions of the older era are one for each name."""

    def __init__(
        self,
        name: str,
        spec: ToolServerSpec,
        link: Link,
        now_s: Callable[[], float],
        changed: Callable[[Part], None] = lambda _: None,
    ) -> None:
        """Args:
        changed: Told what the server says has changed.
        """
        self._changed = changed
        link.unasked = self._unasked
        self.name = name
        self._spec = spec
        self._link = link
        self.now_s = now_s
        self._ids = itertools.count(1)
        self._agreed: dict[str, Agreed] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._answering: set[Task[None]] = set()

    async def able(self, whose: Whose, until_s: float) -> Mapping[str, Any]:
        """What it says that it can do. Raises: as `ask`."""
        return mcp.mapping((await self._ready(whose, until_s)).about.get("capabilities"))

    async def pages(self, method: str, key: str, whose: Whose, until_s: float) -> list[Mapping[str, Any]]:
        """All that it lists, as it says it. Raises: as `ask`."""
        out: list[Mapping[str, Any]] = []
        cursor: Any = None
        for _ in range(MOST_PAGES):
            page = await self.ask(method, {} if cursor is None else {"cursor": cursor}, until_s, whose)
            out += mcp.objects(page.get(key))
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                return out
        raise UpstreamMalformed(f"the server {self.name} has more than {MOST_PAGES} pages of {key}")

    async def ask(
        self,
        method: str,
        params: Mapping[str, Any],
        until_s: float,
        whose: Whose = NOBODY,
        *,
        lines: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> Mapping[str, Any]:
        """One request's result.

        Args:
            lines: More headers, in the modern era.
        Raises: McpError, Unauthorized, UpstreamError, asyncio.CancelledError.
        """
        for last in (False, True):
            agreed = await self._ready(whose, until_s)
            try:
                return await self._ask(agreed, method, params, until_s, whose, lines or {}, progress)
            except SessionLost:
                self._agreed.pop(whose.name, None)
                if last:
                    raise UpstreamMalformed(f"the server {self.name} forgets its sessions at once") from None
            except NotSpoken as error:
                raise UpstreamMalformed(f"{self.name}: {error}", upstream_status=error.status) from error
        raise AssertionError("unreachable")

    async def listen(self, whose: Whose, until_s: float) -> bool:
        """Hear of changes until the server ends that, or the time is over. Returns: whether that can be done at all: in the
        modern era, where the server does it. Raises: as `ask`.
        """
        if (await self._ready(whose, until_s)).era != "modern":
            return False
        wanted = {f"{part}ListChanged": True for part in PARTS}
        try:
            await self.ask("subscriptions/listen", {"notifications": wanted}, until_s, whose)
        except UpstreamTimeout:
            return True
        except McpError as error:
            return error.code not in (mcp.UNKNOWN_METHOD, mcp.INVALID_REQUEST)
        return True

    async def close(self) -> None:
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await self._link.close()

    async def _ask(
        self,
        agreed: Agreed,
        method: str,
        params: Mapping[str, Any],
        until_s: float,
        whose: Whose,
        lines: Mapping[str, str],
        progress: Progress | None,
    ) -> Mapping[str, Any]:
        given = next(self._ids)
        meta: dict[str, Any] = {**mcp.mapping(params.get("_meta"))}
        if agreed.era == "modern":
            meta |= _modern_meta()
        if progress is not None:
            meta["progressToken"] = given
        posted = Posted(
            method=method,
            params={**params, "_meta": meta} if meta else params,
            id=given,
            version=agreed.version,
            session=agreed.session,
            lines={**whose.lines, **(lines if agreed.era == "modern" else {})},
            until_s=until_s,
            heard=lambda message: self._heard(message, given, agreed, whose, progress),
        )
        try:
            came = await self._link.post(posted)
        except (asyncio.CancelledError, UpstreamTimeout):
            self._cancel(posted, agreed)
            raise
        return self._result(came)

    def _result(self, came: Came) -> Mapping[str, Any]:
        message = came.message
        if message is None:
            raise UpstreamMalformed(f"the server {self.name} answered nothing")
        if message.error is not None:
            code, text = message.error.get("code"), message.error.get("message")
            raise McpError(
                code if isinstance(code, int) else mcp.INTERNAL_ERROR, str(text or ""), message.error.get("data")
            )
        if not is_object(message.result):
            raise UpstreamMalformed(f"the server {self.name} answered with a result that is no object")
        return mcp.mapping(message.result)

    # --- agreeing

    async def _ready(self, whose: Whose, until_s: float) -> Agreed:
        agreed = self._agreed.get(whose.name)
        if agreed is not None and agreed.turn == self._link.turn:
            return agreed
        async with self._locks.setdefault(whose.name, asyncio.Lock()):
            agreed = self._agreed.get(whose.name)
            if agreed is None or agreed.turn != self._link.turn:
                self._agreed[whose.name] = agreed = await self._agree(whose, min(until_s, self.now_s() + FIRST_S))
            return agreed

    async def _agree(self, whose: Whose, until_s: float) -> Agreed:
        """Raises: as `ask`."""
        if self._spec.era != "legacy":
            try:
                return await self._discover(whose, until_s)
            except (McpError, NotSpoken) as error:
                if self._spec.era == "modern":
                    raise UpstreamMalformed(f"the server {self.name} doesn't speak {mcp.MODERN}: {error}") from error
        try:
            return await self._initialize(whose, until_s)
        except (NotSpoken, SessionLost) as error:
            raise UpstreamMalformed(f"the server {self.name} doesn't speak the protocol: {error}") from error

    async def _discover(self, whose: Whose, until_s: float) -> Agreed:
        posted = Posted(
            method="server/discover",
            params={"_meta": _modern_meta()},
            id=next(self._ids),
            version=mcp.MODERN,
            lines=whose.lines,
            until_s=until_s,
        )
        found = self._result(await self._link.post(posted))
        if mcp.MODERN not in mcp.texts(found.get("supportedVersions")):
            raise McpError(mcp.UNSUPPORTED_VERSION, f"it speaks {', '.join(mcp.texts(found.get('supportedVersions')))}")
        return Agreed(era="modern", version=mcp.MODERN, turn=self._link.turn, about=found)

    async def _initialize(self, whose: Whose, until_s: float) -> Agreed:
        params = {"protocolVersion": mcp.LEGACY[0], "capabilities": {}, "clientInfo": CLIENT}
        posted = Posted(method="initialize", params=params, id=next(self._ids), lines=whose.lines, until_s=until_s)
        came = await self._link.post(posted)
        found = self._result(came)
        version = found.get("protocolVersion")
        if version not in (*mcp.LEGACY, "2024-11-05"):
            raise UpstreamMalformed(f"the server {self.name} speaks the version {str(version)[:32]!r}, which we don't")
        agreed = Agreed(era="legacy", version=str(version), turn=self._link.turn, session=came.session, about=found)
        await self._link.post(
            structs.replace(
                posted,
                method="notifications/initialized",
                params={},
                id=None,
                version=agreed.version,
                session=agreed.session,
            )
        )
        return agreed

    # --- what comes before an answer

    def _unasked(self, message: Message) -> None:
        """What a server says that nobody has asked."""
        part = CHANGED.get(message.method)
        if part is not None:
            self._changed(part)

    def _heard(self, message: Message, given: int, agreed: Agreed, whose: Whose, progress: Progress | None) -> None:
        if message.method == "notifications/progress" and progress is not None:
            said = message.params
            if said.get("progressToken") == given:
                at, total = said.get("progress"), said.get("total")
                progress(_number(at) or 0.0, _number(total), str(said.get("message") or ""))
        elif message.method in CHANGED:
            self._unasked(message)
        elif message.method and message.id is not None:
            self._spawn(self._answer(message, agreed, whose))

    async def _answer(self, message: Message, agreed: Agreed, whose: Whose) -> None:
        """Answer a request of the server's: we offer it nothing that it could ask for, but a sign of life."""
        if message.method == "ping":
            said = mcp.result(message.id, {})
        else:
            said = mcp.failure(message.id, McpError(mcp.UNKNOWN_METHOD, f"{message.method} is not offered here"))
        await self._tell(Posted(method="", answer=said, until_s=self.now_s() + FIRST_S), agreed, whose.lines)

    def _cancel(self, posted: Posted, agreed: Agreed) -> None:
        """Tell the server that nobody waits for an answer any more. In the modern era by HTTP the closed stream says so."""
        if agreed.era == "modern" and self._spec.url:
            return
        said = Posted(method="notifications/cancelled", params={"requestId": posted.id}, until_s=self.now_s() + FIRST_S)
        self._spawn(self._tell(said, agreed, posted.lines))

    async def _tell(self, posted: Posted, agreed: Agreed, lines: Mapping[str, str]) -> None:
        """Say what nobody answers. What can't be said is let go: the server then finds out by itself."""
        said = structs.replace(posted, version=agreed.version, session=agreed.session, lines=lines)
        await asyncio.gather(self._link.post(said), return_exceptions=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)


def _modern_meta() -> dict[str, Any]:
    return {mcp.META_VERSION: mcp.MODERN, mcp.META_CLIENT: CLIENT, mcp.META_CAPABILITIES: {}}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
