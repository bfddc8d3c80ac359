"""The binary event stream: cut anywhere, checked everywhere, and read as Amazon's own reader reads it."""

from struct import pack
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.wire.eventstream import MAX_FRAME_BYTES, Frame, FrameReader, Header, encode_frame

often = settings(max_examples=200, deadline=None)

NAME = st.text(min_size=1, max_size=8)
VALUE: st.SearchStrategy[Header] = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=20), st.text(max_size=8)
)
HEADERS = st.dictionaries(NAME, VALUE, max_size=4)
FRAMES = st.lists(st.tuples(HEADERS, st.binary(max_size=40)), max_size=4)

GOLDEN = bytes.fromhex("0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e")
GOLDEN += b"{'foo':'bar'}" + bytes.fromhex("8d9c08b1")
"""The message that the documentation of the format shows, with one header of a text. Source: botocore 1.44.8's tests and
aws-c-event-stream's, `positive/encoded/payload_one_str_header`."""


def framed(headers: bytes, payload: bytes = b"", *, total: int | None = None, length: int | None = None) -> bytes:
    """A frame of raw headers, with checksums that fit whatever its lengths say."""
    size = len(headers) + len(payload) + 16 if total is None else total
    prelude = pack("!II", size, len(headers) if length is None else length)
    frame = prelude + pack("!I", crc32(prelude)) + headers + payload
    return frame + pack("!I", crc32(frame))


def read(data: bytes) -> list[tuple[dict[str, Header], bytes]]:
    return [(dict(frame.headers), frame.payload) for frame in FrameReader().feed(data)]


def test_a_known_frame_is_read_and_written_byte_for_byte() -> None:
    headers: dict[str, Header] = {"content-type": "application/json"}
    assert read(GOLDEN) == [(headers, b"{'foo':'bar'}")]
    assert encode_frame(headers, b"{'foo':'bar'}") == GOLDEN


def test_every_type_of_header_is_read() -> None:
    raw = (
        b"\x01a\x00"
        b"\x01b\x01"
        b"\x01c\x02\xff"
        b"\x01d\x03\xff\xfe"
        b"\x01e\x04\x00\x00\x01\x00"
        b"\x01f\x05\xff\xff\xff\xff\xff\xff\xff\xff"
        b"\x01g\x06\x00\x02\x00\xff"
        b"\x01h\x07\x00\x02\xc3\xa9"
        b"\x01i\x08\x00\x00\x01\x00\x00\x00\x00\x00"
        b"\x01j\x09" + bytes(range(16))
    )
    expected: dict[str, Header] = {
        "a": True,
        "b": False,
        "c": -1,
        "d": -2,
        "e": 256,
        "f": -1,
        "g": b"\x00\xff",
        "h": "é",
        "i": 1 << 40,
        "j": bytes(range(16)),
    }
    assert read(framed(raw)) == [(expected, b"")]


def test_text_gives_a_header_that_is_a_text_and_else_nothing() -> None:
    frame = Frame({":event-type": "chunk", "n": 1}, b"")
    assert (frame.text(":event-type"), frame.text("n"), frame.text("none")) == ("chunk", "", "")


