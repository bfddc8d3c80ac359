"""What the listener takes for a request, and what it refuses: RFC 9112, its bounds, and nothing in between."""

import asyncio

import pytest

HOST = b"Host: x\r\n"


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return b"".join((b"POST /a HTTP/", version, b"\r\n", HOST, *(line + b"\r\n" for line in lines), b"\r\n", body))


async def refused(house, data: bytes, status: int) -> None:
    """The bytes make no request: one refusal, and the connection ends."""
    house = await house()
    caller = await house.caller()
    caller.send(data)
    answer = await caller.answer()
    assert (answer.status, answer.headers[b"connection"]) == (status, b"close")
    assert answer.body
    assert await caller.closed()
    assert house.requests == []
    assert house.refusals == [status]


async def requests(house, data: bytes, count: int) -> list[tuple[bytes, bytes, bytes]]:
    """What the handler saw of bytes that hold `count` requests."""
    house = await house()
    caller = await house.caller()
    caller.send(data)
    for _ in range(count):
        assert (await caller.answer()).status == 200
    assert house.refusals == []
    return house.requests


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
FAULTY = {
    "length, then chunked": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunked, then length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
    "two lengths": post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello" + SMUGGLED),
    "the same length twice": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello" + SMUGGLED),
    "a list of lengths": post(b"Content-Length: 5, 5", body=b"hello"),
    "two lengths in one": post(b"Content-Length: 5 0", body=b"hello"),
    "an empty length": post(b"Content-Length:", body=b"hello"),
    "a signed length": post(b"Content-Length: +5", body=b"hello"),
    "a negative length": post(b"Content-Length: -5", body=b"hello"),
    "a hexadecimal length": post(b"Content-Length: 0x5", body=b"hello"),
    "a length with a separator": post(b"Content-Length: 1_0", body=b"hellohello"),
    "a fraction": post(b"Content-Length: 5.0", body=b"hello"),
    "a length beyond 64 bits": post(b"Content-Length: 18446744073709551621", body=b"hello"),
    "a length of many digits": post(b"Content-Length: " + b"9" * 5000, body=b"hello"),
    "chunked, identity": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "identity": post(b"Transfer-Encoding: identity", body=SMUGGLED),
    "chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunked and identity": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "vertical tab before chunked": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "xchunked": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "quoted chunked": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "empty transfer encoding": post(b"Transfer-Encoding:", body=b"0\r\n\r\n"),
    "space before the colon": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "tab before the colon": post(b"Content-Length\t: 5", body=b"hello"),
    "folded transfer encoding": post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "folded header": post(b"A: b\r\n c"),
    "space before the first header": b"POST / HTTP/1.1\r\n A: b\r\nHost: x\r\n\r\n",
    "space before a header": post(b" A: b"),
    "chunked in HTTP/1.0": post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0"),
    "bare LF after the request line": b"POST / HTTP/1.1\nHost: x\r\n\r\n",
    "bare LF everywhere": b"POST / HTTP/1.1\nHost: x\n\n",
    "bare LF after a header": b"POST / HTTP/1.1\r\nHost: x\n\r\n",
    "bare LF at the end of the head": b"POST / HTTP/1.1\r\nHost: x\r\n\n",
    "bare CR within a header": post(b"A: b\rTransfer-Encoding: chunked"),
    "bare CR after the version": b"POST / HTTP/1.1\rHost: x\r\n\r\n",
    "NUL in a header": post(b"A: b\0c"),
    "NUL in a name": post(b"A\0B: c"),
    "DEL in a header": post(b"A: b\x7fc"),
    "bell in a header": post(b"A: \x07"),
    "header without a name": post(b": b"),
    "header without a colon": post(b"A"),
    "space in a name": post(b"A b: c"),
    "high byte in a name": post(b"\xc3\xa4: c"),
    "two Hosts": post(b"Host: y"),
    "no Host": b"GET / HTTP/1.1\r\nA: b\r\n\r\n",
    "two Authorizations": post(b"Authorization: Bearer a", b"Authorization: Bearer b"),
    "two Content-Types": post(b"Content-Type: a/b", b"Content-Type: a/b"),
    "control character in the target": b"GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "high byte in the target": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "DEL in the target": b"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab in the target": b"GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "relative target": b"GET a/b HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk for GET": b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute target of another scheme": b"GET ftp://x/y HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute target without an authority": b"GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute target of nothing": b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS of another scheme": b"OPTIONS ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "unknown method": b"HACK / HTTP/1.1\r\nHost: x\r\n\r\n",
    "method with a space before it": b" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/1.10": b"GET / HTTP/1.10\r\nHost: x\r\n\r\n",
    "lower-case http": b"GET / http/1.1\r\nHost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "nothing of HTTP": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("data", FAULTY.values(), ids=FAULTY)
async def test_a_faulty_head_is_refused_with_400_and_nothing_behind_it_is_read(house, data):
    await refused(house, data, 400)


UNSERVED = {
    "another transfer coding": (501, post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    "CONNECT": (501, b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED),
    "TRACE": (501, b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a method of RTSP": (501, b"SETUP / RTSP/1.0\r\nHost: x\r\n\r\n"),
    "a method of ICE": (501, b"SOURCE / ICE/1.0\r\nHost: x\r\n\r\n"),
    "HTTP/0.9": (505, b"GET /\r\n\r\n"),
    "HTTP/0.9 with headers": (505, b"GET /\r\nHost: x\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
    "HTTP/2.0 that keeps alive": (505, b"GET / HTTP/2.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"),
    "another expectation": (417, post(b"Expect: a-miracle", b"Content-Length: 5")),
}


@pytest.mark.parametrize(("status", "data"), UNSERVED.values(), ids=UNSERVED)
async def test_what_is_not_served_here_is_refused_by_its_own_status(house, status, data):
    await refused(house, data, status)


CHUNKED = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
FAULTY_CHUNKS = {
    "space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "space after the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "hexadecimal prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "signed size": b"+5\r\nhello\r\n0\r\n\r\n",
    "negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "empty size": b"\r\nhello\r\n0\r\n\r\n",
    "size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "size of many digits": b"f" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "bare LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "bare CR after the size": b"5\rhello\r\n0\r\n\r\n",
    "bare LF after an extension": b"5;a\nhello\r\n0\r\n\r\n",
    "LF in a quoted extension": b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
    "NUL in an extension": b"5;a\0\r\nhello\r\n0\r\n\r\n",
    "no line end after the data": b"5\r\nhello0\r\n\r\n",
    "bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "data longer than its size": b"5\r\nhello!\r\n0\r\n\r\n",
    "bare LF at the end": b"5\r\nhello\r\n0\r\n\n",
    "a length among the trailers": b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
    "a coding among the trailers": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a folded trailer": b"5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("chunks", FAULTY_CHUNKS.values(), ids=FAULTY_CHUNKS)
async def test_faulty_chunks_are_refused(house, chunks):
    await refused(house, CHUNKED + chunks + SMUGGLED, 400)


SOUND = {
    "no body": (b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", (b"GET", b"/a", b"")),
    "a length": (post(b"Content-Length: 5", body=b"hello"), (b"POST", b"/a", b"hello")),
    "leading zeros": (post(b"Content-Length: 0005", body=b"hello"), (b"POST", b"/a", b"hello")),
    "spaces around a length": (post(b"Content-Length: \t5 \t ", body=b"hello"), (b"POST", b"/a", b"hello")),
    "chunks": (CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", (b"POST", b"/a", b"hello")),
    "upper-case chunks": (
        post(b"TRANSFER-ENCODING: CHUNKED", body=b"A\r\nhellohello\r\n0\r\n\r\n"),
        (b"POST", b"/a", b"hellohello"),
    ),
    "spaces around chunked": (
        post(b"Transfer-Encoding: \t chunked  ", body=b"5\r\nhello\r\n0\r\n\r\n"),
        (b"POST", b"/a", b"hello"),
    ),
    "extensions": (CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n', (b"POST", b"/a", b"hello")),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\nHost: y\r\n\r\n", (b"POST", b"/a", b"hello")),
    "a GET with a body": (b"GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", (b"GET", b"/a", b"hello")),
    "a query": (b"GET /a?b=c?d HTTP/1.1\r\nHost: x\r\n\r\n", (b"GET", b"/a?b=c?d", b"")),
    "an absolute target": (b"GET http://y:1/a?b HTTP/1.1\r\nHost: x\r\n\r\n", (b"GET", b"/a?b", b"")),
    "an absolute target of https": (b"GET https://y/a HTTP/1.1\r\nHost: x\r\n\r\n", (b"GET", b"/a", b"")),
    "an absolute target without a path": (b"GET http://y HTTP/1.1\r\nHost: x\r\n\r\n", (b"GET", b"/", b"")),
    "an absolute target of a query": (b"GET http://y?b=/c HTTP/1.1\r\nHost: x\r\n\r\n", (b"GET", b"/?b=/c", b"")),
    "an asterisk for OPTIONS": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", (b"OPTIONS", b"*", b"")),
    "line ends before the request": (b"\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n", (b"GET", b"/a", b"")),
    "h2c is asked for, no body": (
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        (b"GET", b"/a", b""),
    ),
    "h2c is asked for, a length": (
        post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 5", body=b"hello"),
        (b"POST", b"/a", b"hello"),
    ),
    "h2c is asked for, chunks": (
        post(b"Connection: Upgrade", b"Upgrade: h2c", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        (b"POST", b"/a", b"hello"),
    ),
    "an upgrade that Connection does not name": (
        post(b"Upgrade: h2c", b"Content-Length: 5", body=b"hello"),
        (b"POST", b"/a", b"hello"),
    ),
}


@pytest.mark.parametrize(("data", "request_"), SOUND.values(), ids=SOUND)
async def test_a_sound_request_is_read_as_the_rfc_says_and_so_is_the_next(house, data, request_):
    assert await requests(house, data + SMUGGLED, 2) == [request_, (b"GET", b"/smuggled", b"")]


@pytest.mark.parametrize(("data", "request_"), SOUND.values(), ids=SOUND)
async def test_a_sound_request_may_come_byte_by_byte(house, data, request_):
    house = await house()
    caller = await house.caller()
    for place in range(len(data)):
        caller.send(data[place : place + 1])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert (await caller.answer()).status == 200
    assert house.requests == [request_]


async def test_many_upgrades_in_one_read_are_served_in_order(house):
    one = post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 1", body=b"x")
    house = await house(max_pipelined=1000)
    caller = await house.caller()
    caller.send(one * 900)
    for _ in range(900):
        assert (await caller.answer()).body == b"/a x"
    assert len(house.requests) == 900


async def test_an_upgrade_whose_body_is_faulty_is_refused(house):
    await refused(
        house,
        post(b"Connection: Upgrade", b"Upgrade: h2c", b"Transfer-Encoding: chunked", body=b"zz\r\n"),
        400,
    )


async def test_header_values_lose_the_blanks_around_them(house):
    house = await house()
    caller = await house.caller()
    caller.send(b"GET / HTTP/1.1\r\nhost: \t x \t\r\na:b  \r\nB:\r\nc: d e\t\r\nA: f \r\n\r\n")
    await caller.answer()
    assert house.exchanges[0].headers == {b"host": b"x", b"a": b"b, f", b"b": b"", b"c": b"d e"}


async def test_trailers_are_no_headers_of_this_request_nor_of_the_next(house):
    house = await house()
    caller = await house.caller()
    caller.send(CHUNKED + b"1\r\nx\r\n0\r\nAuthorization: Bearer stolen\r\n\r\n" + SMUGGLED)
    assert (await caller.answer()).status == 200
    assert (await caller.answer()).status == 200
    assert not any(b"authorization" in exchange.headers for exchange in house.exchanges)


def sized(size: int, *lines: bytes, body: bytes = b"") -> bytes:
    """A request whose head has so many bytes."""
    rest = len(post(b"A: ", *lines))
    return post(b"A: " + b"x" * (size - rest), *lines, body=body)


async def test_headers_above_the_bound_are_refused_with_431(house):
    house = await house(max_header_bytes=1024)
    data = sized(1025)
    for cuts in ((), (10,), (600,), (1010,), (300, 600, 900)):
        caller = await house.caller()
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            caller.send(data[start:end])
            await caller.sent()
            for _ in range(5):
                await asyncio.sleep(0)
        assert (await caller.answer()).status == 431
        assert await caller.closed()
    assert house.requests == []


async def test_headers_at_the_bound_are_taken_however_they_come(house):
    house = await house(max_header_bytes=1024)
    data = sized(1024, b"Content-Length: 3000", body=b"y" * 3000)
    for cuts in ((), (10,), (600,), (1010, 1200)):
        caller = await house.caller()
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            caller.send(data[start:end])
            await caller.sent()
            await asyncio.sleep(0)
        assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    "start",
    [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"GET / HTTP/1.1\r\nHost: x\r\nA", b"GET / HTTP/1.1\r\nHost: "],
    ids=["url", "value", "name", "host"],
)
async def test_an_endless_head_is_refused_before_it_ends(house, start):
    house = await house(max_header_bytes=1024)
    caller = await house.caller()
    caller.send(start)
    for _ in range(40):
        await asyncio.sleep(0)
        caller.send(b"x" * 100)
        await caller.sent()
    assert (await caller.answer()).status == 431
    assert house.requests == []


@pytest.mark.parametrize("start", [CHUNKED + b"0\r\nA: ", CHUNKED + b"1;a="], ids=["a trailer", "a chunk extension"])
async def test_what_is_endless_around_chunks_is_refused(house, start):
    house = await house(max_header_bytes=1024)
    caller = await house.caller()
    caller.send(start)
    for _ in range(40):
        await asyncio.sleep(0)
        caller.send(b"x" * 100)
        await caller.sent()
    assert (await caller.answer()).status == 431
    assert house.requests == []


async def test_line_ends_before_a_head_do_not_count_for_it(house):
    house = await house(max_header_bytes=1024)
    caller = await house.caller()
    head = sized(600)
    for piece in (b"\r\n" * 300, head[:100], head[100:]):
        caller.send(piece)
        await caller.sent()
        for _ in range(5):
            await asyncio.sleep(0)
    assert (await caller.answer()).status == 200


async def test_chunks_may_be_longer_than_headers(house):
    house = await house(max_header_bytes=1024)
    caller = await house.caller()
    caller.send(CHUNKED)
    for _ in range(20):
        caller.send(b"100\r\n" + b"x" * 256 + b"\r\n")
        await caller.sent()
        for _ in range(5):
            await asyncio.sleep(0)
    caller.send(b"0\r\n\r\n")
    assert (await caller.answer()).body == b"/a " + b"x" * 5120


async def test_endless_line_ends_between_requests_are_refused(house):
    house = await house(max_header_bytes=1024)
    caller = await house.caller()
    caller.send(SMUGGLED)
    assert (await caller.answer()).status == 200
    for _ in range(40):
        caller.send(b"\r\n" * 50)
        await caller.sent()
        await asyncio.sleep(0)
    assert (await caller.answer()).status == 400


async def test_a_pipelined_head_behind_a_long_body_is_not_taken_for_a_long_head(house):
    house = await house(max_header_bytes=1024)
    caller = await house.caller()
    caller.send(post(b"Content-Length: 100000", body=b"x" * 100_000) + SMUGGLED[:20])
    assert (await caller.answer()).status == 200
    caller.send(SMUGGLED[20:])
    assert (await caller.answer()).status == 200


async def test_many_repeated_headers_are_refused(house):
    await refused(house, post(*[b"A: b"] * 200), 431)


async def test_a_length_above_the_bound_is_refused_before_the_body_comes(house):
    await refused(lambda: house(max_body_bytes=1024), post(b"Content-Length: 1025"), 413)


async def test_chunks_above_the_bound_are_refused(house):
    await refused(lambda: house(max_body_bytes=1024), CHUNKED + b"400\r\n" + b"x" * 1024 + b"\r\n1\r\nx\r\n", 413)


async def test_a_body_at_the_bound_is_taken(house):
    house_ = await house(max_body_bytes=1024)
    caller = await house_.caller()
    caller.send(post(b"Content-Length: 1024", body=b"x" * 1024) + CHUNKED + b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n")
    assert (await caller.answer()).status == 200
    assert (await caller.answer()).status == 200


async def test_the_refusal_of_a_long_body_can_be_read_by_a_caller_that_still_sends(house):
    house = await house(max_body_bytes=1024)
    caller = await house.caller()
    caller.send(post(b"Content-Length: 4000000"))
    for _ in range(40):
        caller.send(b"x" * 100_000)
        await caller.sent()
    assert (await caller.answer()).status == 413


async def test_a_body_in_tiny_chunks_is_kept_in_few_pieces(house):
    house = await house()
    caller = await house.caller()
    caller.send(CHUNKED + b"2\r\nab\r\n" * 20_000 + b"0\r\n\r\n")
    assert (await caller.answer()).body == b"/a " + b"ab" * 20_000
    assert len(house.exchanges[0].body) < 1024


async def test_a_fault_of_the_listener_is_told_and_ends_the_connection(house, wrong):
    house = await house()
    house.listener._site.handler = None
    caller = await house.caller()
    caller.send(SMUGGLED)
    assert (await caller.answer()).status == 500
    assert [message["exception"].__class__ for message in wrong.messages] == [TypeError]
    wrong.messages.clear()
