"""Whatever bytes come, and however they are cut: served, refused or closed; never a hang, never a failure.

Both sides are driven over a transport in memory, so that every example is exact and quick.
"""

import asyncio
import itertools
import time

import h11
import pytest
import uvloop
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from antiphon.core.deployment import Timeouts
from antiphon.core.error import UpstreamError
from antiphon.core.ports import Origin, Outbound
from antiphon.net.connection import Connection
from antiphon.net.settings import Bounds
from antiphon.net.site import Site
from antiphon.net.upstream import Upstream

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def loop():
    loop = uvloop.new_event_loop()
    yield loop
    loop.close()


async def turns(count: int = 4) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Outcome:
    def __init__(self):
        self.requests: list[tuple[bytes, bytes, bytes]] = []
        self.statuses: list[int] = []


async def serve(wired, pieces: list[bytes]) -> Outcome:
    """Feed a listener's connection, let time pass, and see how it ended."""
    loop = asyncio.get_running_loop()
    failures = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    outcome = Outcome()

    async def handler(exchange):
        target = exchange.path + (b"?" + exchange.query if exchange.query else b"")
        outcome.requests.append((exchange.method, target, b"".join(exchange.body)))
        await asyncio.sleep(0)
        exchange.respond(200, b"", b"" if exchange.method == b"HEAD" else exchange.path)

    site = Site(handler, lambda status, message: (b"", message.encode()), Bounds(), loop)
    connection = Connection(site)
    wire = wired(connection)
    for piece in pieces:
        if wire.ended:
            break
        connection.data_received(piece)
        await turns(2)
    async with asyncio.timeout(5):
        while connection.task is not None:
            await asyncio.sleep(0)
    for _ in range(3):
        site.now_s += 1000
        for one in tuple(site.connections):
            one.sweep(site.now_s)
        await turns(2)
    assert wire.lost
    assert not site.connections
    assert not failures
    outcome.statuses = answers(bytes(wire.out), outcome.requests)
    served = [status for status in outcome.statuses if status == 200]
    assert len(served) == len(outcome.requests)
    refused = [status for status in outcome.statuses if status not in (100, 200)]
    assert refused in ([], outcome.statuses[-1:])
    return outcome


def answers(data: bytes, requests: list[tuple[bytes, bytes, bytes]]) -> list[int]:
    """The statuses of answers that follow each other; each must be one by HTTP's grammar."""
    client = None
    statuses: list[int] = []
    methods = iter([*(method for method, _, _ in requests), b"GET"])
    rest = data
    while rest:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=next(methods), target="/", headers=[("host", "x")]))
        client.send(h11.EndOfMessage())
        client.receive_data(rest)
        while True:
            event = client.next_event()
            assert event is not h11.NEED_DATA
            if isinstance(event, h11.InformationalResponse):
                statuses.append(event.status_code)
            if isinstance(event, h11.Response):
                statuses.append(event.status_code)
            if isinstance(event, h11.EndOfMessage):
                break
        rest = client.trailing_data[0]
    return statuses


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)] or [b""]


CUTS = st.lists(st.integers(0, 10_000), max_size=12)
TOKEN = st.text("abcXYZ019-_!#$%&'*+.^`|~", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=20).map(lambda data: bytes(byte for byte in data if byte >= 32 and byte != 127))
BODY = st.binary(max_size=200)


@st.composite
def chunked(draw, body: bytes) -> bytes:
    out = b""
    while body:
        size = draw(st.integers(1, len(body)))
        extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b;c"']))
        out += b"%x%b\r\n%b\r\n" % (size, extension, body[:size])
        body = body[size:]
    return out + b"0\r\n" + draw(st.sampled_from([b"", b"Trailer: x\r\n"])) + b"\r\n"


