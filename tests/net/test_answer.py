"""Taking an answer in: whole, relayed, held back, given up."""

import asyncio

import pytest

from antiphon.core.error import UpstreamBroken, UpstreamMalformed, UpstreamTimeout
from antiphon.net.answer import READ_AHEAD_BYTES

PIECE = b"x" * 10_000


def streams(pieces: int, sent: list[int] | None = None):
    """A script that sends so many pieces as fast as they are taken."""

    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (pieces * len(PIECE)))
        for number in range(pieces):
            while peer.transport.get_write_buffer_size() > 100_000:
                await asyncio.sleep(0.001)
            peer.send(PIECE)
            if sent is not None:
                sent[0] = number + 1
            await asyncio.sleep(0)

    return script


async def stalled(sent: list[int]) -> int:
    """Wait until the upstream sends no more."""
    before = -1
    async with asyncio.timeout(5):
        while sent[0] != before:
            before = sent[0]
            await asyncio.sleep(0.05)
    return before


async def test_a_body_is_relayed_in_order_and_whole(upstreams):
    up = await upstreams(streams(100))
    got = []
    answer = await up.send()
    await answer.relay(got.append)
    assert b"".join(got) == PIECE * 100
    await up.nothing_left(open_connections=1)


async def test_every_piece_is_relayed_within_the_call_that_read_it(upstreams):
    released = asyncio.Event()

    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await released.wait()
        peer.send(b"3\r\ntwo\r\n0\r\n\r\n")

    up = await upstreams(script)
    got = []

    def sink(piece):
        got.append(piece)
        released.set()

    await (await up.send()).relay(sink)
    assert got == [b"one", b"two"]


async def test_a_longer_body_than_allowed_ends_the_exchange(upstreams):
    up = await upstreams(streams(100))
    answer = await up.send()
    with pytest.raises(UpstreamMalformed, match="longer than 15000 bytes"):
        await answer.read(15_000)
    await up.nothing_left()
    await up.peers[0].gone()


async def test_a_longer_body_than_allowed_is_refused_though_it_has_come_already(upstreams):
    up = await upstreams(streams(2))
    answer = await up.send()
    await up.nothing_left(open_connections=1)
    with pytest.raises(UpstreamMalformed):
        await answer.read(15_000)


async def test_a_body_may_be_as_long_as_allowed(upstreams):
    up = await upstreams(streams(2))
    assert len(await (await up.send()).read(20_000)) == 20_000


@pytest.mark.parametrize("error", [UpstreamBroken("no more"), ValueError("a bug")])
async def test_what_a_sink_raises_ends_the_exchange_and_is_raised(upstreams, error):
    up = await upstreams(streams(100_000))
    calls = 0

    def sink(piece):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error

    answer = await up.send()
    with pytest.raises(type(error)) as caught:
        await answer.relay(sink)
    assert caught.value is error
    assert calls == 3
    await up.nothing_left()
    await up.peers[0].gone()


async def test_a_sink_that_raises_at_once_ends_the_exchange(upstreams):
    up = await upstreams(streams(100_000))

    def sink(piece):
        raise ValueError(piece[:1])

    answer = await up.send()
    async with asyncio.timeout(5):
        while not answer._pieces:
            await asyncio.sleep(0)
    with pytest.raises(ValueError, match="x"):
        await answer.relay(sink)
    await up.nothing_left()


async def test_an_answer_that_nobody_reads_stops_its_upstream_and_goes_on_when_it_is_read(upstreams):
    sent = [0]
    up = await upstreams(streams(3000, sent))
    answer = await up.send(between_bytes_s=0.1)
    held = await stalled(sent)
    assert held < 3000
    assert answer._size_bytes < 1_000_000
    await asyncio.sleep(0.2)
    assert len(await answer.read(1 << 25)) == 3000 * len(PIECE)
    await up.nothing_left(open_connections=1)


async def test_a_relay_that_is_held_stops_its_upstream_and_does_not_run_out_of_time(upstreams):
    sent = [0]
    up = await upstreams(streams(3000, sent))
    answer = await up.send(between_bytes_s=0.15)
    held_at = 50 * len(PIECE)
    size = 0

    def sink(piece):
        nonlocal size
        before = size
        size += len(piece)
        if before < held_at <= size:
            answer.pause(True)

    relayed = asyncio.get_running_loop().create_task(answer.relay(sink))
    held = await stalled(sent)
    assert held < 3000
    assert size < held_at + 1_000_000
    await asyncio.sleep(0.4)
    assert not relayed.done()
    answer.pause(False)
    async with asyncio.timeout(5):
        await relayed
    assert size == 3000 * len(PIECE)
    await up.nothing_left(open_connections=1)


