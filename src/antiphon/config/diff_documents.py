"""Which documents come, change and go between two sets of them."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from antiphon.agents.documents.shelf import Shelf

State = Literal["new", "changed", "gone", "api"]
"""`changed`: a version says another text, which a gateway refuses where it runs. `api`: it is the admin API's, and stays."""


class DocumentChange(Struct, frozen=True, kw_only=True):
    """A document that is not the same on both sides."""

    id: str
    """`KIND/NAME@VERSION`."""
    state: State
    old: str | None = None
    """SHA-256, 64 hexadecimal digits; None: it is not there."""
    new: str | None = None


def diff_documents(old: Mapping[str, str], new: Mapping[str, str]) -> list[DocumentChange]:
    """Documents that differ, by digests of ids: those of before first, in their order.

    Args:
        old, new: Digests by `KIND/NAME@VERSION`.
    """
    found: list[DocumentChange] = []
    for name in {**old, **new}:
        was, becomes = old.get(name), new.get(name)
        if was != becomes:
            state: State = "new" if was is None else "gone" if becomes is None else "changed"
            found.append(DocumentChange(id=name, state=state, old=was, new=becomes))
    return found


def digests(shelf: Shelf) -> dict[str, str]:
    """Digests of all versions on a shelf, by id."""
    return {one.id: one.digest for one in shelf.documents}
