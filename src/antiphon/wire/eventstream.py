"""Amazon's binary event stream, both ways: length-prefixed frames of headers and a payload, each with two checksums.

    total length u32 | headers length u32 | CRC-32 of these 8 bytes | headers | payload | CRC-32 of all before it

Numbers are big-endian. A header is its name (length u8, UTF-8), a type byte and a value.
Source: smithy.io/2.0/aws/amazon-eventstream.html, 2026-11; botocore 1.44.8, `eventstream.py`.
"""

from collections.abc import Mapping
from struct import Struct as Layout
from types import MappingProxyType
from zlib import crc32

from msgspec import Struct

from antiphon.core.error import UpstreamMalformed

MAX_FRAME_BYTES = 16_777_216
"""A frame above this is refused: it would be held in memory until its end. The protocol's own bound."""
MAX_HEADERS_BYTES = 131_072
"""The protocol's bound on all headers of a frame."""

Header = bool | int | bytes | str
"""A timestamp is an int, in milliseconds since the epoch; a UUID is its 16 bytes."""

_PRELUDE = Layout("!III")
_U32 = Layout("!I")
_U16 = Layout("!H")
_LONG = Layout("!q")
_AROUND = 16
"""Bytes of a frame without headers and payload."""
_INTEGERS = MappingProxyType({2: 1, 3: 2, 4: 4, 5: 8, 8: 8})
"""Bytes of a number, by its type: byte, short, integer, long, timestamp."""
_BYTES, _TEXT, _UUID = 6, 7, 9
_MOST_KEPT = 64


class Frame(Struct, frozen=True, gc=False):
    """One message of a stream. Frames with the same headers share them."""

    headers: Mapping[str, Header]
    payload: bytes

    def text(self, name: str) -> str:
        """A header's value when it is a text; else empty."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class FrameReader:
    """Gives back whole frames, however the bytes were cut on their way."""

    __slots__ = ("_held", "_kept", "_needed")

    def __init__(self) -> None:
        self._held = bytearray()
        self._needed = _PRELUDE.size
        """How much must be held before there is anything to read."""
        self._kept: dict[bytes, Mapping[str, Header]] = {}
        """Headers that were read: most frames of a stream repeat them."""

    @property
    def holding(self) -> bool:
        """Whether the start of a frame waits for its rest."""
        return bool(self._held)

    def feed(self, piece: bytes) -> list[Frame]:
        """Take what came. Returns: the frames that are whole now.

        Raises: UpstreamMalformed on a checksum that doesn't fit, a length over its bound, and headers that can't be read.
        """
        held = self._held
        if held:
            held += piece
            if len(held) < self._needed:
                return []
            piece = bytes(held)
            held.clear()
        frames: list[Frame] = []
        at, size = 0, len(piece)
        while size - at >= _PRELUDE.size:
            total = self._total(piece, at)
            if size - at < total:
                self._needed = total
                break
            frames.append(self._frame(piece, at, at + total))
            at += total
        else:
            self._needed = _PRELUDE.size
        if at < size:
            held += piece[at:] if at else piece
        return frames

    def _total(self, piece: bytes, at: int) -> int:
        """The length of the frame that begins here, once its prelude was checked."""
        total, headers, checksum = _PRELUDE.unpack_from(piece, at)
        if crc32(piece[at : at + 8]) != checksum:
            raise UpstreamMalformed("the upstream's event stream has a frame whose prelude fails its checksum")
        if total > MAX_FRAME_BYTES:
            raise UpstreamMalformed(f"one frame of the upstream's event stream is longer than {MAX_FRAME_BYTES} bytes")
        if headers > MAX_HEADERS_BYTES or headers + _AROUND > total:
            raise UpstreamMalformed("the upstream's event stream has a frame whose lengths don't fit each other")
        return total

    def _frame(self, piece: bytes, at: int, end: int) -> Frame:
        _, length, prelude_checksum = _PRELUDE.unpack_from(piece, at)
        (checksum,) = _U32.unpack_from(piece, end - 4)
        # A prelude's checksum is the state of the checksum of what follows it.
        if crc32(piece[at + 8 : end - 4], prelude_checksum) != checksum:
            raise UpstreamMalformed("the upstream's event stream has a frame that fails its checksum")
        start = at + _PRELUDE.size
        raw = piece[start : start + length]
        headers = self._kept.get(raw)
        if headers is None:
            headers = MappingProxyType(_headers(raw))
            if len(self._kept) < _MOST_KEPT and length <= 1024:
                self._kept[raw] = headers
        return Frame(headers, piece[start + length : end - 4])


def _headers(raw: bytes) -> dict[str, Header]:
    headers: dict[str, Header] = {}
    at = 0
    while at < len(raw):
        start = at + 1
        at = start + raw[at]
        if at >= len(raw):
            raise _cut_short()
        name = _text(raw[start:at])
        if name in headers:
            raise UpstreamMalformed("a frame of the upstream's event stream has the same header twice")
        headers[name], at = _value(raw, at + 1, raw[at])
    return headers


def _value(raw: bytes, at: int, kind: int) -> tuple[Header, int]:
    """A header's value that begins at an offset, and the offset behind it."""
    if kind <= 1:
        return kind == 0, at
    if kind in _INTEGERS:
        end = at + _INTEGERS[kind]
        return int.from_bytes(_slice(raw, at, end), "big", signed=True), end
    if kind == _UUID:
        return _slice(raw, at, at + 16), at + 16
    if kind not in (_BYTES, _TEXT):
        raise UpstreamMalformed(f"a frame of the upstream's event stream has a header of the unknown type {kind}")
    start = at + 2
    end = start + int.from_bytes(_slice(raw, at, start), "big")
    value = _slice(raw, start, end)
    return (value if kind == _BYTES else _text(value)), end


def _slice(raw: bytes, start: int, end: int) -> bytes:
    if end > len(raw):
        raise _cut_short()
    return raw[start:end]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise UpstreamMalformed("a frame of the upstream's event stream has a header that is not UTF-8") from error


def _cut_short() -> UpstreamMalformed:
    return UpstreamMalformed("a frame of the upstream's event stream has a header that goes on behind its end")


def encode_frame(headers: Mapping[str, Header], payload: bytes) -> bytes:
    """Write one frame. An int is written as a long. Raises: ValueError on what the format can't hold."""
    written = b"".join(_encode_header(name, value) for name, value in headers.items())
    total = len(written) + len(payload) + _AROUND
    if len(written) > MAX_HEADERS_BYTES or total > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {total} bytes with {len(written)} bytes of headers is too long")
    lengths = _U32.pack(total) + _U32.pack(len(written))
    frame = b"".join((lengths, _U32.pack(crc32(lengths)), written, payload))
    return frame + _U32.pack(crc32(frame))


def _encode_header(name: str, value: Header) -> bytes:
    said = name.encode()
    if not 0 < len(said) < 256:
        raise ValueError(f"a header's name must have 1 to 255 bytes, not {len(said)}")
    head = bytes((len(said),)) + said
    if isinstance(value, bool):
        return head + (b"\x00" if value else b"\x01")
    if isinstance(value, int):
        return head + b"\x05" + _LONG.pack(value)
    kind, raw = (_TEXT, value.encode()) if isinstance(value, str) else (_BYTES, value)
    if len(raw) > 32_767:
        raise ValueError(f"a header's value must have at most 32767 bytes, not {len(raw)}")
    return head + bytes((kind,)) + _U16.pack(len(raw)) + raw
