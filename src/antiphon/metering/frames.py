"""How a record stands in a journal's ring, and how one that is not whole is told.

    4 bytes length of what follows the checksum, 4 bytes CRC-32 of it,
    1 byte kind, 36 bytes receipt id, payload

Little endian. The checksum begins with the record's position, so that what an earlier round of the ring
left behind is not taken for a record of this one.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

PREFIX = struct.Struct("<II")
LEAST_BYTES = 1 + 36
"""Of a kind and an id."""
PREFIX_BYTES = PREFIX.size
MAX_FRAME_BYTES = 268_435_456
SEED_MASK = 0xFFFFFFFF


class Kind(IntEnum):
    """What a frame records."""

    OPENED = 1
    CLOSED = 2
    CONTENT = 3
    BASIS = 4
    """What the records behind it that name it have in common; its id is that of no receipt."""
    KEPT = 5
    """Entries that callers left to be kept, as MessagePack; its id is the key of the first."""
    HOLDS = 6
    """Accounts that tickets hold on, as MessagePack; the records behind it name its id."""
    SCORES = 7
    """How good answers were, as MessagePack; its id is that of the first one's receipt."""
    AUDIT = 8
    """An event for auditors, as MessagePack."""
    KEYS = 9
    """A data key, wrapped, as MessagePack; its id is the key's."""
    CAPTURED = 10
    """Content beside a receipt, with whose it is and until when, as MessagePack."""


_KINDS = {kind.value: kind for kind in Kind}


BASIS_CHARACTERS = 36
"""Length of a basis's id, like a receipt's."""


def named(payload: bytes) -> tuple[str, bytes]:
    """The id of a record's basis, empty when it has none, and the rest of it."""
    basis, start = basis_at(payload, 0)
    return basis, payload[start:]


def basis_at(data: bytes, start: int) -> tuple[str, int]:
    """The same of a payload that lies within other bytes, and where the rest of it begins."""
    if data[start : start + 1] == b"{":
        return "", start
    rest = start + BASIS_CHARACTERS
    return data[start:rest].decode("ascii"), rest


class Frame(Struct, frozen=True, gc=False):
    """One record. `end` is the position behind it."""

    kind: Kind
    id: str
    payload: bytes
    end: int


Span = tuple[Kind, str, int, int]
"""A record's kind and id, and the offsets in its piece where its payload begins and ends."""


def frame(kind: Kind, receipt_id: str, payload: bytes, position: int) -> bytes:
    """A record as bytes that go to this position."""
    record = b"%c%b%b" % (kind, receipt_id.encode(), payload)
    return PREFIX.pack(len(record), zlib.crc32(record, position & SEED_MASK)) + record


def spans(data: bytes, base: int) -> Iterator[Span]:
    """Whole frames of a piece that begins at position `base`; stops at the first that is not whole."""
    view, whole, unpack, crc32, kinds = memoryview(data), len(data), PREFIX.unpack_from, zlib.crc32, _KINDS
    at, last = 0, whole - PREFIX_BYTES - LEAST_BYTES
    while at <= last:
        length, checksum = unpack(data, at)
        start, seed = at + PREFIX_BYTES, (base + at) & SEED_MASK
        at = start + length
        if not LEAST_BYTES <= length <= MAX_FRAME_BYTES or at > whole:
            return
        kind = kinds.get(data[start])
        if kind is None or crc32(view[start:at], seed) != checksum:
            return
        payload = start + LEAST_BYTES
        yield kind, data[start + 1 : payload].decode("ascii"), payload, at


def frames(data: bytes, base: int) -> Iterator[Frame]:
    """The same, with the payloads."""
    for kind, receipt_id, start, end in spans(data, base):
        yield Frame(kind, receipt_id, data[start:end], base + end)
