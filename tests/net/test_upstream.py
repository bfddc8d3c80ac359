"""What the client takes for an answer, what it calls broken, and which connections it keeps."""

import asyncio

import pytest

from antiphon.core.error import (
    AntiphonError,
    StaleConnection,
    UpstreamBroken,
    UpstreamMalformed,
    UpstreamTimeout,
)

HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"content-length: 2\r\n\r\nok"
END = object()
RESET = object()


def says(*turns):
    """A script: for every request the next turn; END closes and RESET resets behind it."""

    async def script(peer):
        for turn in turns:
            await peer.request()
            for part in turn if isinstance(turn, tuple) else (turn,):
                if part is END:
                    peer.close()
                elif part is RESET:
                    await asyncio.sleep(0.01)
                    peer.reset()
                else:
                    peer.send(part)

    return script


# --- answers that are whole

WHOLE = {
    "a length": (OK, b"ok", True),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "not modified, with the length of what it has not": (b"HTTP/1.1 304 -\r\ncontent-length: 9\r\n\r\n", b"", True),
    "an empty body": (HEAD + b"content-length: 0\r\n\r\n", b"", True),
    "chunks": (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\no\r\n1;a=b\r\nk\r\n0\r\nA: b\r\n\r\n", b"ok", True),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", b"ok", True),
    "one that ends its connection": (HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
    "HTTP/1.0 that keeps alive": (
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "informational answers before it": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + OK,
        b"ok",
        True,
    ),
    "an upgrade that is offered": (
        HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "blanks around values": (HEAD + b"Content-Length: \t2 \t\r\n\r\nok", b"ok", True),
}


@pytest.mark.parametrize(("data", "body", "kept"), WHOLE.values(), ids=WHOLE)
async def test_a_whole_answer_is_read_and_its_connection_kept_when_it_may_be(upstreams, data, body, kept):
    up = await upstreams(says(data, data))
    answer = await up.send()
    assert await answer.read(100) == body
    assert not answer.reused
    assert answer.connect_us is not None
    await up.nothing_left(open_connections=int(kept))
    if kept:
        again = await up.send()
        assert again.reused
        assert again.connect_us is None
        assert await again.read(100) == body
        assert len(up.peers) == 1


@pytest.mark.parametrize(("data", "body", "kept"), WHOLE.values(), ids=WHOLE)
async def test_a_whole_answer_may_come_byte_by_byte(upstreams, data, body, kept):
    async def script(peer):
        await peer.request()
        for place in range(len(data)):
            peer.send(data[place : place + 1])
            await asyncio.sleep(0)

    up = await upstreams(script)
    assert await up.whole() == body


@pytest.mark.parametrize(
    "head", [HEAD + b"\r\n", HEAD + b"transfer-encoding: identity\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"]
)
async def test_a_body_without_framing_ends_with_its_connection(upstreams, head):
    up = await upstreams(says((head + b"o", b"k", END)))
    assert await up.whole() == b"ok"
    await up.nothing_left()


async def test_headers_have_lower_case_names_and_of_a_repeated_one_the_last_value(upstreams):
    up = await upstreams(
        says(HEAD + b"A: 1 \r\na: 2\r\nB:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: trailer\r\n\r\n")
    )
    answer = await up.send()
    await answer.read(100)
    assert answer.headers == {b"a": b"2", b"b": b"", b"transfer-encoding": b"chunked"}


async def test_informational_headers_are_not_the_answers(upstreams):
    up = await upstreams(says(b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + OK))
    assert (await up.send()).headers == {b"content-length": b"2"}


# --- answers that are not

MALFORMED = {
    "not HTTP": b"SSH-2.0-OpenSSH_9\r\n",
    "HTML": b"<html>",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x50",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nabc",
    "another protocol, unnamed": b"HTTP/1.1 101 Switching Protocols\r\n\r\nabc",
    "status 0": b"HTTP/1.1 000 OK\r\ncontent-length: 0\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
    "length and chunks": HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok",
    "a negative length": HEAD + b"content-length: -2\r\n\r\nok",
    "a signed length": HEAD + b"content-length: +2\r\n\r\nok",
    "a length beyond 64 bits": HEAD + b"content-length: 18446744073709551618\r\n\r\nok",
    "an unknown transfer coding": HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "NUL in a header": HEAD + b"a: b\0c\r\ncontent-length: 0\r\n\r\n",
    "CR in a header": HEAD + b"a: b\rc\r\ncontent-length: 0\r\n\r\n",
    "LF in a header": HEAD + b"a: b\nx-injected: c\r\ncontent-length: 0\r\n\r\n",
    "a folded header": HEAD + b"a: b\r\n c\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_head_is_said_to_be_so(upstreams, data):
    up = await upstreams(says(data))
    with pytest.raises(UpstreamMalformed):
        await up.send()
    await up.nothing_left()
    await up.peers[0].gone()


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n", b"1\r\nokay\r\n", b"1\nx\r\n", b"11111111111111111\r\n", b"1\r\nx\r\n0\r\nA: b\n\n"]
)
async def test_malformed_chunks_end_the_answer_that_has_begun(upstreams, chunks):
    up = await upstreams(says((HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n", chunks)))
    got = []
    answer = await up.send()
    with pytest.raises(UpstreamMalformed):
        await answer.relay(got.append)
    assert got[0] == b"ok"
    await up.nothing_left()
    await up.peers[0].gone()


BROKEN = {
    "before anything": (END,),
    "amid the status line": (b"HTTP/1.1 20", END),
    "amid the headers": (HEAD + b"content-", END),
    "after an informational answer": (b"HTTP/1.1 100 Continue\r\n\r\n", END),
    "a reset before anything": (RESET,),
}


@pytest.mark.parametrize("turn", BROKEN.values(), ids=BROKEN)
async def test_a_connection_that_ends_before_the_head_is_broken(upstreams, turn):
    up = await upstreams(says(turn))
    with pytest.raises(UpstreamBroken) as caught:
        await up.send()
    assert not isinstance(caught.value, StaleConnection)
    await up.nothing_left()


CUT = {
    "short of its length": (HEAD + b"content-length: 5\r\n\r\nok", END),
    "short of its last chunk": (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n", END),
    "amid a chunk": (HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nok", END),
    "reset amid its length": (HEAD + b"content-length: 5\r\n\r\nok", RESET),
    "reset where its connection's end would be its own": (HEAD + b"\r\nok", RESET),
}


@pytest.mark.parametrize("turn", CUT.values(), ids=CUT)
async def test_an_answer_that_is_cut_is_broken_after_what_came_of_it(upstreams, turn):
    up = await upstreams(says(turn))
    got = []
    answer = await up.send()
    with pytest.raises(UpstreamBroken):
        await answer.relay(got.append)
    assert got == [b"ok"]
    await up.nothing_left()


async def test_an_answer_without_framing_is_not_whole_when_we_cut_it(upstreams):
    up = await upstreams(says(HEAD + b"\r\nok"))
    answer = await up.send()
    up.client.close()
    with pytest.raises(UpstreamBroken):
        await answer.read(100)


# --- kept connections


@pytest.mark.parametrize("end", [END, RESET])
async def test_a_kept_connection_that_says_nothing_is_stale(upstreams, end):
    up = await upstreams(says(OK, (end,)))
    assert await up.whole() == b"ok"
    with pytest.raises(StaleConnection):
        await up.send()
    await up.nothing_left()


async def test_a_kept_connection_that_begins_to_answer_is_broken_rather_than_stale(upstreams):
    up = await upstreams(says(OK, (b"HTTP/1.1 20", END)))
    assert await up.whole() == b"ok"
    with pytest.raises(UpstreamBroken) as caught:
        await up.send()
    assert not isinstance(caught.value, StaleConnection)


async def test_a_fresh_connection_is_made_when_it_is_asked_for(upstreams):
    up = await upstreams(says(OK, OK))
    assert await up.whole() == b"ok"
    assert await up.whole(fresh=True) == b"ok"
    assert len(up.peers) == 2


async def test_a_kept_connection_that_its_upstream_closes_is_let_go(upstreams):
    up = await upstreams(says((OK, END), OK))
    assert await up.whole() == b"ok"
    await up.nothing_left()
    assert await up.whole() == b"ok"
    assert len(up.peers) == 2


UNASKED = {
    "a second answer": OK,
    "rubbish": b"rubbish",
    "one byte": b"x",
    "the start of an answer": b"HTTP/1.1 200 OK\r\n",
}


@pytest.mark.parametrize("data", UNASKED.values(), ids=UNASKED)
async def test_bytes_behind_an_answer_never_reach_the_next(upstreams, data):
    up = await upstreams(says(OK + data, HEAD + b"content-length: 4\r\n\r\nevil"))
    assert await up.whole() == b"ok"
    await up.nothing_left()
    await up.peers[0].gone()


@pytest.mark.parametrize("data", UNASKED.values(), ids=UNASKED)
async def test_bytes_on_an_idle_connection_end_it(upstreams, data):
    up = await upstreams(says(OK))
    assert await up.whole() == b"ok"
    await up.nothing_left(open_connections=1)
    up.peers[0].send(data)
    await up.nothing_left()
    await up.peers[0].gone()


@pytest.mark.parametrize("status", [b"204 -", b"304 -"])
async def test_a_body_where_none_may_be_never_reaches_the_next_answer(upstreams, status):
    up = await upstreams(says(b"HTTP/1.1 " + status + b"\r\ncontent-length: 4\r\n\r\nevil"))
    assert await up.whole() == b""
    await up.nothing_left()


async def test_a_server_that_speaks_first_is_not_asked(upstreams):
    async def script(peer):
        peer.send(b"220 smtp.example ESMTP\r\n")
        await peer.request()

    up = await upstreams(script)
    with pytest.raises(AntiphonError):
        await up.send()
    await up.nothing_left()


# --- floods


async def flood(peer, start: bytes, piece: bytes) -> None:
    await peer.request()
    peer.send(start)
    while True:
        peer.send(piece)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (HEAD, b"a: " + b"x" * 5000 + b"\r\n"),
        (HEAD + b"a: ", b"x" * 5000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
    ],
    ids=["headers", "a value", "informational answers"],
)
async def test_an_endless_head_is_cut(upstreams, start, piece):
    up = await upstreams(lambda peer: flood(peer, start, piece))
    with pytest.raises(UpstreamMalformed, match="65536"):
        await up.send()
    await up.nothing_left()


@pytest.mark.parametrize("last", [b"0\r\na: ", b"1;a="], ids=["trailer", "extension"])
async def test_what_is_endless_around_chunks_is_cut(upstreams, last):
    up = await upstreams(
        lambda peer: flood(peer, HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n" + last, b"x" * 5000)
    )
    answer = await up.send()
    with pytest.raises(UpstreamMalformed, match="65536"):
        await answer.read(100)
    await up.nothing_left()


# --- time


async def hang(peer) -> None:
    await peer.request()


async def drip(peer) -> None:
    await peer.request()
    peer.send(HEAD + b"content-length: 100000\r\n\r\n")
    while True:
        peer.send(b"x")
        await asyncio.sleep(0.01)


async def drip_head(peer) -> None:
    await peer.request()
    peer.send(HEAD + b"a: ")
    while True:
        peer.send(b"x")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("script", [hang, drip_head])
async def test_a_head_that_does_not_come_in_time_is_late(upstreams, script):
    up = await upstreams(script)
    with pytest.raises(UpstreamTimeout, match="no first byte within"):
        await up.send(first_byte_s=0.05)
    await up.nothing_left()
    await up.peers[0].gone()


async def test_a_body_that_stalls_is_late(upstreams):
    up = await upstreams(says(HEAD + b"content-length: 5\r\n\r\nok"))
    got = []
    answer = await up.send(between_bytes_s=0.05)
    with pytest.raises(UpstreamTimeout, match=r"paused for 0\.05 s between bytes"):
        await answer.relay(got.append)
    assert got == [b"ok"]
    await up.nothing_left()
    await up.peers[0].gone()


async def test_a_body_that_drips_keeps_its_time_between_bytes_but_not_the_whole(upstreams):
    up = await upstreams(drip)
    answer = await up.send(between_bytes_s=0.1, total_s=0.3)
    with pytest.raises(UpstreamTimeout, match=r"whole answer did not come within 0\.[0-9]{1,3} s"):
        await answer.read(1 << 20)
    await up.nothing_left()
    await up.peers[0].gone()


async def test_a_late_whole_answer_is_late_before_its_head_too(upstreams):
    up = await upstreams(hang)
    with pytest.raises(UpstreamTimeout, match=r"whole answer did not come within 0\.[0-9]+ s"):
        await up.send(first_byte_s=5, total_s=0.05)
    await up.nothing_left()


async def test_a_deadline_is_told_with_three_digits_that_count(upstreams):
    up = await upstreams(hang)
    with pytest.raises(UpstreamTimeout, match=r"no first byte within 0\.0123 s"):
        await up.send(first_byte_s=0.0123456)
    await up.nothing_left()


async def test_a_body_that_nobody_takes_in_is_late(upstreams):
    async def script(peer):
        peer.transport.pause_reading()
        await asyncio.Event().wait()

    up = await upstreams(script, small=True)
    with pytest.raises(UpstreamTimeout, match="no first byte within"):
        await up.send(b"x" * 20_000_000, first_byte_s=0.1)
    await up.nothing_left()
