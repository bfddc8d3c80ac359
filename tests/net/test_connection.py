"""One connection of the listener: order, ends, callers who leave, stall or are slow."""

import asyncio
import gc
import re
import time

import pytest

from antiphon.net.connection import Connection
from antiphon.net.exchange import Exchange
from antiphon.net.intake import BODY, HEAD, Intake
from antiphon.net.settings import Bounds
from antiphon.net.site import Site

GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
HELD = GET % b"/held"


def get(path: bytes, *lines: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    return b"".join(
        (method, b" ", path, b" HTTP/", version, b"\r\nHost: x\r\n", *(line + b"\r\n" for line in lines), b"\r\n")
    )


# --- order


async def test_a_connection_serves_one_request_after_another(house):
    house = await house()
    caller = await house.caller()
    for number in range(20):
        caller.send(get(b"/%d" % number))
        answer = await caller.answer()
        assert (answer.status, answer.body) == (200, b"/%d " % number)
        assert b"connection" not in answer.headers
        assert b"date" in answer.headers
    assert house.listener.open_connections == 1


async def test_pipelined_requests_are_answered_in_order_and_run_one_at_a_time(house):
    running = most = 0

    async def handler(exchange):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        exchange.respond(200, b"", exchange.path)

    house = await house(handler)
    caller = await house.caller()
    caller.send(b"".join(get(b"/%d" % number) for number in range(17)))
    assert [(await caller.answer()).body for _ in range(17)] == [b"/%d" % number for number in range(17)]
    assert most == 1


async def test_pipelined_requests_above_the_bound_are_refused_behind_those_that_wait(house):
    house = await house(max_pipelined=2)
    caller = await house.caller()
    caller.send(HELD + get(b"/1") + get(b"/2") + get(b"/3") + get(b"/4"))
    await house.next(house.arrived)
    house.go.set()
    answers = [await caller.answer() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers.get(b"connection") for answer in answers] == [None, None, None, b"close"]
    assert await caller.closed()
    assert [target for _, target, _ in house.requests] == [b"/held", b"/1", b"/2"]


async def test_pipelined_bodies_above_the_bound_are_refused(house):
    house = await house(max_body_bytes=1024)
    caller = await house.caller()
    big = get(b"/big", b"Content-Length: 600", method=b"POST") + b"x" * 600
    caller.send(HELD + big + big)
    await house.next(house.arrived)
    house.go.set()
    assert [(await caller.answer()).status for _ in range(3)] == [200, 200, 429]


async def test_pipelined_bodies_count_only_while_they_wait(house):
    house = await house(max_body_bytes=1024)
    caller = await house.caller()
    big = get(b"/big", b"Content-Length: 600", method=b"POST") + b"x" * 600
    for _ in range(5):
        caller.send(HELD + big)
        await house.next(house.arrived)
        house.go.set()
        assert [(await caller.answer()).status for _ in range(2)] == [200, 200]
        house.go.clear()
        await house.next(house.arrived)


@pytest.mark.parametrize(
    ("status", "faulty"),
    [
        (400, b"rubbish\r\n\r\n"),
        (413, get(b"/", b"Content-Length: 999999999", method=b"POST")),
        (417, get(b"/", b"Expect: more")),
        (501, get(b"/", method=b"TRACE")),
    ],
)
@pytest.mark.parametrize("waiting", [0, 1])
async def test_a_refusal_comes_behind_the_answers_to_the_requests_before_it(house, status, faulty, waiting):
    house = await house()
    caller = await house.caller()
    caller.send(HELD + get(b"/1") * waiting + faulty + get(b"/2"))
    await house.next(house.arrived)
    house.go.set()
    answers = [await caller.answer() for _ in range(2 + waiting)]
    assert [answer.status for answer in answers] == [*[200] * (1 + waiting), status]
    assert await caller.closed()
    assert len(house.requests) == 1 + waiting


async def test_nothing_is_served_behind_a_request_that_says_close(house):
    house = await house()
    caller = await house.caller()
    caller.send(get(b"/1", b"Connection: close") + get(b"/2"))
    answer = await caller.answer()
    assert (answer.body, answer.headers[b"connection"]) == (b"/1 ", b"close")
    assert await caller.closed()
    assert len(house.requests) == 1


# --- versions and methods


@pytest.mark.parametrize("lines", [(), (b"Connection: keep-alive",)])
async def test_an_answer_to_http_1_0_ends_with_its_connection(house, lines):
    house = await house()
    caller = await house.caller()
    caller.send(get(b"/old", *lines, version=b"1.0"))
    answer = await caller.answer()
    assert (answer.body, answer.headers[b"connection"]) == (b"/old ", b"close")
    assert await caller.closed()


async def test_http_1_0_needs_no_host(house):
    house = await house()
    caller = await house.caller()
    caller.send(b"GET /old HTTP/1.0\r\n\r\n")
    assert (await caller.answer()).status == 200


async def test_a_stream_to_http_1_0_has_no_chunks(house):
    house = await house()
    caller = await house.caller()
    caller.send(get(b"/stream", version=b"1.0"))
    answer = await caller.answer()
    assert answer.body == b"/stream"
    assert b"transfer-encoding" not in answer.headers


async def test_head_is_answered_without_a_body(house):
    house = await house()
    caller = await house.caller()
    caller.send(get(b"/1", method=b"HEAD") + get(b"/stream", method=b"HEAD") + get(b"/2"))
    first = await caller.answer(head_only=True)
    second = await caller.answer(head_only=True)
    assert first.headers[b"content-length"] == b"3"
    assert second.headers[b"transfer-encoding"] == b"chunked"
    assert (await caller.answer()).body == b"/2 "


# --- Expect


async def test_a_caller_that_waits_to_send_its_body_is_told_to(house):
    house = await house()
    caller = await house.caller()
    caller.send(get(b"/1", b"Expect: 100-Continue", b"Content-Length: 5", method=b"POST"))
    assert (await caller.answer()).status == 100
    caller.send(b"hello")
    assert (await caller.answer()).body == b"/1 hello"


async def test_a_caller_that_waits_behind_a_running_request_is_told_after_its_answer(house):
    house = await house()
    caller = await house.caller()
    caller.send(HELD + get(b"/1", b"Expect: 100-continue", b"Transfer-Encoding: chunked", method=b"POST"))
    await house.next(house.arrived)
    house.go.set()
    assert (await caller.answer()).body == b"/held "
    assert (await caller.answer()).status == 100
    caller.send(b"5\r\nhello\r\n0\r\n\r\n" + HELD + get(b"/2") + get(b"/3"))
    for body in (b"/1 hello", b"/held ", b"/2 ", b"/3 "):
        assert (await caller.answer()).body == body


async def test_a_caller_that_did_not_wait_for_the_invitation_gets_none(house):
    house = await house()
    caller = await house.caller()
    caller.send(HELD + get(b"/1", b"Expect: 100-continue", b"Content-Length: 5", method=b"POST"))
    await house.next(house.arrived)
    caller.send(b"hello")
    await house.some(lambda one: one._waiting)
    house.go.set()
    assert (await caller.answer()).body == b"/held "
    assert (await caller.answer()).body == b"/1 hello"
    caller.send(get(b"/2"))
    assert (await caller.answer()).body == b"/2 "


@pytest.mark.parametrize(
    "data",
    [
        get(b"/1", b"Expect: 100-continue"),
        get(b"/1", b"Expect: 100-continue", b"Content-Length: 1", version=b"1.0", method=b"POST") + b"x",
    ],
)
async def test_nobody_is_told_to_send_a_body_that_does_not_exist_or_to_an_old_caller(house, data):
    house = await house()
    caller = await house.caller()
    caller.send(data)
    assert (await caller.answer()).status == 200


# --- callers who leave


@pytest.mark.parametrize("how", ["closes", "resets", "half-closes"])
async def test_a_caller_who_leaves_has_its_request_cancelled_at_once(house, how):
    house = await house()
    caller = await house.caller()
    caller.send(HELD)
    exchange = await house.next(house.arrived)
    if how == "half-closes":
        caller.half_close()
    else:
        caller.leave(rudely=how == "resets")
    async with asyncio.timeout(0.05):
        assert await house.cancelled.get() is exchange
    assert exchange.gone
    await house.empty()


async def test_a_caller_who_leaves_amid_a_stream_has_it_cancelled(house):
    cancelled = asyncio.Event()

    async def handler(exchange):
        exchange.begin(200, b"")
        try:
            while True:
                exchange.write(b"x" * 100)
                await asyncio.sleep(0)
        finally:
            cancelled.set()

    house = await house(handler)
    caller = await house.caller()
    caller.send(HELD)
    await caller._exactly(1000)
    caller.leave()
    async with asyncio.timeout(0.05):
        await cancelled.wait()
    await house.empty()


async def test_a_caller_who_leaves_while_others_wait_behind_it_runs_none_of_them(house):
    house = await house()
    caller = await house.caller()
    caller.send(HELD + get(b"/1") + get(b"/2"))
    await house.next(house.arrived)
    caller.leave()
    await house.next(house.cancelled)
    await house.empty()
    assert len(house.requests) == 1


async def test_what_a_handler_writes_for_a_caller_who_left_is_dropped(house):
    done = asyncio.Event()

    async def handler(exchange):
        try:
            await asyncio.Event().wait()
        finally:
            exchange.begin(200, b"")
            exchange.write(b"x")
            await exchange.drained()
            exchange.end(b"y")
            done.set()

    house = await house(handler)
    caller = await house.caller()
    caller.send(HELD)
    await house.some(lambda one: one.task)
    caller.leave()
    async with asyncio.timeout(1):
        await done.wait()


async def test_a_handler_may_write_in_the_turn_in_which_its_connection_is_cut(house):
    written = asyncio.Event()

    async def handler(exchange):
        exchange.begin(200, b"")
        exchange._side.transport.abort()
        exchange.write(b"x")
        exchange.end(b"y")
        written.set()

    house = await house(handler)
    caller = await house.caller()
    caller.send(HELD)
    async with asyncio.timeout(1):
        await written.wait()
    assert await caller.closed()


async def test_a_caller_who_half_closes_and_reads_nothing_has_its_request_cancelled_at_once(house):
    cancelled = asyncio.Event()

    async def handler(exchange):
        exchange.begin(200, b"")
        exchange.write(b"x" * 50_000)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    house = await house(handler, small=True)
    caller = await house.caller(most_bytes=2048)
    caller.send(GET % b"/")
    await house.some(lambda one: one.transport.get_write_buffer_size())
    caller.half_close()
    async with asyncio.timeout(0.05):
        await cancelled.wait()


async def test_a_caller_who_half_closes_and_never_takes_its_answer_is_cut(house):
    async def handler(exchange):
        exchange.respond(200, b"", b"x" * 50_000)

    house = await house(handler, small=True, send_timeout_s=10)
    caller = await house.caller(most_bytes=2048)
    caller.send(GET % b"/")
    await house.some(lambda one: one.transport.get_write_buffer_size())
    caller.half_close()
    await house.some(lambda one: one.transport.is_closing())
    house.later(9)
    assert house.listener.open_connections == 1
    house.later(11)
    await house.empty()


async def test_a_handler_that_has_answered_goes_on_without_its_caller(house):
    go, done = asyncio.Event(), asyncio.Event()

    async def handler(exchange):
        exchange.respond(200, b"", b"")
        await go.wait()
        done.set()

    house = await house(handler)
    caller = await house.caller()
    caller.send(GET % b"/1" + GET % b"/2")
    for _ in range(2):
        assert (await caller.answer()).status == 200
    caller.leave()
    await house.empty()
    go.set()
    async with asyncio.timeout(1):
        await done.wait()


async def test_a_handler_that_ends_after_its_answer_leaves_the_next_request_alone(house):
    first = asyncio.Event()

    async def handler(exchange):
        if exchange.path == b"/1":
            exchange.respond(200, b"", b"")
            await asyncio.sleep(0)
            first.set()
        else:
            await first.wait()
            for _ in range(5):
                await asyncio.sleep(0)
            exchange.respond(200, b"", b"second")

    house = await house(handler)
    caller = await house.caller()
    caller.send(get(b"/1") + get(b"/2"))
    assert (await caller.answer()).status == 200
    assert (await caller.answer()).body == b"second"


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhe"])
async def test_a_caller_who_leaves_before_its_request_is_whole_leaves_nothing(house, data):
    house = await house()
    caller = await house.caller()
    caller.send(data)
    await caller.sent()
    caller.leave()
    await house.some(lambda one: True)
    await house.empty()
    assert house.requests == []


async def test_a_caller_who_half_closes_after_its_answer_began_to_go_out_gets_it_whole(house):
    size = 3_000_000

    async def handler(exchange):
        exchange.respond(200, b"", b"x" * size)

    house = await house(handler)
    caller = await house.caller()
    caller.send(GET % b"/")
    await caller._exactly(1)
    caller.half_close()
    assert len(await caller.rest()) > size


# --- handlers that fail


async def test_a_handler_that_fails_cuts_its_connection_and_is_told(house, wrong):
    async def handler(exchange):
        raise ValueError("a bug")

    house = await house(handler)
    caller = await house.caller()
    caller.send(GET % b"/")
    assert await caller.closed()
    assert [str(message["exception"]) for message in wrong.messages] == ["a bug"]
    wrong.messages.clear()


@pytest.mark.parametrize("begins", [False, True])
async def test_a_handler_that_returns_without_a_whole_answer_cuts_its_connection(house, begins):
    async def handler(exchange):
        if begins:
            exchange.begin(200, b"")
            exchange.write(b"half")

    house = await house(handler)
    caller = await house.caller()
    caller.send(GET % b"/" + GET % b"/")
    with pytest.raises((EOFError, OSError)):
        await caller.answer()
    await house.empty()


async def test_a_second_answer_is_a_bug_that_does_not_reach_the_next_request(house, wrong):
    async def handler(exchange):
        exchange.respond(200, b"", exchange.path)
        exchange.write(b"more")
        exchange.end(b"more")
        exchange.respond(500, b"", b"second")

    house = await house(handler)
    caller = await house.caller()
    caller.send(GET % b"/1" + GET % b"/2")
    assert (await caller.answer()).body == b"/1"
    assert (await caller.answer()).body == b"/2"
    await house.listener.drain(1)
    assert {type(message["exception"]) for message in wrong.messages} <= {RuntimeError}
    wrong.messages.clear()


async def test_a_refusal_that_fails_cuts_the_connection_and_is_told(house, wrong):
    house = await house()

    def refuse(status, message):
        raise OSError("no space left")

    house.listener.swap(house.echo, refuse, house.listener._site.bounds)
    caller = await house.caller()
    caller.send(b"rubbish\r\n\r\n")
    assert await caller.closed()
    assert [str(message["exception"]) for message in wrong.messages] == ["no space left"]
    wrong.messages.clear()


# --- time


async def test_a_caller_that_says_nothing_is_closed_without_a_word(house):
    house = await house(header_timeout_s=10)
    caller = await house.caller()
    await house.caller()
    while house.listener.open_connections < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    house.later(9)
    assert house.listener.open_connections == 2
    house.later(11)
    assert await caller.closed()
    assert house.refusals == []


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\nHost: "])
async def test_headers_that_come_too_slowly_are_refused(house, data):
    house = await house(header_timeout_s=10)
    caller = await house.caller()
    caller.send(data)
    await house.some(lambda one: one._intake._read_bytes)
    house.later(11)
    assert (await caller.answer()).status == 408
    assert await caller.closed()


async def test_a_slow_head_gains_no_time_by_sending_on(house):
    house = await house(header_timeout_s=10)
    caller = await house.caller()
    caller.send(b"GET / HTTP/1.1\r\n")
    await house.some(lambda one: one._intake._read_bytes)
    for seconds in (4, 8):
        house.later(seconds)
        caller.send(b"A: b\r\n")
        await caller.sent()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    house.later(11)
    assert (await caller.answer()).status == 408


async def test_a_later_head_has_its_time_from_its_first_byte_on_and_its_body_from_the_heads_end(house):
    house = await house(header_timeout_s=10, body_timeout_s=10, idle_timeout_s=75)
    caller = await house.caller()
    caller.send(GET % b"/1")
    await caller.answer()
    house.later(50)
    caller.send(b"POST /2 HTTP/1.1\r\n")
    await house.some(lambda one: one._intake.phase == HEAD)
    house.later(59)
    caller.send(b"Host: x\r\nContent-Length: 5\r\n\r\n")
    await house.some(lambda one: one._intake.phase == BODY)
    house.later(68)
    assert house.refusals == []
    house.later(70)
    assert (await caller.answer()).status == 408


async def test_bytes_behind_the_end_of_a_connection_are_not_read(house):
    house = await house()
    await house.caller()
    await house.some(lambda one: True)
    (connection,) = house.listener._site.connections
    connection._close()
    connection.data_received(GET % b"/1")
    assert connection.task is None


async def test_a_request_knows_when_it_came(house):
    house = await house()
    caller = await house.caller()
    before_s = time.perf_counter()
    caller.send(GET % b"/1")
    await caller.answer()
    assert before_s < house.exchanges[0].received_s < time.perf_counter()


async def test_a_body_that_comes_too_slowly_is_refused_and_what_came_buys_time(house):
    house = await house(body_timeout_s=10)
    caller = await house.caller()
    caller.send(get(b"/", b"Content-Length: 100000", method=b"POST") + b"x" * 32_768)
    await house.some(lambda one: one._intake.body_bytes == 32_768)
    house.later(11)
    assert house.refusals == []
    house.later(13)
    assert (await caller.answer()).status == 408
    assert await caller.closed()


async def test_an_idle_connection_is_closed_and_one_that_runs_is_not(house):
    house = await house(idle_timeout_s=10, header_timeout_s=1, body_timeout_s=1)
    idle, busy = await house.caller(), await house.caller()
    idle.send(GET % b"/")
    await idle.answer()
    busy.send(HELD)
    await house.next(house.arrived)
    await house.next(house.arrived)
    house.later(9)
    assert house.listener.open_connections == 2
    house.later(10_000)
    assert await idle.closed()
    house.go.set()
    assert (await busy.answer()).status == 200


@pytest.mark.parametrize("waiting", [0, 1])
async def test_a_request_behind_a_long_one_has_its_own_time_from_the_answer_on(house, waiting):
    house = await house(header_timeout_s=10)
    caller = await house.caller()
    caller.send(HELD + get(b"/0") * waiting + b"GET /1 HTTP/1.1\r\n")
    await house.next(house.arrived)
    house.later(1000)
    house.go.set()
    for _ in range(1 + waiting):
        assert (await caller.answer()).status == 200
    house.later(1009)
    caller.send(b"Host: x\r\n\r\n")
    assert (await caller.answer()).body == b"/1 "


async def test_a_refused_caller_that_sends_on_is_cut_in_the_end(house):
    house = await house()
    caller = await house.caller()
    caller.send(b"rubbish\r\n\r\n")
    assert (await caller.answer()).status == 400
    (connection,) = house.listener._site.connections
    cut_s = []
    for seconds in range(31):
        house.later(seconds)
        if connection.transport.is_closing():
            break
        before_s = connection._cut_s
        caller.send(b"more")
        await house.some(lambda one, before_s=before_s: one._cut_s > before_s or before_s == one._last_s)
        cut_s.append(connection._cut_s)
    assert seconds == 30
    assert cut_s == sorted(cut_s)
    await house.empty()


async def test_a_refused_caller_that_does_nothing_is_cut_soon(house):
    house = await house()
    caller = await house.caller()
    caller.send(b"rubbish\r\n\r\n")
    assert (await caller.answer()).status == 400
    house.later(1.5)
    assert house.listener.open_connections == 1
    house.later(2.5)
    await house.empty()


# --- slow readers


async def test_a_slow_reader_is_felt_and_then_cut(house):
    pressed: list[bool] = []
    felt, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(exchange):
        def on_pressure(on: bool) -> None:
            pressed.append(on)
            felt.set()

        exchange.on_pressure(on_pressure)
        exchange.begin(200, b"")
        try:
            for _ in range(10_000):
                exchange.write(b"x" * 10_000)
                await exchange.drained()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    house = await house(handler, send_timeout_s=10, idle_timeout_s=1)
    caller = await house.caller(most_bytes=4096)
    caller.send(GET % b"/")
    async with asyncio.timeout(5):
        await felt.wait()
    assert pressed == [True]
    house.later(9)
    assert house.listener.open_connections == 1
    house.later(11)
    async with asyncio.timeout(5):
        await cancelled.wait()
    await house.empty()
    assert pressed == [True]


async def test_a_slow_reader_that_catches_up_is_served_on(house):
    pressed: list[bool] = []

    async def handler(exchange):
        exchange.on_pressure(pressed.append)
        exchange.begin(200, b"")
        for _ in range(300):
            exchange.write(b"x" * 10_000)
            await exchange.drained()
        exchange.end()

    house = await house(handler, send_timeout_s=100, idle_timeout_s=10)
    caller = await house.caller(most_bytes=4096)
    caller.send(GET % b"/")
    await house.some(lambda one: pressed)
    house.later(50)
    assert len((await caller.answer()).body) == 3_000_000
    assert pressed[:2] == [True, False]
    assert pressed[-1] is False
    house.later(59)
    assert house.listener.open_connections == 1
    house.later(61)
    assert await caller.closed()


async def test_a_slow_reader_that_catches_up_is_not_cut_later_for_having_been_slow(house):
    house = await house(respond_long, send_timeout_s=10, idle_timeout_s=75)
    caller = await house.caller(most_bytes=4096)
    caller.send(GET % b"/")
    await house.some(lambda one: one._pressed)
    await caller.answer()
    house.later(20)
    caller.send(GET % b"/")
    assert (await caller.answer()).status == 200


async def test_a_reader_that_never_takes_its_whole_answer_is_cut_though_the_handler_has_ended(house):
    house = await house(respond_long, send_timeout_s=10, idle_timeout_s=1)
    caller = await house.caller(most_bytes=4096)
    caller.send(GET % b"/")
    await house.some(lambda one: one._pressed)
    (connection,) = house.listener._site.connections
    house.later(9)
    assert not connection.transport.is_closing()
    house.later(11)
    await house.empty()


async def test_a_reader_that_never_takes_a_last_answer_is_cut(house):
    house = await house(respond_long, send_timeout_s=10)
    caller = await house.caller(most_bytes=4096)
    caller.send(get(b"/", b"Connection: close"))
    await house.some(lambda one: one._pressed)
    house.later(9)
    assert house.listener.open_connections == 1
    house.later(11)
    await house.empty()


async def test_an_idle_connection_with_a_little_unread_is_cut_in_the_end(house):
    async def handler(exchange):
        exchange.respond(200, b"", b"x" * 50_000)

    house = await house(handler, small=True, send_timeout_s=10, idle_timeout_s=10)
    caller = await house.caller(most_bytes=2048)
    caller.send(GET % b"/")
    await house.some(lambda one: one.transport.get_write_buffer_size())
    (connection,) = house.listener._site.connections
    assert not connection._pressed
    house.later(11)
    assert house.listener.open_connections == 1
    assert connection.transport.is_closing()
    house.later(22)
    await house.empty()


async def respond_long(exchange):
    exchange.respond(200, b"", b"x" * 5_000_000)


async def test_a_request_behind_an_answer_that_is_not_taken_does_not_run(house):
    ran = []

    async def handler(exchange):
        ran.append(exchange.path)
        exchange.respond(200, b"", b"x" * 5_000_000)

    house = await house(handler)
    caller = await house.caller(most_bytes=4096)
    caller.send(get(b"/1") + get(b"/2"))
    await house.some(lambda one: one._pressed)
    caller.send(get(b"/3"))
    await caller.sent()
    for _ in range(20):
        await asyncio.sleep(0)
    assert ran == [b"/1"]
    for _ in range(3):
        assert len((await caller.answer()).body) == 5_000_000
    assert ran == [b"/1", b"/2", b"/3"]


# --- in memory, turn by turn


class Served:
    """A connection without a socket; its requests are answered when the test says so."""

    def __init__(self, wired, **bounds) -> None:
        self.exchanges = []

        async def handler(exchange):
            self.exchanges.append(exchange)
            await asyncio.Event().wait()

        loop = asyncio.get_running_loop()
        self.site = Site(handler, lambda status, message: (b"", message.encode()), Bounds(**bounds), loop)
        self.connection = Connection(self.site)
        self.wire = wired(self.connection)
        self.site.now_s = 0.0

    async def send(self, data: bytes) -> None:
        self.connection.data_received(data)
        await self.turn()

    async def turn(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", bytes(self.wire.out))]


async def test_what_waits_behind_pressure_comes_in_order_when_it_ends(wired):
    one = Served(wired)
    await one.send(get(b"/1"))
    one.connection.pause_writing()
    one.exchanges[0].respond(200, b"", b"")
    await one.send(get(b"/2") + get(b"/3", b"Expect: 100-continue", b"Content-Length: 1", method=b"POST") + b"x")
    await one.send(b"rubbish\r\n\r\n")
    assert one.statuses == [200]
    assert len(one.exchanges) == 1
    one.connection.resume_writing()
    await one.turn()
    one.exchanges[1].respond(201, b"", b"")
    await one.turn()
    one.exchanges[2].respond(202, b"", b"")
    assert one.statuses == [200, 201, 202, 400]


async def test_pressure_neither_lengthens_nor_lifts_the_end_of_a_connection(wired):
    one = Served(wired, send_timeout_s=10)
    await one.send(get(b"/1", b"Connection: close"))
    one.wire.unsent = 1
    one.exchanges[0].respond(200, b"", b"")
    assert one.wire.ended
    assert not one.wire.lost
    one.site.now_s = 5.0
    one.connection.pause_writing()
    one.connection.resume_writing()
    one.connection.sweep(9.0)
    assert not one.wire.lost
    one.connection.sweep(10.0)
    assert one.wire.lost


async def test_nothing_runs_on_a_connection_that_has_been_closed_under_pressure(wired):
    one = Served(wired)
    await one.send(get(b"/1"))
    one.connection.pause_writing()
    one.wire.unsent = 1
    one.exchanges[0].respond(200, b"", b"")
    await one.send(get(b"/2"))
    one.connection.eof_received()
    one.connection.resume_writing()
    await one.turn()
    assert len(one.exchanges) == 1


async def test_a_connection_that_comes_while_the_listener_drains_is_refused(wired):
    one = Served(wired)
    one.site.draining = True
    late = Connection(one.site)
    wire = wired(late)
    assert wire.out.startswith(b"HTTP/1.1 503 ")


async def test_what_came_of_a_request_is_let_go_when_it_is_refused(wired):
    one = Served(wired, body_timeout_s=1)
    await one.send(get(b"/1", b"Content-Length: 9", method=b"POST") + b"half")
    assert one.connection._intake._incoming is not None
    one.connection.sweep(2.0)
    assert one.statuses == [408]
    assert one.connection._intake._incoming is None


async def test_an_ended_connection_is_let_go_without_a_collection_of_garbage(wired):
    def parts() -> set[int]:
        return {id(thing) for thing in gc.get_objects() if isinstance(thing, (Connection, Intake, Exchange))}

    gc.collect()
    gc.disable()
    try:
        before = parts()
        one = Served(wired)
        await one.send(get(b"/1") + get(b"/2") + get(b"/3", b"Content-Length: 9", method=b"POST") + b"half")
        assert parts() > before
        one.wire.abort()
        await one.turn()
        one.exchanges.clear()
        del one.connection, one.wire._protocol
        assert parts() <= before
    finally:
        gc.enable()