@often
@given(FRAMES, st.data())
def test_what_is_written_is_read_again_however_it_was_cut(
    frames: list[tuple[dict[str, Header], bytes]], data: st.DataObject
) -> None:
    stream = b"".join(encode_frame(headers, payload) for headers, payload in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()
    found: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert [(dict(frame.headers), frame.payload) for frame in found] == frames
    assert not reader.holding


def test_a_frame_that_comes_byte_by_byte_is_given_back_with_its_last() -> None:
    reader = FrameReader()
    given_back = [reader.feed(GOLDEN[at : at + 1]) for at in range(len(GOLDEN))]
    assert [len(frames) for frames in given_back] == [0] * (len(GOLDEN) - 1) + [1]


def test_the_start_of_a_frame_is_told_to_be_held() -> None:
    reader = FrameReader()
    assert reader.feed(GOLDEN + GOLDEN[:5])[0].payload == b"{'foo':'bar'}"
    assert reader.holding


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (GOLDEN[:8] + b"\x00" + GOLDEN[9:], "prelude"),
        (GOLDEN[:-1] + b"\x00", "fails its checksum"),
        (GOLDEN[:50] + b"x" + GOLDEN[51:], "fails its checksum"),
        (framed(b"", total=MAX_FRAME_BYTES + 1), "longer than"),
        (framed(b"", total=15), "don't fit"),
        (framed(b"", length=1), "don't fit"),
        (framed(b"", total=200_016, length=131_073), "don't fit"),
        (framed(b"\x01a\x0a"), "unknown type 10"),
        (framed(b"\x05a"), "behind its end"),
        (framed(b"\x01a"), "behind its end"),
        (framed(b"\x01a\x05\x00"), "behind its end"),
        (framed(b"\x01a\x07\x00"), "behind its end"),
        (framed(b"\x01a\x07\x00\x02x"), "behind its end"),
        (framed(b"\x01a\x09\x00"), "behind its end"),
        (framed(b"\x01a\x07\x00\x01\xff"), "not UTF-8"),
        (framed(b"\x01\xff\x00"), "not UTF-8"),
        (framed(b"\x01a\x00\x01a\x00"), "twice"),
    ],
)
def test_a_malformed_stream_is_refused_saying_how(stream: bytes, said: str) -> None:
    with pytest.raises(UpstreamMalformed, match=said):
        FrameReader().feed(stream)


@often
@given(st.lists(st.binary(max_size=40) | st.sampled_from([GOLDEN, GOLDEN[:20], GOLDEN[20:]]), max_size=5))
def test_arbitrary_bytes_raise_nothing_but_upstream_errors(pieces: list[bytes]) -> None:
    reader = FrameReader()
    try:
        for piece in pieces:
            reader.feed(piece)
    except UpstreamError:
        return


@pytest.mark.parametrize(
    "headers",
    [{"": "x"}, {"a" * 256: "x"}, {"a": "x" * 32_768}, {f"h{n}": "x" * 30_000 for n in range(5)}],
)
def test_what_the_format_cannot_hold_is_not_written(headers: dict[str, Header]) -> None:
    with pytest.raises(ValueError, match="header"):
        encode_frame(headers, b"")


def test_a_frame_that_is_too_long_is_not_written() -> None:
    with pytest.raises(ValueError, match="too long"):
        encode_frame({}, bytes(MAX_FRAME_BYTES))


def test_headers_beyond_those_that_are_kept_are_read_all_the_same() -> None:
    reader = FrameReader()
    numbers = [frame.headers["n"] for n in range(200) for frame in reader.feed(encode_frame({"n": n}, b""))]
    assert numbers == list(range(200))


@often
@given(FRAMES)
def test_amazons_own_reader_reads_what_is_written_as_we_do(frames: list[tuple[dict[str, Header], bytes]]) -> None:
    botocore = pytest.importorskip("botocore.eventstream", reason="botocore is not installed")
    stream = b"".join(encode_frame(headers, payload) for headers, payload in frames)
    buffer = botocore.EventStreamBuffer()
    buffer.add_data(stream)
    theirs = [(message.headers, message.payload) for message in buffer]
    assert theirs == read(stream) == frames


@often
@given(st.binary(max_size=60))
def test_headers_that_we_read_are_read_alike_by_amazons_own_reader(raw: bytes) -> None:
    botocore = pytest.importorskip("botocore.eventstream", reason="botocore is not installed")
    try:
        ours = read(framed(raw))
    except UpstreamMalformed:
        return
    buffer = botocore.EventStreamBuffer()
    buffer.add_data(framed(raw))
    assert [(message.headers, message.payload) for message in buffer] == ours
