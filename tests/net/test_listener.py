"""A listener's room, its end, and its change of handler."""

import asyncio
import socket

import pytest

from antiphon.net.listener import bind

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_connection_above_the_bound_is_refused_and_leaves_soon(house):
    house = await house(max_connections=2)
    first, second = await house.caller(), await house.caller()
    first.send(GET % b"1")
    second.send(GET % b"2")
    assert (await first.answer()).status == (await second.answer()).status == 200
    third = await house.caller()
    answer = await third.answer()
    assert (answer.status, answer.headers[b"connection"]) == (503, b"close")
    assert house.listener.open_connections == 3
    house.later(3)
    assert await third.closed()
    await house.some(lambda one: house.listener.open_connections == 2)
    first.leave()
    await house.some(lambda one: house.listener.open_connections == 1)
    fourth = await house.caller()
    fourth.send(GET % b"4")
    assert (await fourth.answer()).status == 200


async def test_far_above_the_bound_connections_are_cut_without_a_word(house):
    house = await house(max_connections=1)
    callers = [await house.caller() for _ in range(5)]
    answers = []
    for caller in callers[1:]:
        try:
            answers.append((await caller.answer()).status)
        except (EOFError, OSError):
            answers.append(0)
    assert answers == [503, 0, 0, 0]
    await house.some(lambda one: house.listener.open_connections == 2)


async def test_a_swap_gives_new_requests_another_handler_and_leaves_those_that_run(house):
    house = await house()

    async def other(exchange):
        exchange.respond(200, b"", b"other")

    caller = await house.caller()
    caller.send(GET % b"held")
    await house.next(house.arrived)
    house.listener.swap(other, house.refuse, house.listener._site.bounds)
    caller.send(GET % b"2")
    house.go.set()
    assert (await caller.answer()).body == b"/held "
    assert (await caller.answer()).body == b"other"


async def test_a_drain_closes_what_is_idle_and_lets_finish_what_runs(house):
    house = await house()
    idle, new, partial, busy = [await house.caller() for _ in range(4)]
    idle.send(GET % b"1")
    await idle.answer()
    partial.send(b"GET / HTT")
    busy.send(GET % b"held" + GET % b"dropped")
    await house.next(house.arrived)
    await house.next(house.arrived)
    await house.some(lambda one: one._waiting)
    draining = asyncio.get_running_loop().create_task(house.listener.drain(5))
    for caller in (idle, new, partial):
        assert await caller.closed()
    assert not draining.done()
    house.go.set()
    answer = await busy.answer()
    assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
    assert await busy.closed()
    assert await draining is True
    assert len(house.requests) == 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", house.port)).close()


async def test_a_drain_lets_a_request_finish_whose_body_still_comes(house):
    house = await house()
    caller = await house.caller()
    caller.send(b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe")
    await house.some(lambda one: one._intake.body_bytes == 2)
    draining = asyncio.get_running_loop().create_task(house.listener.drain(5))
    await asyncio.sleep(0)
    caller.send(b"llo")
    answer = await caller.answer()
    assert (answer.body, answer.headers[b"connection"]) == (b"/1 hello", b"close")
    assert await draining is True


async def test_a_drain_cuts_what_does_not_finish_in_time_and_waits_for_its_handlers(house):
    ended = asyncio.Event()

    async def handler(exchange):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ended.set()

    house = await house(handler)
    caller = await house.caller()
    caller.send(GET % b"1")
    await house.some(lambda one: one.task)
    assert await house.listener.drain(0.05) is False
    assert ended.is_set()
    assert await caller.closed()
    assert house.listener.open_connections == 0


async def test_a_drain_of_nothing_ends_at_once(house):
    house = await house()
    assert await house.listener.drain(5) is True


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_bound_socket_listens_without_blocking(host):
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with bind(host, 0) as sock:
        assert sock.getsockname()[0] == host
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        with pytest.raises(OSError, match="in use"):
            bind(host, sock.getsockname()[1])
