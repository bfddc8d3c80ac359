"""What a run goes on with beside its agent's own text: the documents of its tools, as they stood when it began."""

from collections.abc import Collection, Iterator, Mapping

from antiphon.agents.documents.document import AgentDocument, Document
from antiphon.agents.documents.library import MAKERS
from antiphon.agents.documents.shelf import Shelf

DIGITS = 16
"""Of a document's digest."""


def pins(shelf: Shelf, agent: AgentDocument, tenant: str) -> dict[str, str]:
    """Digests of the documents that give an agent's tools, by `KIND/NAME`; collections that those read are among them. Pure."""
    children = agent.spec.children.compensate
    wanted = (*agent.spec.tools, *children, *children.values())
    found: dict[str, str] = {}
    for document in _makers(shelf):
        if document.metadata.tenant in ("", tenant) and any(_gives(document.name, one) for one in wanted):
            found[_name(document)] = document.digest[:DIGITS]
            for read in _collections(shelf, document):
                found[_name(read)] = read.digest[:DIGITS]
    return found


def changed(began: Mapping[str, str], now: Mapping[str, str], calls: Collection[str] | None = None) -> str:
    """Which of them a run can't go on with, and why; empty: none. What came beside them since changes nothing. Pure.

    Args:
        calls: Tools whose calls the run stopped at: only the documents that give those matter. None: all do.
    """
    for name, digest in began.items():
        if calls is not None and not any(_gives(name.partition("/")[2], one) for one in calls):
            continue
        if name not in now:
            return f"{name} is gone, or another"
        if now[name] != digest:
            return f"{name} says another text"
    return ""


def _makers(shelf: Shelf) -> Iterator[Document]:
    for kind in sorted(MAKERS):
        yield from shelf.of(kind).values()


def _gives(name: str, wanted: str) -> bool:
    """Whether a document may give a tool of a name, or one that begins so (`*`): by its own name, or as `NAME__TOOL`."""
    for own in {name, name.replace("-", "_").replace(".", "_")}:
        if wanted.endswith("*"):
            start = wanted[:-1]
            if own.startswith(start) or start.startswith(f"{own}__"):
                return True
        elif wanted == own or wanted.startswith(f"{own}__"):
            return True
    return False


def _collections(shelf: Shelf, document: Document) -> Iterator[Document]:
    reads = getattr(document.spec, "documents", None)
    there = shelf.of("Collection")
    for name in () if reads is None else reads.collections:
        if name in there:
            yield there[name]


def _name(document: Document) -> str:
    return f"{document.kind}/{document.name}"