async def test_a_relay_that_is_held_is_bound_by_the_whole_answers_deadline(upstreams):
    up = await upstreams(streams(3000))
    answer = await up.send(total_s=0.3)
    answer.pause(True)
    with pytest.raises(UpstreamTimeout, match="whole answer"):
        await answer.relay(lambda piece: None)
    await up.nothing_left()


async def test_a_relay_that_was_held_before_it_began_stays_held(upstreams):
    sent = [0]
    up = await upstreams(streams(3000, sent))
    answer = await up.send()
    await stalled(sent)
    answer.pause(True)
    size = 0

    def sink(piece):
        nonlocal size
        size += len(piece)

    relayed = asyncio.get_running_loop().create_task(answer.relay(sink))
    before = sent[0]
    await asyncio.sleep(0.05)
    assert not relayed.done()
    assert size < 1_500_000
    assert sent[0] == before
    answer.pause(False)
    async with asyncio.timeout(5):
        await relayed
    assert size == 3000 * len(PIECE)


async def test_a_connection_whose_answer_ended_while_it_was_held_carries_the_next(upstreams):
    async def script(peer):
        for _ in range(3):
            await peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    up = await upstreams(script)
    for _ in range(3):
        answer = await up.send()
        await answer.relay(lambda piece, answer=answer: answer.pause(True))
        answer.pause(False)
    assert len(up.peers) == 1


async def test_closing_an_answer_closes_its_connection_and_closing_an_ended_one_does_not(upstreams):
    up = await upstreams(streams(3))
    answer = await up.send()
    await answer.read(1 << 20)
    answer.close()
    await up.nothing_left(open_connections=1)
    up = await upstreams(streams(100_000))
    answer = await up.send()
    answer.close()
    answer.close()
    await up.peers[0].gone()


async def test_an_error_behind_the_head_waits_for_whoever_reads_the_body(upstreams):
    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 500 -\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n")

    up = await upstreams(script)
    answer = await up.send()
    assert answer.status == 500
    got = []
    with pytest.raises(UpstreamMalformed):
        await answer.relay(got.append)
    assert got == [b"ok"]


# --- read as far as it takes


def stepwise(*steps, ends=True):
    """A script that sends a chunk whenever it is let go on: what the test puts into `peer.go`."""

    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for step in steps:
            async with asyncio.timeout(5):
                await peer.go.wait()
            peer.go.clear()
            peer.send(step)
        if not ends:
            await asyncio.Event().wait()

    return script


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\n\r\n"


class Lead:
    """Takes pieces until it has seen what it waits for."""

    def __init__(self, enough: bytes) -> None:
        self.enough = enough
        self.pieces: list[bytes] = []

    def __call__(self, piece: bytes) -> bool:
        self.pieces.append(piece)
        return self.enough in piece


async def come(answer, size_bytes: int) -> None:
    """Wait until so much of a body has come that nobody has asked for."""
    async with asyncio.timeout(5):
        while sum(map(len, answer._pieces)) < size_bytes and not answer._done:
            await asyncio.sleep(0)


async def begun(upstreams, *steps, ends=True):
    """An upstream whose answer's head has come, and the event that lets it go on."""
    up = await upstreams(stepwise(*steps, ends=ends))
    sending = asyncio.ensure_future(up.send())
    peer = await up.peer()
    peer.go = asyncio.Event()
    return up, peer, await sending


async def test_a_lead_takes_what_had_come_before_and_leaves_the_rest_to_the_relay(upstreams):
    up, peer, answer = await begun(upstreams, chunk(b"one") + chunk(b"two") + chunk(b"three") + END)
    peer.go.set()
    await come(answer, 11)
    lead, rest = Lead(b"two"), []

    assert await answer.lead(lead)

    assert lead.pieces == [b"one", b"two"]
    await answer.relay(rest.append)
    assert rest == [b"three"]
    await up.nothing_left(open_connections=1)


async def test_a_lead_waits_for_what_comes_later(upstreams):
    up, peer, answer = await begun(upstreams, chunk(b"one"), chunk(b"two"), chunk(b"three") + END)
    lead, rest = Lead(b"two"), []
    leading = asyncio.ensure_future(answer.lead(lead))
    for count in (1, 2):
        peer.go.set()
        async with asyncio.timeout(5):
            while len(lead.pieces) < count:
                await asyncio.sleep(0)

    assert await leading

    relaying = asyncio.ensure_future(answer.relay(rest.append))
    peer.go.set()
    await relaying
    assert (lead.pieces, rest) == ([b"one", b"two"], [b"three"])
    await up.nothing_left(open_connections=1)


async def test_pieces_behind_enough_within_one_read_are_kept_for_the_relay(upstreams):
    up, peer, answer = await begun(upstreams, chunk(b"one") + chunk(b"two") + chunk(b"three"), chunk(b"four") + END)
    lead, rest = Lead(b"one"), []
    leading = asyncio.ensure_future(answer.lead(lead))
    await asyncio.sleep(0)
    peer.go.set()

    assert await leading

    peer.go.set()
    await answer.relay(rest.append)
    assert (lead.pieces, rest) == ([b"one"], [b"two", b"three", b"four"])
    await up.nothing_left(open_connections=1)


