"""What a listener learns of whoever is at the other end, by real TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from antiphon.app.build import tls_context
from antiphon.net.exchange import Exchange
from antiphon.net.listener import Listener, bind
from antiphon.net.settings import Bounds
from antiphon.server.settings import Tls

Serve = Callable[..., Awaitable[int]]


async def tell(exchange: Exchange) -> None:
    peer = exchange.peer
    exchange.respond(200, b"", msgspec.json.encode([peer.address, peer.names]))


@pytest.fixture
async def serve(authority: Any) -> AsyncIterator[Serve]:
    begun: list[Listener] = []

    async def serve(**fields: Any) -> int:
        context = None
        if fields:
            cert, key = authority.issue("server", "127.0.0.1")
            context = tls_context(Tls(cert_file=cert, key_file=key, **fields))
        sock = bind("127.0.0.1", 0)
        one = Listener(tell, lambda status, message: (b"", b""), Bounds(), context)
        await one.start(sock)
        begun.append(one)
        return sock.getsockname()[1]

    yield serve
    for one in begun:
        await one.drain(1)


async def told(port: int, context: ssl.SSLContext | None, headers: str = "") -> Any:
    name = None if context is None else "127.0.0.1"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    if not answer:
        raise ConnectionError("nothing was answered")
    return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])


def with_certificate(authority: Any, issuer: Any, label: str, *names: str, **more: Any) -> ssl.SSLContext:
    context = authority.caller()
    context.load_cert_chain(*issuer.issue(label, *names, client=True, **more))
    return context


async def test_a_certificate_s_names_are_told(serve: Serve, authority: Any) -> None:
    port = await serve(client_ca_file=authority.file)
    names = ("spiffe://corp/ns/a/sa/b", "app.corp.example", "ci@corp.example", "10.0.0.1")
    assert await told(port, with_certificate(authority, authority, "robot", *names)) == [
        "127.0.0.1",
        [["uri", names[0]], ["dns", names[1]], ["email", names[2]], ["cn", "robot"]],
    ]


async def test_a_certificate_may_be_left_out_where_it_is_optional(serve: Serve, authority: Any) -> None:
    port = await serve(client_ca_file=authority.file, client_auth="optional")
    assert await told(port, authority.caller()) == ["127.0.0.1", []]
    assert (await told(port, with_certificate(authority, authority, "robot")))[1] == [["cn", "robot"]]


@pytest.mark.parametrize("wanted", ["required", "optional"])
async def test_a_certificate_that_does_not_hold_is_refused(
    serve: Serve, authority: Any, stranger: Any, yesterday: Any, wanted: str
) -> None:
    port = await serve(client_ca_file=authority.file, client_auth=wanted)
    for context in (
        with_certificate(authority, stranger, "thief", "spiffe://corp/ns/a/sa/b"),
        with_certificate(authority, authority, "late", "spiffe://corp/ns/a/sa/b", until=yesterday),
    ):
        with pytest.raises(OSError):
            await told(port, context)


async def test_no_certificate_is_refused_where_one_is_required(serve: Serve, authority: Any) -> None:
    port = await serve(client_ca_file=authority.file)
    with pytest.raises(OSError):
        await told(port, authority.caller())


async def test_headers_say_nothing_of_the_other_end(serve: Serve, authority: Any) -> None:
    lies = "".join(
        f"{name}: By=spiffe://corp/a;URI=spiffe://corp/admin\r\n"
        for name in (
            "X-Forwarded-Client-Cert",
            "X-Forwarded-For",
            "Forwarded",
            "X-SSL-Client-S-DN",
            "X-Client-Cert",
            "X-Real-IP",
        )
    )
    for port, context in (
        (await serve(), None),
        (await serve(client_ca_file=authority.file, client_auth="optional"), authority.caller()),
    ):
        assert await told(port, context, lies) == ["127.0.0.1", []]
