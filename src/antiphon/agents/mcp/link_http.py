"""Servers by streamable HTTP, over the pooled client and its egress rules."""

from collections.abc import Callable
from urllib.parse import urlsplit

from antiphon.agents.mcp.document import ToolServerSpec
from antiphon.agents.mcp.link import Came, Link, NotSpoken, Posted, SessionLost, Unauthorized
from antiphon.core.deployment import Timeouts
from antiphon.core.error import StaleConnection, UpstreamBroken, UpstreamMalformed, UpstreamTimeout
from antiphon.core.ports import Inbound, Outbound, Transport
from antiphon.net.egress import origin_of
from antiphon.wire import mcp
from antiphon.wire.mcp import McpError, Message
from antiphon.wire.sse import SseReader, data_of

CONNECT_S = 5.0


class HttpLink(Link):
    """One server's address."""

    def __init__(self, spec: ToolServerSpec, transport: Transport, now_s: Callable[[], float]) -> None:
        self._spec = spec
        self._transport = transport
        self._now_s = now_s
        self._url = urlsplit(spec.url)
        self._origin = origin_of(spec.url, ca_file=spec.ca_file or None, networks=tuple(spec.networks))

    async def post(self, posted: Posted) -> Came:
        request = self._outbound(posted)
        try:
            inbound = await self._transport.send(request)
        except StaleConnection:
            inbound = await self._transport.send(request, fresh=True)
        try:
            return await self._read(posted, inbound)
        finally:
            inbound.close()

    async def end(self, session: str, version: str, lines: dict[str, str], until_s: float) -> None:
        """Tell the server that a session is over. Raises: UpstreamError."""
        said = Posted(method="", session=session, version=version, lines=lines, until_s=until_s)
        inbound = await self._transport.send(self._outbound(said, verb="DELETE"))
        inbound.close()

    async def close(self) -> None:
        """Connections are the pool's."""

    async def _read(self, posted: Posted, inbound: Inbound) -> Came:
        session = inbound.headers.get(b"mcp-session-id", b"").decode("latin-1")
        kind = inbound.headers.get(b"content-type", b"").lower()
        if inbound.status in (401, 403) and (inbound.status == 401 or b"www-authenticate" in inbound.headers):
            raise Unauthorized(inbound.headers.get(b"www-authenticate", b"").decode("latin-1"), inbound.status)
        if inbound.status == 404 and posted.session:
            raise SessionLost
        if posted.id is None:
            if inbound.status >= 400:
                raise NotSpoken(inbound.status)
            return Came(message=None, session=session)
        if kind.startswith(b"text/event-stream") and inbound.status < 300:
            return Came(message=await self._stream(posted, inbound), session=session)
        body = await inbound.read(self._spec.most_result_bytes)
        if not kind.startswith(b"application/json"):
            raise NotSpoken(inbound.status)
        try:
            message = mcp.read(body)
        except McpError as error:
            if inbound.status >= 400:
                raise NotSpoken(inbound.status) from None
            raise UpstreamMalformed(f"the server's answer is no message of the protocol: {error.message}") from error
        if not message.answers or (inbound.status >= 400 and message.error is None):
            raise NotSpoken(inbound.status)
        return Came(message=message, session=session)

    async def _stream(self, posted: Posted, inbound: Inbound) -> Message:
        """What is heard on a stream until the answer comes. Raises: UpstreamBroken, where it never does."""
        reader, found = SseReader(max_event_bytes=self._spec.most_result_bytes), list[Message]()

        def take(piece: bytes) -> bool:
            for event in reader.feed(piece):
                message = _message(event)
                if message is None:
                    continue
                if message.answers and message.id == posted.id:
                    found.append(message)
                    return True
                if posted.heard is not None:
                    posted.heard(message)
            return False

        await inbound.lead(take)
        if not found:
            raise UpstreamBroken("the server's stream ended before its answer")
        return found[0]

    def _outbound(self, posted: Posted, verb: str = "POST") -> Outbound:
        left_s = posted.until_s - self._now_s()
        if left_s <= 0:
            raise UpstreamTimeout("there was no time left to ask the server")
        body = posted.answer or (mcp.request(posted.method, posted.params, posted.id) if posted.method else b"")
        headers: dict[str, str] = {"Host": self._url.netloc.rpartition("@")[2]}
        if body:
            headers["Content-Type"] = "application/json"
        headers["Accept"] = "application/json, text/event-stream"
        headers |= self._spoken(posted)
        headers |= self._spec.headers | dict(posted.lines)
        place = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        lines = [f"{verb} {place} HTTP/1.1", *(f"{name}: {_line(value)}" for name, value in headers.items())]
        return Outbound(
            origin=self._origin,
            head="".join(f"{line}\r\n" for line in lines).encode("latin-1"),
            body=(body,) if body else (),
            size_bytes=len(body),
            timeouts=Timeouts(
                connect_s=min(CONNECT_S, left_s), first_byte_s=left_s, between_bytes_s=left_s, total_s=left_s
            ),
        )

    def _spoken(self, posted: Posted) -> dict[str, str]:
        """Headers of the protocol."""
        out: dict[str, str] = {}
        if posted.version:
            out["MCP-Protocol-Version"] = posted.version
        if posted.session:
            out["Mcp-Session-Id"] = posted.session
        if posted.version == mcp.MODERN and posted.method:
            out["Mcp-Method"] = posted.method
            named = mcp.NAMED.get(posted.method)
            if named is not None:
                out["Mcp-Name"] = mcp.header_value(str(posted.params.get(named, "")))
        return out


def _line(value: str) -> str:
    """A header's value in one line. Raises: UpstreamMalformed."""
    if any(sign in value for sign in "\r\n\0"):
        raise UpstreamMalformed("a header for the server would be more than one line")
    return value


def _message(event: bytes) -> Message | None:
    data = data_of(event)
    if not data:
        return None
    try:
        return mcp.read(data)
    except McpError as error:
        raise UpstreamMalformed(f"an event of the server's is no message of the protocol: {error.message}") from error
