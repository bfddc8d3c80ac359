"""Kinds of documents: what each may say, and what must hold of it beside the others."""

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct

from antiphon.agents.check_agent import check_agent
from antiphon.agents.document import AgentSpec, Document, PromptSpec
from antiphon.agents.library import Library, Wrong

API_VERSION = "antiphon/v1"
"""Of documents, in `apiVersion`."""
Check = Callable[[Document, Library], Iterable[Wrong]]
"""What is wrong with a document whose single values are right."""


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of documents."""

    name: str
    spec: type[Struct]
    check: Check | None = None
    plural: str = ""
    """In paths of the admin API and in talk."""


def kinds(found: Iterable[Kind]) -> Mapping[str, Kind]:
    """By name."""
    return MappingProxyType({one.name: one for one in found})


KINDS: Mapping[str, Kind] = kinds(
    (
        Kind(name="Agent", spec=AgentSpec, check=check_agent),
        Kind(name="Prompt", spec=PromptSpec),
    )
)
"""Those that there are."""


def known(names: Collection[str] = ()) -> str:
    """In words, for remedies."""
    return ", ".join(sorted(names or KINDS))
