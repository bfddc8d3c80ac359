"""A connection goes on as a WebSocket: from the listener's side, and from the client's."""

import asyncio

import pytest
from websockets.asyncio.server import serve

from antiphon.core.deployment import Timeouts
from antiphon.core.error import UpstreamBroken, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.ports import Origin, Outbound
from antiphon.net.egress import Egress
from antiphon.net.frames import Opcode, frame
from antiphon.net.switch import Refused, Switched, switch
from antiphon.net.websocket import WebSocket, accept_of

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ASK = (
    b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)


def test_the_handshakes_proof_is_that_of_the_standard() -> None:
    assert accept_of(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class Echo:
    """Says every message again."""

    def __init__(self, exchange) -> None:
        self.ended_with: list = []
        self.drained = asyncio.Event()
        self.over = asyncio.Event()
        self.socket = WebSocket(exchange.transport, self, masks=False, most_bytes=1000, now=lambda: 0.0)
        self.feed = self.socket.feed

    def drain(self) -> None:
        self.drained.set()
        self.socket.close(1001)

    def message(self, opcode, payload) -> None:
        self.socket.send(opcode, payload)

    def ended(self, code, reason) -> None:
        self.ended_with.append((code, reason))
        self.over.set()


@pytest.fixture
async def echoing(house):
    """A listener that switches at `/ws`, and its sockets."""
    echoes: list[Echo] = []

    async def handler(exchange) -> None:
        if not exchange.websocket or exchange.path != b"/ws":
            exchange.respond(200, b"", b"plain")
            return
        echoes.append(Echo(exchange))
        exchange.switch(b"x-own: 1\r\n", echoes[-1])
        await echoes[-1].over.wait()
        exchange.end()

    one = await house(handler)
    return one, echoes


async def test_bytes_behind_the_request_are_the_sockets(echoing) -> None:
    one, echoes = echoing
    caller = await one.caller()
    caller.send(ASK % b"/ws" + frame(Opcode.TEXT, b"early", masks=True))
    said = await caller.answer(head_only=True)
    assert (said.status, said.headers[b"x-own"]) == (101, b"1")
    caller.send(frame(Opcode.TEXT, b"late", masks=True) + frame(Opcode.CLOSE, b"\x03\xe8", masks=True))
    expected = [frame(Opcode.TEXT, text, masks=False) for text in (b"early", b"late")]
    assert await caller.rest() == b"".join(expected) + frame(Opcode.CLOSE, b"\x03\xe8", masks=False)
    assert echoes[0].ended_with == [(1000, "")]


async def test_one_that_is_not_switched_has_its_answer_and_its_end(echoing) -> None:
    one, _ = echoing
    caller = await one.caller()
    caller.send(ASK % b"/other")
    assert (await caller.answer()).status == 200
    assert await caller.closed()


async def test_a_caller_that_goes_ends_the_handler(echoing) -> None:
    one, echoes = echoing
    caller = await one.caller()
    caller.send(ASK % b"/ws")
    await caller.answer(head_only=True)
    caller.leave(rudely=True)
    await one.empty()
    assert echoes[0].ended_with == []


async def test_a_drain_is_told_to_the_socket(echoing) -> None:
    one, echoes = echoing
    caller = await one.caller()
    caller.send(ASK % b"/ws")
    await caller.answer(head_only=True)
    draining = asyncio.ensure_future(one.listener.drain(20.0))
    await echoes[0].drained.wait()
    caller.send(frame(Opcode.CLOSE, b"\x03\xe9", masks=True))
    assert await draining
    assert await caller.rest() == frame(Opcode.CLOSE, b"\x03\xe9", masks=False)


async def test_too_much_before_the_switch_is_refused(house) -> None:
    one = await house()
    caller = await one.caller()
    caller.send(ASK % b"/held")
    await one.next(one.arrived)
    caller.send(b"a" * 70_000)
    one.go.set()
    assert (await caller.answer()).status == 200
    assert await caller.closed()


# --- the client's side


def asked(port: int, **timeouts: float) -> Outbound:
    head = b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: up\r\n"
    origin = Origin(host="127.0.0.1", port=port)
    return Outbound(origin=origin, head=head, body=(), size_bytes=0, timeouts=Timeouts(**timeouts))


class Heard:
    def __init__(self) -> None:
        self.messages: asyncio.Queue = asyncio.Queue()

    def message(self, opcode, payload) -> None:
        self.messages.put_nowait((opcode, payload))

    def ended(self, code, reason) -> None:
        self.messages.put_nowait((code, reason))


async def test_a_real_server_is_spoken_to() -> None:
    async def echo(connection) -> None:
        await connection.send("hello")
        async for message in connection:
            await connection.send(message)

    async with serve(echo, "127.0.0.1", 0) as server:
        connection = await switch(asked(server.sockets[0].getsockname()[1]), Egress())
        assert isinstance(connection, Switched)
        heard = Heard()
        socket = WebSocket(connection.transport, heard, masks=True, most_bytes=1 << 20, now=lambda: 0.0)

        class Sink:
            feed = socket.feed
            drain = socket.lost

        connection.begin(Sink(), lambda on: None)
        assert await heard.messages.get() == (Opcode.TEXT, b"hello")
        long = b"x" * 300_000
        socket.send(Opcode.BINARY, long)
        assert await heard.messages.get() == (Opcode.BINARY, long)
        socket.close(1000)
        assert await heard.messages.get() == (1000, "")
        connection.transport.close()


ANSWERS = {
    "a refusal": (b"HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno", (401, b"no")),
    "one that ends with its connection": (b"HTTP/1.1 500 No\r\n\r\nno", (500, b"no")),
    "no proof": (b"HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", UpstreamMalformed),
    "no HTTP": (b"SSH-2.0-x\r\n", UpstreamMalformed),
    "nothing": (b"", UpstreamBroken),
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
async def test_what_is_no_switch_is_told(upstreams, answer: bytes, expected) -> None:
    async def script(peer) -> None:
        await peer.until(b"\r\n\r\n")
        peer.send(answer)
        peer.close()

    one = await upstreams(script)
    if isinstance(expected, tuple):
        said = await switch(asked(one.port), Egress())
        assert isinstance(said, Refused)
        assert (said.status, said.body) == expected
    else:
        with pytest.raises(expected):
            await switch(asked(one.port), Egress())


async def test_silence_and_nobody_there_are_told(upstreams) -> None:
    async def silent(peer) -> None:
        await peer.gone()

    one = await upstreams(silent)
    with pytest.raises(UpstreamTimeout, match="no answer"):
        await switch(asked(one.port, first_byte_s=0.05), Egress())
    with pytest.raises(UpstreamUnreachable) as refused:
        await switch(asked(1), Egress())
    assert (refused.value.message, refused.value.connected) == ("no connection could be made", False)