@pytest.mark.parametrize("before", [True, False])
async def test_a_body_that_ends_before_enough_says_so_and_frees_its_connection(upstreams, before):
    up, peer, answer = await begun(upstreams, chunk(b"one") + END)
    lead, rest = Lead(b"never"), []
    if before:
        peer.go.set()
        await come(answer, 3)
        assert not await answer.lead(lead)
    else:
        leading = asyncio.ensure_future(answer.lead(lead))
        peer.go.set()
        assert not await leading

    await answer.relay(rest.append)

    assert (lead.pieces, rest) == ([b"one"], [])
    await up.nothing_left(open_connections=1)


async def test_a_body_that_breaks_off_before_enough_is_an_error(upstreams):
    up, peer, answer = await begun(upstreams, chunk(b"one") + b"zz\r\n")
    lead = Lead(b"never")
    leading = asyncio.ensure_future(answer.lead(lead))
    peer.go.set()

    with pytest.raises(UpstreamMalformed):
        await leading

    assert lead.pieces == [b"one"]
    await up.nothing_left()


@pytest.mark.parametrize("before", [True, False])
async def test_an_error_behind_enough_is_for_the_relay(upstreams, before):
    up, peer, answer = await begun(upstreams, chunk(b"one") + chunk(b"two") + b"zz\r\n")
    lead, rest = Lead(b"one"), []
    if before:
        peer.go.set()
        await come(answer, 6)
        assert await answer.lead(lead)
    else:
        leading = asyncio.ensure_future(answer.lead(lead))
        await asyncio.sleep(0)
        peer.go.set()
        assert await leading

    with pytest.raises(UpstreamMalformed):
        await answer.relay(rest.append)

    assert (lead.pieces, rest) == ([b"one"], [b"two"])
    await up.nothing_left()


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("error", [UpstreamBroken("no more"), ValueError("a bug")])
async def test_what_the_sink_of_a_lead_raises_ends_the_exchange_and_is_raised(upstreams, error, before):
    up, peer, answer = await begun(upstreams, chunk(b"one") + chunk(b"two"), ends=False)
    calls = []

    def sink(piece):
        calls.append(piece)
        raise error

    if before:
        peer.go.set()
        await come(answer, 6)
        leading = asyncio.ensure_future(answer.lead(sink))
    else:
        leading = asyncio.ensure_future(answer.lead(sink))
        await asyncio.sleep(0)
        peer.go.set()
    with pytest.raises(type(error)) as caught:
        await leading

    assert caught.value is error
    assert calls == [b"one"]
    await up.nothing_left()
    await peer.gone()


async def test_a_lead_that_is_cancelled_gives_the_connection_up(upstreams):
    up, peer, answer = await begun(upstreams, chunk(b"one"), ends=False)
    leading = asyncio.ensure_future(answer.lead(Lead(b"never")))
    peer.go.set()
    await asyncio.sleep(0.01)

    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading

    await up.nothing_left()
    await peer.gone()


async def test_what_comes_between_a_lead_and_its_relay_stops_its_upstream_and_goes_on(upstreams):
    sent = [0]
    up = await upstreams(streams(3000, sent))
    answer = await up.send(between_bytes_s=0.1)
    took, size = 0, 0

    def enough(piece):
        nonlocal took
        took += len(piece)
        return True

    def sink(piece):
        nonlocal size
        size += len(piece)

    assert await answer.lead(enough)
    assert await stalled(sent) < 3000
    assert answer._size_bytes < READ_AHEAD_BYTES + 1_000_000
    await asyncio.sleep(0.2)
    async with asyncio.timeout(5):
        await answer.relay(sink)

    assert took + size == 3000 * len(PIECE)
    await up.nothing_left(open_connections=1)


async def test_a_lead_lifts_the_pause_of_what_came_before_anyone_asked(upstreams):
    sent = [0]
    up = await upstreams(streams(300, sent))
    answer = await up.send(between_bytes_s=0.1)
    assert await stalled(sent) <= 300
    size = 0

    def sink(piece):
        nonlocal size
        size += len(piece)
        return False

    async with asyncio.timeout(5):
        assert not await answer.lead(sink)

    assert size == 300 * len(PIECE)
    await up.nothing_left(open_connections=1)


async def test_a_lead_is_bound_by_the_deadlines_of_its_answer(upstreams):
    async def script(peer):
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"one"))
        await asyncio.Event().wait()

    up = await upstreams(script)
    answer = await up.send(between_bytes_s=0.05)
    with pytest.raises(UpstreamTimeout):
        await answer.lead(Lead(b"never"))
    await up.nothing_left()
