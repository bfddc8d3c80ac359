"""The journal's frames: how a record stands in a file, and how a torn end is told.

    4 bytes length of what follows the checksum, 4 bytes CRC-32 of it,
    1 byte kind, 36 bytes receipt id, payload

Little endian. A frame whose length or checksum is wrong ends the file: it was being written when
the process died. So does one that is too short for a kind and an id: zeros, as a loss of power may
leave them behind, are a length and a checksum that agree.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

_PREFIX = struct.Struct("<II")
_ID_BYTES = 36
PREFIX_BYTES = _PREFIX.size
MAX_FRAME_BYTES = 268_435_456


class Kind(IntEnum):
    """What a frame records."""

    OPENED = 1
    CLOSED = 2
    CONTENT = 3


_KINDS = {kind.value: kind for kind in Kind}


class Frame(Struct, frozen=True, gc=False):
    """One record. `end` is the offset behind it."""

    kind: Kind
    id: str
    payload: bytes
    end: int


def frame(kind: Kind, receipt_id: str, payload: bytes) -> bytes:
    """A record as bytes."""
    rest = b"%c%b%b" % (kind, receipt_id.encode(), payload)
    return _PREFIX.pack(len(rest), zlib.crc32(rest)) + rest


def first_size(data: bytes) -> int:
    """Bytes of the record that begins here, as far as its prefix can be believed; 0 when there is none."""
    if len(data) < PREFIX_BYTES:
        return 0
    length, _ = _PREFIX.unpack_from(data)
    return PREFIX_BYTES + length if length <= MAX_FRAME_BYTES else 0


def frames(data: bytes, base: int = 0) -> Iterator[Frame]:
    """Whole frames of a piece of a journal that begins at offset `base`; stops at the first torn one."""
    at = 0
    while at + PREFIX_BYTES + 1 + _ID_BYTES <= len(data):
        length, checksum = _PREFIX.unpack_from(data, at)
        start = at + PREFIX_BYTES
        if not 1 + _ID_BYTES <= length <= MAX_FRAME_BYTES or start + length > len(data):
            return
        rest = data[start : start + length]
        kind = _KINDS.get(rest[0])
        if kind is None or zlib.crc32(rest) != checksum:
            return
        at = start + length
        yield Frame(kind, rest[1 : 1 + _ID_BYTES].decode(), rest[1 + _ID_BYTES :], base + at)