@st.composite
def sound(draw) -> tuple[bytes, tuple[bytes, bytes, bytes]]:
    """A request that RFC 9112 allows, and what it says."""
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"]))
    target = b"/" + draw(st.text("abc/._-~%20", max_size=10)).encode() + draw(st.sampled_from([b"", b"?a=b", b"?"]))
    headers = [(b"Host", b"x"), *draw(st.lists(st.tuples(TOKEN.map(lambda name: b"x-" + name), VALUE), max_size=4))]
    body, framed = b"", b""
    match draw(st.sampled_from(["none", "length", "chunks"])):
        case "length":
            body = framed = draw(BODY)
            headers.append((b"Content-Length", b"%d" % len(body)))
        case "chunks":
            body = draw(BODY)
            framed = draw(chunked(body))
            headers.append((b"Transfer-Encoding", draw(st.sampled_from([b"chunked", b"Chunked"]))))
    if draw(st.booleans()):
        headers += [(b"Connection", b"keep-alive, Upgrade"), (b"Upgrade", b"h2c")]
    blanks = st.sampled_from([b"", b" ", b"\t "])  # the parser refuses a tab behind `chunked`, which is safe
    lines = [
        b"%b:%b%b%b\r\n" % (name, draw(blanks), value, draw(blanks).strip(b"\t"))
        for name, value in draw(st.permutations(headers))
    ]
    said = target.removesuffix(b"?")
    return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, target, b"".join(lines), framed), (method, said, body)


@QUICK
@given(st.lists(sound(), min_size=1, max_size=4), CUTS)
def test_sound_requests_are_all_served_as_they_are_however_they_are_cut(loop, wired, requests, cuts):
    data = b"".join(one for one, _ in requests)
    outcome = loop.run_until_complete(serve(wired, split(data, cuts)))
    assert outcome.requests == [said for _, said in requests]
    assert outcome.statuses == [200] * len(requests)


