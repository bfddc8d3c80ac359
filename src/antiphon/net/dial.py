"""Opening a connection: directly, with TLS, or through a proxy's tunnel."""

import asyncio
import base64
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit

import httptools

from antiphon.core.error import UpstreamUnreachable
from antiphon.core.ports import Origin
from antiphon.net.egress import Egress

PROXY_PORT = 3128


class Carrying(asyncio.Protocol):
    """What a connection is opened for."""

    __slots__ = ("transport",)

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)


CarryingT = TypeVar("CarryingT", bound=Carrying)
ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


@cache
def trust(ca_file: str | None) -> ssl.SSLContext:
    """TLS that verifies names and chains, by the system's authorities or by `ca_file`."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(origin: Origin, factory: Callable[[], CarryingT], egress: Egress) -> CarryingT:
    """Connect, where the rules let it.

    Raises: OSError (names, TCP, TLS), UnicodeError (names), UpstreamUnreachable (the proxy refused), EgressRefused.
    """
    context = trust(origin.ca_file) if origin.tls else None
    if origin.proxy is None:
        return await _connect(await egress.addresses(origin), origin.port, factory, context, origin.host)
    host, port = proxy_address(origin.proxy)
    places = await egress.proxy_addresses(origin, host, port)
    if context is None:
        return await _connect(places, port, factory)
    return await _tunnelled(origin, origin.proxy, context, factory, places)


async def _connect(
    places: Sequence[str],
    port: int,
    factory: Callable[[], ProtocolT],
    context: ssl.SSLContext | None = None,
    name: str = "",
) -> ProtocolT:
    """Connect to the first of some addresses that answers. Raises: OSError, of the first."""
    loop = asyncio.get_running_loop()
    first: OSError | None = None
    for place in places:
        try:
            _, connection = await loop.create_connection(
                factory, place, port, ssl=context, server_hostname=name if context else None
            )
        except OSError as error:
            first = first or error
        else:
            return connection
    raise first or OSError("there is no address to connect to")


async def _tunnelled(
    origin: Origin, proxy: str, context: ssl.SSLContext, factory: Callable[[], CarryingT], places: Sequence[str]
) -> CarryingT:
    """Connect by way of an HTTP proxy's tunnel. A plain upstream needs none: the proxy takes its requests."""
    loop = asyncio.get_running_loop()
    tunnel = await _connect(places, proxy_address(proxy)[1], _Tunnel)
    transport = tunnel.transport
    try:
        target = _authority(origin)
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *proxy_authorization(proxy)]
        transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        status = await tunnel.answered
        if not 200 <= status < 300:
            raise UpstreamUnreachable(f"{_via(proxy)} answered {status} to a tunnel to {target}")
        connection = factory()
        connection.connection_made(transport)
        secured = await loop.start_tls(transport, connection, context, server_hostname=origin.host)
        if secured is None:
            raise UpstreamUnreachable(f"{_via(proxy)} closed the tunnel to {target}")
    except BaseException:
        transport.abort()
        raise
    connection.transport = secured  # start_tls leaves `connection_made` to its caller
    return connection


def proxy_address(proxy: str) -> tuple[str, int]:
    """Host and port of a proxy's URL."""
    parts = urlsplit(proxy)
    return parts.hostname or "", parts.port or PROXY_PORT


def proxy_authorization(proxy: str) -> list[str]:
    """The header line that names a proxy URL's user, when it has one."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return []
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}"]


def explain(error: OSError | UnicodeError, origin: Origin) -> str:
    """Why there is no connection, for the one who has to mend it."""
    where = _authority(origin)
    if origin.proxy is not None:
        where += f" by way of {_via(origin.proxy)}"
    match error:
        case ssl.SSLCertVerificationError():
            trusted = f"the authorities in {origin.ca_file}" if origin.ca_file else "the system's authorities"
            why = f"its certificate is not accepted, checked by {trusted}: {error.verify_message or error.reason}"
        case ssl.SSLError():
            why = f"TLS failed: {error.reason or error}"
        case socket.gaierror() | UnicodeError():
            why = f"the name can't be resolved: {error.strerror if isinstance(error, OSError) else error}"
        case FileNotFoundError():
            why = f"the file {origin.ca_file} is not there"
        case _:
            why = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    return f"no connection to {where}: {why}"


def _authority(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{host}:{origin.port}"


def _via(proxy: str) -> str:
    host, port = proxy_address(proxy)
    return f"the proxy {host}:{port}"


class _Tunnel(Carrying):
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
            self._give_up(UpstreamUnreachable(f"the proxy's answer is not HTTP: {error}"))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and not self.answered.done():
            self.answered.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up(UpstreamUnreachable("the proxy closed the connection"))

    def _give_up(self, error: UpstreamUnreachable) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)
