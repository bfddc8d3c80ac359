"""Calls of a server's tools."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.mcp.link import Unauthorized
from antiphon.agents.mcp.peer import Peer, Progress, Whose
from antiphon.agents.mcp.pins import PinState
from antiphon.agents.mcp.tokens import SignIn, Tokens
from antiphon.core.error import EgressRefused, StoreError, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.tool import Tool, ToolContext, ToolResult
from antiphon.wire import mcp, trace
from antiphon.wire.mcp import McpError

IDEMPOTENCY = "antiphon/idempotencyKey"
"""In `_meta` of a call: the same whenever the very same call is made again."""
MOST_LISTED, LIST_S, MOST_KEPT = 5000, 5.0, 256
"""Items of a list, seconds that it is kept, and lists that are."""
REFUSED: Mapping[int, str] = {mcp.INVALID_PARAMS: "invalid_arguments", mcp.NO_RESOURCE: "not_found"}
"""Errors of servers as failures of tools; others are `failed`."""


class ServerHand(Hand):
    """Asks one server in a caller's name, within what was pinned."""

    def __init__(
        self,
        tool: Tool,
        own: str,
        peer: Peer,
        tokens: Tokens | None,
        stands: Callable[[Tool, str], Awaitable[PinState]],
        watching: Callable[[str], Progress | None] = lambda _: None,
    ) -> None:
        """Args:
        own: The server's name of the tool.
        tokens: Who is let in by what; None: the server needs none.
        stands: Asked before each call, with `tool` and `own`. Raises: StoreError.
        watching: Who wants to hear how a call goes on, by its key.
        """
        self.tool = tool
        self.own = own
        self.peer = peer
        self._tokens = tokens
        self._stands = stands
        self._watching = watching
        self._lists: dict[tuple[str, str], tuple[float, list[Mapping[str, Any]]]] = {}
        self.personal = tokens is not None and tokens.personal

    async def ask(
        self, method: str, params: dict[str, Any], context: ToolContext, lines: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """A request's result. Raises: ToolFailed."""
        await self._pinned()
        meta = trace.fields(context.trace)
        if self.tool.effect == "idempotent":
            meta[IDEMPOTENCY] = context.key
        if meta:
            params["_meta"] = meta
        try:
            found = await self._asked(method, params, context, lines)
        except SignIn as error:
            raise ToolFailed("refused", f"{self.peer.name} has to be signed in to first: {error.url}") from error
        except Unauthorized as error:
            raise ToolFailed("refused", f"{self.peer.name} lets nobody of this name in: {error}") from error
        except McpError as error:
            raise self._refused(error) from error
        except UpstreamError as error:
            raise self._broke(error) from error
        kind = found.get("resultType", "complete")
        if kind == "input_required":
            asks = [str(mcp.mapping(one.get("params")).get("message", "")) for one in _asks(found)]
            raise ToolFailed("refused", f"{self.tool.name} asks for more before it goes on: {'; '.join(asks)[:500]}")
        if kind != "complete":
            raise ToolFailed("failed", f"{self.tool.name} answered in a form that is not taken: {kind}", unknown=True)
        return found

    async def listed(self, method: str, key: str, context: ToolContext) -> list[Mapping[str, Any]]:
        """All that a server lists, kept for a moment. Raises: ToolFailed."""
        now_s, whose = self.peer.now_s(), context.principal.subject() if self.personal else ""
        kept = self._lists.get((whose, method))
        if kept is not None and kept[0] > now_s:
            return kept[1]
        out: list[Mapping[str, Any]] = []
        cursor: Any = None
        while len(out) < MOST_LISTED:
            page = await self.ask(method, {} if cursor is None else {"cursor": cursor}, context)
            out += mcp.objects(page.get(key))
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                break
        if len(self._lists) >= MOST_KEPT:
            self._lists.clear()
        self._lists[whose, method] = now_s + LIST_S, out[:MOST_LISTED]
        return out[:MOST_LISTED]

    def forget(self) -> None:
        """What was listed has changed."""
        self._lists.clear()

    async def _asked(
        self, method: str, params: Mapping[str, Any], context: ToolContext, lines: Mapping[str, str] | None
    ) -> Mapping[str, Any]:
        progress = self._watching(context.key)
        whose = Whose() if self._tokens is None else await self._tokens.whose(context.principal, context.until_s)
        ask = self.peer.ask
        try:
            return await ask(method, params, context.until_s, whose, lines=lines, progress=progress)
        except Unauthorized as error:
            if self._tokens is None:
                raise
            whose = await self._tokens.renewed(context.principal, whose, error, context.until_s)
        return await ask(method, params, context.until_s, whose, lines=lines, progress=progress)

    async def _pinned(self) -> None:
        """See that the tool is still what was accepted, whichever process found it changed. Raises: ToolFailed."""
        try:
            standing = await self._stands(self.tool, self.own)
        except StoreError as error:
            raise ToolFailed(
                "unavailable", f"whether {self.tool.name} is quarantined can't be read: {error.message}", retryable=True
            ) from error
        if standing == "quarantined":
            raise ToolFailed("refused", f"{self.tool.name} has changed, and waits for a person to approve it again")
        if standing == "another":
            raise ToolFailed(
                "refused",
                f"{self.tool.name} is another than it was listed as, since the server changed it; list it again",
            )

    def _refused(self, error: McpError) -> ToolFailed:
        code = REFUSED.get(error.code, "failed")
        return ToolFailed(code, f"{self.peer.name}: {error.message[:1000]}", unknown=error.code == mcp.INTERNAL_ERROR)

    def _broke(self, error: UpstreamError) -> ToolFailed:
        if isinstance(error, EgressRefused):
            return ToolFailed("refused", f"{self.peer.name} may not be asked: {error.message}")
        before = isinstance(error, UpstreamUnreachable)
        code = "unavailable" if before else "timeout" if isinstance(error, UpstreamTimeout) else "failed"
        unknown = not before and self.tool.effect != "pure"
        return ToolFailed(code, f"{self.peer.name}: {error.message[:1000]}", retryable=True, unknown=unknown)


class McpHand(ServerHand):
    """One tool of one server."""

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        lines = mcp.param_headers(self.tool.parameters, arguments)
        found = await self.ask("tools/call", {"name": self.own, "arguments": arguments}, context, lines)
        text, data = mcp.text_of(found.get("content")), found.get("structuredContent")
        if found.get("isError") is True:
            return ToolResult(failed="failed", text=text or f"{self.tool.name} failed and said nothing more")
        return ToolResult(text=text, data=data)


def _asks(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [mcp.mapping(one) for one in mcp.mapping(found.get("inputRequests")).values()]