@QUICK
@given(st.lists(st.binary(max_size=100), max_size=5))
@example([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00"])
def test_any_bytes_end_served_refused_or_closed(loop, wired, pieces):
    loop.run_until_complete(serve(wired, pieces))


WORDS = st.sampled_from(
    [
        b"GET ", b"POST ", b"CONNECT ", b"/", b"*", b"http://x/", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"\r", b" ", b"\t",
        b"Host: x\r\n", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\n", b"Upgrade: x\r\n",
        b"Expect: 100-continue\r\n", b"\r\n\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"abc", b";", b":", b"\x00", b"\xff",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\n",
    ]
)  # fmt: skip


@QUICK
@given(st.lists(WORDS, max_size=25), CUTS)
def test_any_words_of_http_end_served_refused_or_closed_whatever_the_cuts(loop, wired, words, cuts):
    data = b"".join(words)
    whole = loop.run_until_complete(serve(wired, [data]))
    pieces = loop.run_until_complete(serve(wired, split(data, cuts)))
    assert pieces.requests == whole.requests
    assert [one for one in pieces.statuses if one != 100] == [one for one in whole.statuses if one != 100]


@st.composite
def mutated(draw) -> bytes:
    data = bytearray(b"".join(one for one, _ in draw(st.lists(sound(), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["put", "cut", "swap"])):
            case "put":
                data[place:place] = draw(st.one_of(WORDS, st.binary(min_size=1, max_size=3)))
            case "cut":
                del data[place : place + draw(st.integers(1, 8))]
            case "swap":
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
    return bytes(data)


def as_another_reads(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """What an independent reader of HTTP takes these bytes for, up to where it gives up."""
    server = h11.Connection(h11.SERVER)
    found: list[tuple[bytes, bytes, bytes]] = []
    server.receive_data(data)
    try:
        while True:
            event = server.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                found.append((request.method, request.target, body))
                server.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                server.send(h11.EndOfMessage())
                if server.our_state is not h11.DONE:
                    return found
                server.start_next_cycle()
            else:
                return found
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        return found


@settings(QUICK, max_examples=500)
@given(mutated())
@example(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
def test_a_mutated_request_is_never_taken_for_more_or_other_than_another_reader_finds(loop, wired, data):
    outcome = loop.run_until_complete(serve(wired, [data]))
    other = as_another_reads(data)
    for ours, theirs in zip(outcome.requests, other, strict=False):
        assert ours[0] == theirs[0]
        assert ours[2] == theirs[2]


# --- the client's side


async def ask(wired, pieces: list[bytes], *, end: bool):
    """Feed an upstream's bytes to an exchange; at its end time runs out. Returns: head, body, error, kept."""
    loop = asyncio.get_running_loop()
    failures = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    freed: list[bool] = []
    connection = Upstream(lambda one, reusable: freed.append(reusable))
    wire = wired(connection)
    outbound = Outbound(
        origin=Origin(host="x", port=1), head=b"POST / HTTP/1.1\r\n", body=(b"x",), size_bytes=1, timeouts=Timeouts()
    )
    now_s = time.perf_counter()
    head = asyncio.ensure_future(connection.exchange(outbound, now_s, now_s))
    await turns(2)
    got: list[bytes] = []
    relay = None
    for piece in pieces:
        if wire.ended:
            break
        connection.data_received(piece)
        await turns(2)
        if relay is None and head.done() and head.exception() is None:
            relay = asyncio.ensure_future(head.result().relay(got.append))
            await turns(2)
    if end and not wire.ended:
        connection.eof_received()
        await turns(3)
    connection.sweep(now_s + 10_000)
    connection.sweep(now_s + 20_000)
    await turns(3)
    assert head.done()
    if relay is None and head.exception() is None:
        relay = asyncio.ensure_future(head.result().relay(got.append))
        await turns(3)
    assert relay is None or relay.done()
    error = head.exception() or (relay.exception() if relay else None)
    assert error is None or isinstance(error, UpstreamError)
    kept = freed == [True]
    assert kept or wire.lost
    assert not failures
    return (None if head.exception() else head.result()), b"".join(got), error, kept


@st.composite
def sound_answer(draw) -> tuple[bytes, int, bytes, bool]:
    """An answer, its status and body, and whether its end shows only by the connection's."""
    status = draw(st.sampled_from([200, 201, 400, 404, 429, 500, 529]))
    headers = draw(st.lists(st.tuples(TOKEN.map(lambda name: b"x-" + name), VALUE), max_size=4))
    body = framed = draw(BODY)
    open_ended = False
    match draw(st.sampled_from(["length", "chunks", "end"])):
        case "length":
            headers.append((b"Content-Length", b"%d" % len(body)))
        case "chunks":
            framed = draw(chunked(body))
            headers.append((b"Transfer-Encoding", b"chunked"))
        case "end":
            open_ended = True
    before = draw(
        st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"])
    )
    lines = b"".join(b"%b: %b\r\n" % pair for pair in draw(st.permutations(headers)))
    return before + b"HTTP/1.1 %d Some words\r\n%b\r\n%b" % (status, lines, framed), status, body, open_ended


@QUICK
@given(sound_answer(), CUTS)
def test_a_sound_answer_is_read_as_it_is_however_it_is_cut(loop, wired, answer, cuts):
    data, status, body, open_ended = answer
    head, got, error, kept = loop.run_until_complete(ask(wired, split(data, cuts), end=open_ended))
    assert error is None
    assert (head.status, got) == (status, body)
    assert kept is not open_ended


@QUICK
@given(sound_answer(), st.integers(1, 300), CUTS, st.booleans())
def test_an_answer_that_is_cut_short_is_an_error_unless_its_end_is_the_connections(
    loop, wired, answer, short, cuts, end
):
    data, _, body, open_ended = answer
    data = data[: max(0, len(data) - short)]
    _, got, error, kept = loop.run_until_complete(ask(wired, split(data, cuts), end=end))
    assert body.startswith(got)
    assert not kept
    if not (open_ended and end):
        assert error is not None


@QUICK
@given(sound_answer(), st.binary(min_size=1, max_size=40), CUTS)
def test_bytes_behind_an_answer_keep_its_connection_from_the_next(loop, wired, answer, more, cuts):
    data, status, body, open_ended = answer
    if open_ended:
        return
    head, got, error, kept = loop.run_until_complete(ask(wired, [data + more], end=False))
    assert error is None
    assert (head.status, got) == (status, body)
    assert not kept or not more.strip(b"\r\n")


@settings(QUICK, max_examples=400)
@given(
    st.lists(st.one_of(WORDS, st.binary(max_size=30), sound_answer().map(lambda one: one[0])), max_size=8),
    CUTS,
    st.booleans(),
)
def test_any_bytes_of_an_upstream_end_in_an_answer_or_an_error(loop, wired, words, cuts, end):
    loop.run_until_complete(ask(wired, split(b"".join(words), cuts), end=end))
