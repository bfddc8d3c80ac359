"""An exchange's bytes, by a side that keeps them."""

from types import SimpleNamespace

import pytest

from antiphon.net.exchange import Exchange


class Wire:
    def __init__(self):
        self.data = b""
        self.writes = 0
        self.aborted = False

    def write(self, data):
        self.data += data
        self.writes += 1

    def writelines(self, pieces):
        self.write(b"".join(pieces))

    def abort(self):
        self.aborted = True


class Side:
    def __init__(self, *, keep_alive=True):
        self.transport = Wire()
        self.keep_alive = keep_alive
        self.site = SimpleNamespace(date_line=b"date: now\r\n")
        self.ends = 0

    def finished(self):
        self.ends += 1


def exchange(method=b"GET", *, keep_alive=True, chunked=True):
    side = Side(keep_alive=keep_alive)
    return Exchange(side, method, b"/a?b=c", {}, chunked=chunked), side


def test_a_target_is_path_and_query():
    one, _ = exchange()
    assert (one.path, one.query) == (b"/a", b"b=c")


@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_a_whole_answer_says_its_length(size):
    one, side = exchange()
    one.respond(200, b"a: b\r\n", b"x" * size)
    assert (
        side.transport.data
        == b"HTTP/1.1 200 OK\r\ndate: now\r\na: b\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    )
    assert (side.ends, side.transport.writes, one.status, one.answered, one.ended) == (1, 1, 200, True, True)


def test_an_answer_that_ends_its_connection_says_so():
    one, side = exchange(keep_alive=False)
    one.respond(404, b"", b"")
    assert b"HTTP/1.1 404 Not Found\r\n" in side.transport.data
    assert b"\r\nconnection: close\r\n\r\n" in side.transport.data


def test_a_status_without_a_name_has_an_answer_too():
    one, side = exchange()
    one.respond(529, b"", b"")
    assert side.transport.data.startswith(b"HTTP/1.1 529 Status\r\n")


def test_a_streams_head_goes_out_with_its_first_piece_and_its_end_with_its_last():
    one, side = exchange()
    one.begin(200, b"a: b\r\n")
    assert side.transport.data == b""
    one.write(b"")
    one.write(b"hello")
    one.write(b"x" * 16)
    one.end(b"!")
    assert side.transport.data == (
        b"HTTP/1.1 200 OK\r\ndate: now\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n10\r\nxxxxxxxxxxxxxxxx\r\n1\r\n!\r\n0\r\n\r\n"
    )
    assert (side.ends, side.transport.writes) == (1, 3)


def test_an_empty_stream_is_one_write():
    one, side = exchange()
    one.begin(200, b"")
    one.end()
    assert side.transport.data.endswith(b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n")
    assert (side.ends, side.transport.writes) == (1, 1)


def test_a_stream_to_http_1_0_is_bare():
    one, side = exchange(keep_alive=False, chunked=False)
    one.begin(200, b"")
    one.write(b"hello")
    one.write(b"world")
    one.end(b"!")
    assert side.transport.data == b"HTTP/1.1 200 OK\r\ndate: now\r\nconnection: close\r\n\r\nhelloworld!"
    assert side.ends == 1


def test_a_stream_for_head_is_its_head():
    one, side = exchange(b"HEAD")
    one.begin(200, b"")
    one.write(b"hello")
    one.end(b"!")
    assert side.transport.data == b"HTTP/1.1 200 OK\r\ndate: now\r\ntransfer-encoding: chunked\r\n\r\n"
    assert side.ends == 1


def test_nothing_is_written_before_the_beginning_or_behind_the_end():
    one, side = exchange()
    one.write(b"early")
    one.begin(200, b"")
    one.end(b"x")
    before = side.transport.data
    one.write(b"late")
    one.end(b"late")
    assert side.transport.data == before
    assert side.ends == 1
    with pytest.raises(RuntimeError, match="already"):
        one.respond(200, b"", b"")
    with pytest.raises(RuntimeError, match="already"):
        one.begin(200, b"")


def test_an_answer_to_nobody_writes_nothing_and_ends_nothing():
    for how in (lambda one: one.respond(200, b"", b"x"), lambda one: (one.begin(200, b""), one.write(b"x"), one.end())):
        one, side = exchange()
        one.lost()
        how(one)
        assert side.transport.data == b""
        assert side.ends == 0
        assert one.ended


def test_an_abort_cuts_the_connection():
    one, side = exchange()
    one.begin(200, b"")
    one.abort()
    one.write(b"x")
    assert side.transport.aborted
    assert one.ended
    assert side.transport.data == b""


async def test_pressure_is_told_also_to_who_asks_late():
    told = []
    one, _ = exchange()
    one.pressed(True)
    one.on_pressure(told.append)
    assert told == [True]
    one.pressed(False)
    assert told == [True, False]
    await one.drained()
    one.pressed(True)
    one.on_pressure(None)
    one.pressed(False)
    assert told == [True, False, True]


async def test_who_waits_for_the_caller_waits_for_one_word_however_often_it_is_said():
    one, _ = exchange()
    one.pressed(False)
    assert one.writable is None
    one.pressed(True)
    waiting = one.writable
    one.pressed(True)
    assert one.writable is waiting
    one.pressed(False)
    assert waiting.done()


async def test_nobody_is_told_of_pressure_behind_the_end():
    told = []
    one, _ = exchange()
    one.begin(200, b"")
    one.on_pressure(told.append)
    one.end()
    one.pressed(True)
    assert told == []


async def test_losing_the_caller_frees_who_waits_for_it_and_tells_nobody_to_go_on():
    told = []
    one, _ = exchange()
    one.on_pressure(told.append)
    one.pressed(True)
    one.lost()
    await one.drained()
    assert told == [True]
