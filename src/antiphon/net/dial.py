"""Opening a connection: directly, with TLS, or through a proxy's tunnel."""

import asyncio
import base64
import ssl
from collections.abc import Callable
from functools import cache
from typing import cast
from urllib.parse import unquote, urlsplit

import httptools

from antiphon.core.error import UpstreamUnreachable
from antiphon.core.ports import Origin
from antiphon.net.upstream import Upstream


@cache
def trust(ca_file: str | None) -> ssl.SSLContext:
    """TLS that verifies names and chains, by the system's authorities or by `ca_file`."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(origin: Origin, factory: Callable[[], Upstream]) -> Upstream:
    """Connect. Raises: OSError (names, TCP, TLS), UpstreamUnreachable (the proxy refused)."""
    loop = asyncio.get_running_loop()
    context = trust(origin.ca_file) if origin.tls else None
    if origin.proxy is None:
        _, connection = await loop.create_connection(
            factory, origin.host, origin.port, ssl=context, server_hostname=origin.host if context else None
        )
        return connection
    return await _through(origin, context, factory)


async def _through(origin: Origin, context: ssl.SSLContext | None, factory: Callable[[], Upstream]) -> Upstream:
    """Connect by way of an HTTP proxy: a tunnel for TLS, the proxy itself for plain HTTP."""
    loop = asyncio.get_running_loop()
    proxy = urlsplit(origin.proxy or "")
    where = (proxy.hostname or "", proxy.port or 3128)
    if context is None:
        _, plain = await loop.create_connection(factory, *where)
        return plain
    transport, tunnel = await loop.create_connection(_Tunnel, *where)
    try:
        target = f"{origin.host}:{origin.port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *proxy_authorization(origin.proxy or "")]
        transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        status = await tunnel.answered
        if status != 200:
            raise UpstreamUnreachable(f"the proxy {where[0]}:{where[1]} answered {status} for {target}")
        connection = factory()
        secured = await loop.start_tls(transport, connection, context, server_hostname=origin.host)
    except BaseException:
        transport.abort()
        raise
    connection.connection_made(cast("asyncio.Transport", secured))
    return connection


def proxy_authorization(proxy: str) -> list[str]:
    """The header line that names a proxy URL's user, when it has one."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return []
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}"]


class _Tunnel(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError as error:
            self._give_up(UpstreamUnreachable(f"the proxy's answer is not HTTP ({type(error).__name__})"))

    def on_headers_complete(self) -> None:
        if not self.answered.done():
            self.answered.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up(UpstreamUnreachable("the proxy closed the connection"))

    def _give_up(self, error: UpstreamUnreachable) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)
