"""Where the fields of a body stand, for edits of its bytes."""

from collections.abc import Mapping

from antiphon.core.body import Body
from antiphon.core.request import Field, Spots
from antiphon.wire.scan import Scanner


def fields_of(body: Body, spots: Spots) -> Mapping[str, Field]:
    """Where every top-level field of a body stands; scanned unless that is known."""
    return scan(body).fields if spots.fields is None else spots.fields


def scan(body: Body) -> Scanner:
    """Scan a whole body at once."""
    scanner = Scanner(body)
    while not scanner.step(1_000_000):
        pass
    return scanner


def first_byte(body: Body, start: int) -> tuple[int, bytes]:
    """The first byte from `start` that is no white space, and where it is; empty when there is none."""
    while window := body.slice(start, start + 64):
        rest = window.lstrip()
        if rest:
            return start + len(window) - len(rest), rest[:1]
        start += len(window)
    return start, b""
