"""Calls of a gateway from the command line, on our own client: TLS is always verified."""

import asyncio
import errno
import socket
import ssl
from argparse import ArgumentTypeError, Namespace
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from msgspec import Struct

from antiphon import __version__
from antiphon.cli import values
from antiphon.cli.refusal import refusal
from antiphon.config.load import environment
from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.ports import Inbound, Origin, Outbound
from antiphon.net.client import Client
from antiphon.net.egress import OPEN
from antiphon.wire.sse import SseReader, data_of

USUAL = "http://127.0.0.1:8080"
MOST_BYTES = 67_108_864
CONNECT_S = 5.0


class Address(Struct, frozen=True, kw_only=True):
    """Where a gateway is, and as whom it is asked."""

    url: str
    key: str = ""
    timeout_s: float = 30.0
    """For one whole answer."""
    key_from: str = "the key in the variable ANTIPHON_KEY"
    """What whoever is refused has to give."""

    def __repr__(self) -> str:
        return f"Address(url={self.url!r})"


def address(arguments: Namespace) -> Address:
    """What the arguments say, else the variables ANTIPHON_URL and ANTIPHON_KEY."""
    environ = environment()
    url, key = arguments.url, arguments.key
    try:
        url = url or values.url(environ.get("ANTIPHON_URL") or USUAL)
    except ArgumentTypeError as error:
        arguments.parser.error(f"variable ANTIPHON_URL: {error}")
    try:
        key = key or (values.key(environ["ANTIPHON_KEY"]) if environ.get("ANTIPHON_KEY") else "")
    except ArgumentTypeError as error:
        arguments.parser.error(f"variable ANTIPHON_KEY: {error}")
    return Address(url=url, key=key)


class Gateway:
    """One gateway; its connection is kept between calls."""

    def __init__(self, address: Address, client: Client) -> None:
        self._address = address
        self._client = client

    @property
    def url(self) -> str:
        return self._address.url

    async def get(self, path: str) -> bytes:
        """The body of an answer. Raises: AntiphonError, as the gateway's answer says."""
        return await self._whole(await self._send("GET", path, b"", {}))

    async def stream(self, path: str) -> Inbound:
        """The same of an answer that comes bit by bit, whose head has come."""
        return await self._send("GET", path, b"", {})

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Inbound:
        """An answer whose head has come. Raises: AntiphonError, as the gateway's answer says."""
        return await self._send("POST", path, body, headers)

    async def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The body of an answer to any method. Raises: AntiphonError, as the gateway's answer says."""
        return await self._whole(await self._send(method, path, body, headers))

    async def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Inbound:
        url, timeout_s = self._address.url, self._address.timeout_s
        outbound = Outbound(
            origin=_origin(url),
            head=_head(self._address, method, path, headers),
            body=(body,),
            size_bytes=len(body),
            timeouts=Timeouts(
                connect_s=min(CONNECT_S, timeout_s),
                first_byte_s=timeout_s,
                between_bytes_s=timeout_s,
                total_s=timeout_s,
            ),
        )
        try:
            inbound = await self._client.send(outbound)
        except UpstreamError as error:
            raise self._mended(error) from error
        if inbound.status not in (200, 201):
            body = await self._whole(inbound)
            raise refusal(inbound.status, inbound.headers, body, url, self._address.key_from)
        return inbound

    async def _whole(self, inbound: Inbound) -> bytes:
        try:
            return await inbound.read(MOST_BYTES)
        except UpstreamError as error:
            raise self._mended(error) from error

    async def events(self, inbound: Inbound) -> AsyncGenerator[bytes]:
        """What each event of a stream carries, as it comes, but for the end mark. Raises: UpstreamError."""
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def relay() -> None:
            try:
                await inbound.relay(pieces.put_nowait)
            finally:
                pieces.put_nowait(None)

        relaying = asyncio.create_task(relay())
        reader = SseReader()
        try:
            while (piece := await pieces.get()) is not None:
                for event in reader.feed(piece):
                    data = data_of(event)
                    if data is not None and data != b"[DONE]":
                        yield data
            await relaying
        except UpstreamError as error:
            raise self._mended(error) from error
        finally:
            relaying.cancel()
            await asyncio.wait([relaying])

    def _mended(self, error: UpstreamError) -> UpstreamError:
        """The same failure in the words of someone who asks a gateway."""
        url = self._address.url
        match error:
            case UpstreamUnreachable():
                return UpstreamUnreachable(_unreachable(url, error.__cause__ or error))
            case UpstreamTimeout():
                return UpstreamTimeout(f"{url} gave no whole answer within {self._address.timeout_s:g} s")
            case _:
                said = error.noted.replace("the upstream", url)
                return type(error)(f"{said}; see its log, or `antiphon doctor`")


@asynccontextmanager
async def connected(address: Address) -> AsyncGenerator[Gateway]:
    """A gateway to call; its connection is closed at the end."""
    client = Client(OPEN)
    try:
        yield Gateway(address, client)
    finally:
        client.close()
        await asyncio.sleep(0)


def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Origin(host=parts.hostname or "", port=parts.port or (443 if tls else 80), tls=tls)


def _head(address: Address, method: str, path: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(address.url)
    lines = [
        f"{method} {parts.path}{path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"User-Agent: antiphon-cli/{__version__}",
        "Accept: application/json, text/event-stream",
        *([f"Authorization: Bearer {address.key}"] if address.key else []),
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def _unreachable(url: str, cause: BaseException) -> str:
    host = urlsplit(url).hostname
    if f"[Errno {errno.ECONNREFUSED}]" in str(cause):
        return f"no gateway at {url}; start one with `antiphon serve`"
    if isinstance(cause, socket.gaierror):
        return f"the name {host} is not known ({cause.strerror}); check --url"
    if isinstance(cause, ssl.SSLError):
        why = getattr(cause, "verify_message", "") or cause.reason
        return f"no TLS with {url} ({why}); check --url, or name its authority's file in the variable SSL_CERT_FILE"
    why = cause.noted if isinstance(cause, AntiphonError) else getattr(cause, "strerror", None) or str(cause)
    return f"no connection to {url} ({why}); check --url, or start a gateway with `antiphon serve`"
