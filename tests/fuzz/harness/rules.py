"""What every target shares: cuts, chances and comparisons that follow from the input alone, so that it says everything."""

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from zlib import crc32

from antiphon.core.body import Body
from antiphon.core.error import AntiphonError
from antiphon.core.request import Head, Spots

T = TypeVar("T")
BOM = b"\xef\xbb\xbf"


def dice(data: bytes) -> random.Random:
    """Chances that are the same for the same input."""
    return random.Random(crc32(data))


def cuts(data: bytes) -> tuple[bytes, ...]:
    """An input in pieces: two to nine of any length, empty ones too; every sixth time byte by byte."""
    chance = dice(data)
    if chance.randrange(6) == 0 and len(data) <= 2_000:
        return tuple(data[at : at + 1] for at in range(len(data))) or (b"",)
    edges = sorted(chance.randint(0, len(data)) for _ in range(chance.randint(1, 8)))
    return tuple(data[start:end] for start, end in zip([0, *edges], [*edges, len(data)], strict=True))


def outcome(do: Callable[[], T], allowed: type[AntiphonError]) -> tuple[T | None, AntiphonError | None]:
    """What came of it: a value or an error that is allowed. Any other error is a finding."""
    try:
        return do(), None
    except allowed as error:
        told = error
    assert told.message, "an error must say what is wrong"
    return None, told


def at_last(found: Iterator[T | None]) -> T:
    """What a reader in slices gives at its end, once."""
    *between, end = found
    assert all(one is None for one in between)
    assert end is not None
    return end


def named(body: Body, spots: Spots, head: Head) -> bytes:
    """What stands where the model is to be replaced, less the white space around it; empty: the body names none."""
    start, end = spots.model
    assert 0 <= start <= end <= body.size_bytes, f"spots of {head.dialect} outside the body"
    return body.slice(start, end).strip()


def same(one: Any, other: Any, what: str) -> None:
    """Both must be equal; NaN does not occur."""
    assert one == other, f"{what}:\n  {one!r}\n  {other!r}"
