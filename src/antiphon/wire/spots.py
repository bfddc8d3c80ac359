"""Edits of a body whose fields' places are known, whichever dialect it is in."""

from collections.abc import Collection, Iterator, Mapping

from antiphon.core.body import Edit
from antiphon.core.request import Field


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
