"""A kind of documents: what its documents may say, and what must hold of them beside the others."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from antiphon.agents.documents.document import Document
from antiphon.agents.documents.library import Library, Wrong

API_VERSION = "antiphon/v1"
"""Of documents, in `apiVersion`."""
Check = Callable[[Document, Library], Iterable[Wrong]]
"""What is wrong with a document whose single values are right."""


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of documents; `agents/documents/catalogue.py` lists them."""

    name: str
    spec: type[Struct]
    check: Check | None = None
    plural: str = ""
    """In paths and in talk."""
    fills: bool = True
    """`${…}` in a document is filled in when it is read. Else only that it can be is checked, and its room does so at use,
    so that nobody reads a secret in a document.
    """


def own(document: Document, _: Library) -> Iterator[Wrong]:
    """What the `check()` of a spec says: (path below `spec`, what is wrong, what to write)."""
    for path, wrong, remedy in document.spec.check():
        yield ("spec", *(part for part in path.split(".") if part)), wrong, remedy
