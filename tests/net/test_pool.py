"""How connections are kept, shared and waited for."""

import asyncio
import time

import pytest

from antiphon.core.error import OverLimit, StaleConnection, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from antiphon.net import pool as pool_module
from antiphon.net.listener import bind

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def serves(peer):
    while True:
        await peer.request()
        peer.send(OK)


class Gate:
    """Answers when it is told to, in the order in which requests came."""

    def __init__(self):
        self.asked = asyncio.Queue()

    async def script(self, peer):
        while True:
            _, body = await peer.request()
            self.asked.put_nowait((peer, body))

    async def next(self):
        async with asyncio.timeout(5):
            return await self.asked.get()


def start(awaitable):
    return asyncio.get_running_loop().create_task(awaitable)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def then(connection, action) -> None:
    """Do something in the very turn in which the pool gets its connection back."""
    free = connection._on_free

    def freed(one, reusable):
        connection._on_free = free
        free(one, reusable)
        action()

    connection._on_free = freed


def pool(up):
    (one,) = up.client._pools.values()
    return one


async def test_the_connection_used_last_goes_out_first(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    both = [start(up.whole(body)) for body in (b"1", b"2")]
    peers = dict([(await gate.next())[::-1] for _ in both])
    peers[b"1"].send(OK)
    await both[0]
    peers[b"2"].send(OK)
    await both[1]
    third = start(up.whole(b"3"))
    peer, _ = await gate.next()
    assert peer is peers[b"2"]
    peer.send(OK)
    await third
    await up.nothing_left(open_connections=2)


async def test_a_connection_that_lay_idle_too_long_is_closed(upstreams):
    up = await upstreams(serves)
    await up.whole()
    up.client.sweep(time.perf_counter() + pool_module.IDLE_S - 5)
    await up.nothing_left(open_connections=1)
    up.client.sweep(time.perf_counter() + pool_module.IDLE_S + 5)
    await up.nothing_left()
    await up.peers[0].gone()


async def test_no_more_connections_are_opened_than_allowed_and_the_others_wait_in_line(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=2)
    answered = []

    async def call(body):
        answer = await up.client.send(up.outbound(body, origin))
        await answer.read(100)
        answered.append((body, answer.queue_us > 0, answer.connect_us is not None))

    calls = [start(call(b"%d" % number)) for number in range(6)]
    asked = dict([(await gate.next())[::-1] for _ in range(2)])
    for number in range(6):
        if number > 1:
            asked.update([(await gate.next())[::-1]])
        peer = asked.pop(b"%d" % number)
        assert len(up.peers) <= 2
        assert up.client.open_connections <= 2
        peer.send(OK)
    await asyncio.gather(*calls)
    assert answered == [
        (b"0", False, True),
        (b"1", False, True),
        *[(b"%d" % number, True, False) for number in range(2, 6)],
    ]
    assert len(up.peers) == 2


async def test_connections_being_opened_count(upstreams):
    up = await upstreams(serves)
    origin = up.origin(connections=3)
    assert await asyncio.gather(*[up.whole(origin=origin) for _ in range(50)]) == [b"ok"] * 50
    assert len(up.peers) == 3


async def test_a_waiter_that_is_cancelled_leaves_the_line(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first, second, third = [start(up.whole(b"%d" % number, origin=origin)) for number in (1, 2, 3)]
    peer, _ = await gate.next()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert len(pool(up)._waiting) == 1
    peer.send(OK)
    await first
    assert (await gate.next())[1] == b"3"
    peer.send(OK)
    await third
    await up.nothing_left(open_connections=1)


async def test_a_waiter_that_is_cancelled_with_a_connection_in_hand_passes_it_on(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first, second, third = [start(up.whole(b"%d" % number, origin=origin)) for number in (1, 2, 3)]
    peer, _ = await gate.next()
    then(*pool(up).connections, second.cancel)
    peer.send(OK)
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await gate.next())[1] == b"3"
    peer.send(OK)
    await third
    await up.nothing_left(open_connections=1)


async def test_a_waiter_that_is_cancelled_with_leave_to_open_passes_it_on(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first, second, third = [start(up.whole(b"%d" % number, origin=origin)) for number in (1, 2, 3)]
    peer, _ = await gate.next()
    then(*pool(up).connections, second.cancel)
    peer.close()
    with pytest.raises(UpstreamError):
        await first
    with pytest.raises(asyncio.CancelledError):
        await second
    peer, body = await gate.next()
    assert body == b"3"
    peer.send(OK)
    await third
    await up.nothing_left(open_connections=1)
    assert len(up.peers) == 2


async def test_a_waiter_waits_no_longer_than_it_may(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first = start(up.whole(origin=origin))
    peer, _ = await gate.next()
    with pytest.raises(UpstreamTimeout, match=r"no connection to 127\.0\.0\.1:\d+ within 0\.05 s"):
        await up.send(origin=origin, connect_s=0.05)
    assert not pool(up)._waiting
    peer.send(OK)
    await first
    await up.nothing_left(open_connections=1)


async def test_the_line_has_an_end(upstreams, monkeypatch):
    monkeypatch.setattr(pool_module, "QUEUE_LENGTH", 2)
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    calls = [start(up.whole(origin=origin)) for _ in range(3)]
    peer, _ = await gate.next()
    with pytest.raises(OverLimit) as caught:
        await up.send(origin=origin)
    assert caught.value.retry_after_s
    for number in range(3):
        peer.send(OK)
        await calls[number]
        if number < 2:
            await gate.next()


async def test_a_connection_handed_over_dead_is_stale(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first, second = [start(up.whole(b"%d" % number, origin=origin)) for number in (1, 2)]
    peer, _ = await gate.next()
    (connection,) = pool(up).connections
    then(connection, connection.transport.abort)
    peer.send(OK)
    await first
    with pytest.raises(StaleConnection):
        await second
    await up.nothing_left()


async def test_a_connection_that_breaks_lets_the_next_in_line_open_one(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first, second = [start(up.whole(b"%d" % number, origin=origin)) for number in (1, 2)]
    peer, _ = await gate.next()
    peer.reset()
    with pytest.raises(UpstreamError):
        await first
    peer, body = await gate.next()
    assert body == b"2"
    peer.send(OK)
    assert await second == b"ok"


async def test_a_connection_that_can_not_be_opened_lets_the_next_in_line_try(upstreams):
    up = await upstreams(serves)
    with bind("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
    origin = up.origin(port=port, connections=1)
    results = await asyncio.gather(*[up.send(origin=origin) for _ in range(5)], return_exceptions=True)
    assert {type(result) for result in results} == {UpstreamUnreachable}
    assert pool(up).empty


async def test_leave_to_open_is_not_taken_by_who_comes_later(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first, second = [start(up.whole(b"%d" % number, origin=origin)) for number in (1, 2)]
    peer, _ = await gate.next()
    late = []
    (connection,) = pool(up).connections
    free = connection._on_free
    connection._on_free = lambda one, reusable: (
        late.append(start(up.whole(b"3", origin=origin))),
        free(one, reusable),
    )
    peer.close()
    with pytest.raises(UpstreamError):
        await first
    for expected in (b"2", b"3"):
        peer, body = await gate.next()
        assert body == expected
        assert up.client.open_connections == 1
        peer.send(OK)
    await second
    await late[0]
    assert len(up.peers) == 2


async def test_a_fresh_connection_takes_the_room_of_the_oldest_idle_one(upstreams):
    up = await upstreams(serves)
    origin = up.origin(connections=2)
    await asyncio.gather(up.whole(origin=origin), up.whole(origin=origin))
    await up.nothing_left(open_connections=2)
    oldest = next(iter(pool(up)._idle))
    assert await up.whole(origin=origin, fresh=True) == b"ok"
    assert oldest.dead
    assert len(up.peers) == 3
    await up.nothing_left(open_connections=2)


async def test_a_fresh_connection_waits_in_line_when_all_are_at_work(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    first = start(up.whole(b"1", origin=origin))
    peer, _ = await gate.next()
    second = start(up.whole(b"2", origin=origin, fresh=True))
    await turns()
    assert len(up.peers) == 1
    peer.send(OK)
    await first
    await gate.next()
    peer.send(OK)
    await second
    assert len(up.peers) == 1


async def test_origins_that_differ_share_nothing(upstreams):
    up = await upstreams(serves)
    await up.whole(origin=up.origin(connections=1))
    await up.whole(origin=up.origin(connections=2))
    assert len(up.peers) == 2


async def test_what_no_configuration_names_is_not_kept(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    other = await upstreams(serves)
    await other.whole()
    calls = [start(up.whole(body)) for body in (b"1", b"2")]
    asked = dict([(await gate.next())[::-1] for _ in calls])
    first, second = asked[b"1"], asked[b"2"]
    first.send(OK)
    await calls[0]
    up.client.retain({other.origin()})
    await first.gone()
    assert not second.lost.is_set()
    second.send(OK)
    assert await calls[1] == b"ok"
    await second.gone()
    up.client.sweep(time.perf_counter())
    assert up.client._pools.keys() == {other.origin()}
    assert up.client.idle_connections == 1


async def test_an_origin_that_is_named_again_is_kept_again(upstreams):
    up = await upstreams(serves)
    await up.whole()
    up.client.retain(set())
    up.client.retain({up.origin()})
    await up.whole()
    await up.nothing_left(open_connections=1)


async def test_a_closed_client_cuts_what_runs_and_opens_nothing(upstreams):
    gate = Gate()
    up = await upstreams(gate.script)
    origin = up.origin(connections=1)
    calls = [start(up.whole(origin=origin)) for _ in range(3)]
    await gate.next()
    up.client.close()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, UpstreamError) for result in results)
    with pytest.raises(UpstreamUnreachable):
        await up.send()
    assert len(up.peers) == 1
    assert up.client.open_connections == 0
