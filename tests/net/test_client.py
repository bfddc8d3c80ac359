"""Calls that are given up at every point, and bodies that are long."""

import asyncio
import socket

import pytest

from antiphon.core.error import UpstreamError, UpstreamTimeout, UpstreamUnreachable

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def start(awaitable):
    return asyncio.get_running_loop().create_task(awaitable)


async def hang(peer):
    await asyncio.Event().wait()


async def begin(peer):
    await peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok")


async def cancelled(task) -> None:
    task.cancel()
    async with asyncio.timeout(0.05):
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_request_goes_out_as_it_is_with_its_length(upstreams):
    seen = []

    async def script(peer):
        while True:
            seen.append(await peer.request())
            peer.send(OK)

    up = await upstreams(script)
    for body in (b"", b"hello", b"x" * 65_536, b"y" * 1_000_001):
        assert await up.whole(body) == b"ok"
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: up\r\ncontent-length: %d\r\n\r\n" % len(body)
        assert seen[-1] == (head, body)
    assert len(up.peers) == 1


async def test_a_body_in_pieces_is_sent_in_order(upstreams):
    seen = []

    async def script(peer):
        while True:
            seen.append(await peer.request())
            peer.send(OK)

    up = await upstreams(script)
    for pieces in ((b"he", b"", b"llo"), (b"a" * 70_000, b"b", b"c" * 200_000)):
        outbound = up.outbound(b"".join(pieces))
        outbound = type(outbound)(
            **{name: getattr(outbound, name) for name in ("origin", "head", "size_bytes", "timeouts")}, body=pieces
        )
        assert await (await up.client.send(outbound)).read(10) == b"ok"
        assert seen[-1][1] == b"".join(pieces)


# --- given up


async def test_a_call_given_up_while_it_connects_leaves_nothing(upstreams):
    up = await upstreams(hang)
    with socket.socket() as full:  # a listener with no room: connecting to it hangs
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        origin = up.origin(port=full.getsockname()[1])
        call = start(up.client.send(up.outbound(origin=origin)))
        await asyncio.sleep(0.02)
        assert not call.done()
        await cancelled(call)
        with pytest.raises(UpstreamTimeout, match=r"within 0\.05 s"):
            await up.send(origin=origin, connect_s=0.05)
        for one in fillers:
            one.close()
    await up.nothing_left()


async def test_a_call_given_up_before_the_head_closes_its_connection(upstreams):
    up = await upstreams(hang)
    call = start(up.client.send(up.outbound()))
    peer = await up.peer()
    await peer.request()
    await cancelled(call)
    async with asyncio.timeout(0.05):
        await peer.lost.wait()
    await up.nothing_left()


async def test_a_call_given_up_while_its_long_body_is_sent_closes_its_connection(upstreams):
    async def script(peer):
        peer.transport.pause_reading()
        await asyncio.Event().wait()

    up = await upstreams(script, small=True)
    call = start(up.client.send(up.outbound(b"x" * 50_000_000)))
    peer = await up.peer()
    await asyncio.sleep(0.02)
    assert not call.done()
    await cancelled(call)
    peer.transport.resume_reading()
    await peer.gone()
    await up.nothing_left()


@pytest.mark.parametrize("how", ["read", "relay"])
async def test_a_call_given_up_amid_the_body_closes_its_connection(upstreams, how):
    up = await upstreams(begin)
    answer = await up.send()
    got = asyncio.Event()
    taking = start(answer.relay(lambda piece: got.set()) if how == "relay" else answer.read(100))
    if how == "relay":
        async with asyncio.timeout(1):
            await got.wait()
    else:
        await asyncio.sleep(0)
    await cancelled(taking)
    async with asyncio.timeout(0.05):
        await up.peers[0].lost.wait()
    await up.nothing_left()


