import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.net.frames import Broken, Message, Opcode, Reader, closed, closing, frame, masked

PAYLOADS = st.one_of(
    st.binary(max_size=300), st.integers(120, 70_000).map(lambda size: (b"abcdefg" * (size // 7 + 1))[:size])
)
CONTROLS = st.sampled_from([Opcode.PING, Opcode.PONG])


def read(data: bytes, *, masks: bool = False, most: int = 1 << 20, cut: int = 1 << 20) -> list[Message]:
    reader = Reader(masked=masks, most_bytes=most)
    return [one for at in range(0, len(data), cut) for one in reader.feed(data[at : at + cut])]


@given(st.lists(PAYLOADS, max_size=4), st.booleans(), st.integers(1, 9000))
def test_messages_are_read_as_they_were_written_however_they_are_cut(
    payloads: list[bytes], masks: bool, cut: int
) -> None:
    data = b"".join(frame(Opcode.BINARY, payload, masks=masks) for payload in payloads)
    assert [one.payload for one in read(data, masks=masks, cut=cut)] == payloads


@given(st.binary(max_size=2000), st.binary(min_size=4, max_size=4), st.integers(0, 9))
def test_masking_is_its_own_inverse_from_any_place_on(data: bytes, mask: bytes, at: int) -> None:
    slow = bytes(byte ^ mask[(place + at) % 4] for place, byte in enumerate(data))
    assert masked(data, mask, at) == slow
    assert masked(slow, mask, at) == data


def cut_up(opcode: Opcode, *pieces: bytes) -> list[bytes]:
    """A message in several frames."""
    frames = [frame(Opcode.MORE if place else opcode, piece, masks=False) for place, piece in enumerate(pieces)]
    return [bytes([one[0] & 0x7F]) + one[1:] for one in frames[:-1]] + frames[-1:]


def test_a_message_in_pieces_is_joined_and_a_ping_may_stand_between_them() -> None:
    first, second, third = cut_up(Opcode.TEXT, "h\u00e9".encode()[:2], "h\u00e9".encode()[2:], b"llo")
    ping = frame(Opcode.PING, b"x", masks=False)
    assert read(first + ping + second + third) == [
        Message(Opcode.PING, b"x"),
        Message(Opcode.TEXT, "héllo".encode()),
    ]


BROKEN = {
    "reserved bits": (b"\xc1\x00", 1002),
    "an unknown kind": (b"\x83\x00", 1002),
    "a mask where there is to be none": (frame(Opcode.TEXT, b"a", masks=True), 1002),
    "a cut ping": (b"\x09\x00", 1002),
    "a long ping": (b"\x89\x7e\x00\x7e" + bytes(126), 1002),
    "a continuation of nothing": (b"\x80\x00", 1002),
    "a message within another": (b"\x01\x01a" + b"\x81\x01b", 1002),
    "text that is not UTF-8": (frame(Opcode.TEXT, b"\xff", masks=False), 1007),
    "too long": (frame(Opcode.BINARY, bytes(1001), masks=False), 1009),
    "too long in pieces": (b"".join(cut_up(Opcode.BINARY, bytes(600), bytes(600))), 1009),
    "too long by its head alone": (b"\x82\x7f" + b"\xff" * 8, 1009),
}


@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_protocol_is_named(data: bytes, code: int) -> None:
    with pytest.raises(Broken) as broken:
        read(data, most=1000)
    assert broken.value.code == code


def test_frames_that_are_not_masked_are_refused_where_they_must_be() -> None:
    with pytest.raises(Broken, match="not masked"):
        read(frame(Opcode.TEXT, b"a", masks=False), masks=True)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    reader, codes = Reader(masked=False, most_bytes=200), set[int]()
    for byte in data:
        try:
            reader.feed(bytes([byte]))
        except Broken as broken:
            codes.add(broken.code)
            break
    assert codes <= {1002, 1007, 1009}


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_a_close_says_why(code: int) -> None:
    assert closed(closing(code, "because é")) == (code, "because é")


def test_a_close_may_say_nothing_and_a_long_reason_is_cut_between_characters() -> None:
    assert closed(closing(1005)) == (1005, "")
    code, reason = closed(closing(1000, "é" * 100))
    assert (code, reason) == (1000, "é" * 61)


@pytest.mark.parametrize("payload", [b"a", b"\x03\xed", b"\x03\xee", b"\x00\x00", b"\x13\x88", b"\x03\xe8\xff"])
def test_a_close_that_can_not_be_is_refused(payload: bytes) -> None:
    with pytest.raises(Broken):
        closed(payload)
