"""Calls of a server's tools."""

from collections.abc import Callable, Mapping
from typing import Any

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.mcp.link import Unauthorized
from antiphon.agents.mcp.peer import Peer, Progress, Whose
from antiphon.agents.mcp.tokens import SignIn, Tokens
from antiphon.core.error import EgressRefused, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.tool import Tool, ToolContext, ToolResult
from antiphon.wire import mcp, trace
from antiphon.wire.mcp import McpError

IDEMPOTENCY = "antiphon/idempotencyKey"
"""In `_meta` of a call: the same whenever the very same call is made again."""


class McpHand(Hand):
    """One tool of one server."""

    def __init__(
        self,
        tool: Tool,
        own: str,
        peer: Peer,
        tokens: Tokens | None,
        watching: Callable[[str], Progress | None] = lambda _: None,
    ) -> None:
        """Args:
        own: The server's name of the tool.
        tokens: Who is let in by what; None: the server needs none.
        watching: Who wants to hear how a call goes on, by its key.
        """
        self.tool = tool
        self.own = own
        self.peer = peer
        self._tokens = tokens
        self._watching = watching
        self.personal = tokens is not None and tokens.personal

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        params: dict[str, Any] = {"name": self.own, "arguments": arguments}
        meta = trace.fields(context.trace)
        if self.tool.effect == "idempotent":
            meta[IDEMPOTENCY] = context.key
        if meta:
            params["_meta"] = meta
        try:
            found = await self._asked(params, context)
        except SignIn as error:
            raise ToolFailed("refused", f"{self.peer.name} has to be signed in to first: {error.url}") from error
        except Unauthorized as error:
            raise ToolFailed("refused", f"{self.peer.name} lets nobody of this name in: {error}") from error
        except McpError as error:
            raise self._refused(error) from error
        except UpstreamError as error:
            raise self._broke(error) from error
        return self._result(found)

    async def _asked(self, params: Mapping[str, Any], context: ToolContext) -> Mapping[str, Any]:
        lines = mcp.param_headers(self.tool.parameters, params["arguments"])
        progress = self._watching(context.key)
        whose = Whose() if self._tokens is None else await self._tokens.whose(context.principal, context.until_s)
        ask = self.peer.ask
        try:
            return await ask("tools/call", params, context.until_s, whose, lines=lines, progress=progress)
        except Unauthorized as error:
            if self._tokens is None:
                raise
            whose = await self._tokens.renewed(context.principal, whose, error, context.until_s)
        return await ask("tools/call", params, context.until_s, whose, lines=lines, progress=progress)

    def _result(self, found: Mapping[str, Any]) -> ToolResult:
        kind = found.get("resultType", "complete")
        if kind == "input_required":
            asks = [str(mcp.mapping(one.get("params")).get("message", "")) for one in _asks(found)]
            raise ToolFailed("refused", f"{self.tool.name} asks for more before it goes on: {'; '.join(asks)[:500]}")
        if kind != "complete":
            raise ToolFailed("failed", f"{self.tool.name} answered in a form that is not taken: {kind}", unknown=True)
        text, data = mcp.text_of(found.get("content")), found.get("structuredContent")
        if found.get("isError") is True:
            return ToolResult(failed="failed", text=text or f"{self.tool.name} failed and said nothing more")
        return ToolResult(text=text, data=data)

    def _refused(self, error: McpError) -> ToolFailed:
        code = "invalid_arguments" if error.code == mcp.INVALID_PARAMS else "failed"
        return ToolFailed(code, f"{self.peer.name}: {error.message[:1000]}", unknown=error.code == mcp.INTERNAL_ERROR)

    def _broke(self, error: UpstreamError) -> ToolFailed:
        if isinstance(error, EgressRefused):
            return ToolFailed("refused", f"{self.peer.name} may not be asked: {error.message}")
        before = isinstance(error, UpstreamUnreachable)
        code = "unavailable" if before else "timeout" if isinstance(error, UpstreamTimeout) else "failed"
        unknown = not before and self.tool.effect != "pure"
        return ToolFailed(code, f"{self.peer.name}: {error.message[:1000]}", retryable=True, unknown=unknown)


def _asks(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [mcp.mapping(one) for one in mcp.mapping(found.get("inputRequests")).values()]
