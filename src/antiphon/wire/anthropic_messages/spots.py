"""Where the fields of a body stand, for edits of its bytes."""

from collections.abc import Collection, Iterator, Mapping

from antiphon.core.body import Body, Edit
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


def dropped(fields: Mapping[str, Field], drop: Collection[str]) -> Iterator[Edit]:
    """One edit for each run of fields that go, the comma on one side of it included."""
    kept: Field | None = None
    first: Field | None = None
    last: Field | None = None
    for name, field in fields.items():
        if name in drop:
            first, last = first or field, field
            continue
        if first is not None and last is not None:
            yield Edit(first.key, field.key, b"") if kept is None else Edit(kept.end, last.end, b"")
        kept, first = field, None
    if kept is not None and first is not None and last is not None:
        yield Edit(kept.end, last.end, b"")