async def test_a_call_given_up_in_the_turn_of_its_answer_leaves_nothing_half(upstreams):
    up = await upstreams(hang)
    call = start(up.client.send(up.outbound()))
    peer = await up.peer()
    await peer.request()
    peer.send(OK)
    (pool,) = up.client._pools.values()
    (connection,) = pool.connections
    free = connection._on_free
    connection._on_free = lambda one, reusable: (free(one, reusable), call.cancel())
    with pytest.raises(asyncio.CancelledError):
        await call
    await up.nothing_left(open_connections=1)
    again = start(up.whole())
    assert (await peer.request())[1] == b"hello"
    peer.send(OK)
    assert await again == b"ok"


# --- long bodies


async def test_a_long_body_is_sent_no_faster_than_it_is_taken_and_others_proceed(upstreams):
    size = 20_000_000
    go = asyncio.Event()

    async def slow(peer):
        peer.transport.pause_reading()
        await go.wait()
        peer.transport.resume_reading()
        _, body = await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n%08d" % len(body))

    async def quick(peer):
        while True:
            await peer.request()
            peer.send(OK)

    long, short = await upstreams(slow, small=True), await upstreams(quick)
    call = start(long.whole(b"x" * size))
    await long.peer()
    for _ in range(50):
        assert await short.whole() == b"ok"
    (connection,) = next(pool for origin, pool in long.client._pools.items() if origin == long.origin()).connections
    assert connection.transport.get_write_buffer_size() < 1_000_000
    go.set()
    assert await call == b"%08d" % size


async def test_the_loop_runs_on_while_a_long_body_goes_out(upstreams):
    async def script(peer):
        await peer.request()
        peer.send(OK)

    up = await upstreams(script)
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = start(count())
    assert await up.whole(b"x" * 20_000_000) == b"ok"
    counting.cancel()
    assert turns > 30


async def test_a_slow_but_steady_taker_has_its_time_renewed(upstreams):
    async def script(peer):
        head = await peer.until(b"\r\n\r\n")
        assert b"content-length: 30000000\r\n" in head
        for _ in range(30):
            peer.transport.pause_reading()
            await asyncio.sleep(0.02)
            peer.transport.resume_reading()
            await peer.take(1_000_000)
        peer.send(OK)

    up = await upstreams(script, small=True)
    assert await up.whole(b"x" * 30_000_000, first_byte_s=0.3) == b"ok"


async def test_an_early_refusal_is_read_though_the_body_is_not_taken(upstreams):
    async def script(peer):
        await peer.until(b"\r\n\r\n")
        peer.transport.pause_reading()
        peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nlong")

    up = await upstreams(script, small=True)
    answer = await up.send(b"x" * 50_000_000)
    assert answer.status == 413
    assert await answer.read(100) == b"long"
    await up.nothing_left()


async def test_an_early_answer_that_refuses_nothing_waits_for_the_body_to_be_sent(upstreams):
    sizes = []

    async def script(peer):
        head = await peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
        sizes.append(len(await peer.take(int(head.split(b"content-length: ")[1]))))
        peer.send(b"k")

    up = await upstreams(script)
    assert await up.whole(b"x" * 5_000_000) == b"ok"
    assert sizes == [5_000_000]


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_an_upstream_that_leaves_while_a_long_body_is_sent_is_broken(upstreams, how):
    async def script(peer):
        await peer.until(b"\r\n\r\n")
        getattr(peer, how)()

    up = await upstreams(script, small=True)
    with pytest.raises(UpstreamError):
        await up.send(b"x" * 50_000_000)
    await up.nothing_left()


# --- no connection


async def test_an_upstream_that_does_not_listen_is_unreachable(upstreams):
    up = await upstreams(hang)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with pytest.raises(UpstreamUnreachable, match=rf"no connection to 127\.0\.0\.1:{port}: .*refused") as caught:
            await up.send(origin=up.origin(port=port))
    assert str(port) in caught.value.noted
    assert caught.value.message == "no connection could be made"


@pytest.mark.parametrize("host", ["name.invalid", "x" * 64 + ".example", "a..b"])
async def test_a_name_that_can_not_be_resolved_is_said_to_be_so(upstreams, host):
    up = await upstreams(hang)
    with pytest.raises(UpstreamUnreachable, match="the name can't be resolved"):
        await up.send(origin=up.origin(host=host))
