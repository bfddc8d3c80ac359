import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from antiphon.core.error import UpstreamMalformed
from antiphon.wire.sse import SseReader, data_of

ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
LINES = st.one_of(
    st.sampled_from([b"", b"data", b"data:", b"data: ", b": ping", b"event: x", b"id:1", b"datum: 2", b" data: 3"]),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=6).map(
        lambda text: b"data: " + text.encode()
    ),
    st.binary(max_size=4).filter(lambda line: b"\r" not in line and b"\n" not in line),
)
STREAMS = st.tuples(st.sampled_from([b"", b"\xef\xbb\xbf"]), st.lists(st.tuples(LINES, ENDS), max_size=12)).map(
    lambda parts: parts[0] + b"".join(line + end for line, end in parts[1])
)


def read(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    reader = SseReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events, reader.end()


def datas_by_the_standard(stream: bytes) -> list[bytes]:
    """The standard's own algorithm, line by line over the whole stream; what no blank line ends is discarded."""
    out: list[bytes] = []
    buffer: list[bytes] = []
    *lines, _ = re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))
    for line in lines:
        if line == b"":
            if buffer:
                out.append(b"\n".join(buffer))
            buffer = []
        elif line == b"data":
            buffer.append(b"")
        elif line.startswith(b"data:"):
            value = line[5:]
            buffer.append(value[1:] if value.startswith(b" ") else value)
    return out


@given(STREAMS, st.data())
@example(b"\xef\xbb\xbfdata: a\r\n\r\ndata: b\r\r\n", None)
def test_any_cut_of_a_stream_gives_the_same_events(stream: bytes, data: st.DataObject | None) -> None:
    if data is None:
        pieces = [stream[at : at + 1] for at in range(len(stream))]
    else:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert read(pieces) == read([stream])


@given(STREAMS)
def test_no_byte_is_lost_but_the_mark(stream: bytes) -> None:
    events, rest = read([stream])

    assert b"".join(events) + rest == stream.removeprefix(b"\xef\xbb\xbf")


@given(STREAMS)
def test_the_data_is_what_the_standard_says(stream: bytes) -> None:
    events, rest = read([stream])
    datas = [data for event in events if (data := data_of(event)) is not None]
    held = data_of(rest) if rest.endswith(b"\r") else None

    assert datas_by_the_standard(stream) in (datas, [*datas, held])


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\n", b"\n\r", b"\r\n\r", b"\r\r\n"])
def test_every_pair_of_line_ends_ends_an_event(end: bytes) -> None:
    events, rest = read([b"data: a" + end + b"data: b" + end + b": last"])

    assert events == [b"data: a" + end, b"data: b" + end]
    assert rest == b": last"


def test_one_line_end_of_two_bytes_is_not_two() -> None:
    events, rest = read([b"event: x\r\ndata: a\r\n"])

    assert events == []
    assert rest == b"event: x\r\ndata: a\r\n"


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    reader = SseReader()

    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [b"data: a\n\n"]
    assert reader.feed(b"data: b\n\n") == [b"data: b\n\n"]
    assert reader.feed(b"data: c\r\n\r\ndata") == [b"data: c\r\n\r\n"]
    assert reader.feed(b": d\n\n") == [b"data: d\n\n"]
    assert reader.end() == b""


def test_a_carriage_return_waits_for_its_other_half() -> None:
    reader = SseReader()

    assert reader.feed(b"data: a\r\n\r") == []
    assert reader.feed(b"\n") == [b"data: a\r\n\r\n"]
    assert reader.feed(b"data: b\r\r") == []
    assert reader.end() == b"data: b\r\r"


@pytest.mark.parametrize("size", [1, 7, 64])
def test_an_event_above_the_bound_is_refused_however_it_comes(size: int) -> None:
    longest = b"data: " + b"x" * 56 + b"\n\n"
    assert len(longest) == 64

    def run(stream: bytes) -> None:
        reader = SseReader(max_event_bytes=64)
        reader.feed(b": begin\n\n")
        for at in range(0, len(stream), size):
            reader.feed(stream[at : at + size])

    run(longest * 3)
    with pytest.raises(UpstreamMalformed, match="longer than 64 bytes"):
        run(b"data: x" + longest[6:])
    with pytest.raises(UpstreamMalformed, match="longer than 64 bytes"):
        run(b"x" * 80)


def test_many_events_in_one_piece_may_exceed_the_bound_of_one() -> None:
    reader = SseReader(max_event_bytes=64)

    assert len(reader.feed(b"data: 1\n\n" * 1000)) == 1000


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\n\n", b"{}"),
        (b"data:  {}\r\n\r\n", b" {}"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"data: a\rdata: b\r\r", b"a\nb"),
        (b"event: x\ndata: a\nid: 1\n\n", b"a"),
        (b"data\n\n", b""),
        (b"data:\n\n", b""),
        (b": keep-alive\n\n", None),
        (b"event: ping\n\n", None),
        (b"\n\n", None),
        (b"database: x\n\n", None),
        (b"\ndata: a\n\n", b"a"),
        (b"data: a", b"a"),
        (b"data: a:b\n\n", b"a:b"),
    ],
)
def test_the_data_of_an_event_is_read(event: bytes, data: bytes | None) -> None:
    assert data_of(event) == data
