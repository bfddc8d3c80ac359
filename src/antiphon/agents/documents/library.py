"""All documents of one set, for checks of each beside the others."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property

from antiphon.agents.documents.document import Document

Path = tuple[str | int, ...]
Wrong = tuple[Path, str, str]
"""Where in the document, from its root; what is wrong; what to write."""
MAKERS = frozenset({"Tool", "ToolServer", "Collection"})
"""Kinds that give tools: one by the document's name, or several that begin with `NAME__`."""


class Library:
    """Looks names up."""

    def __init__(
        self, documents: Sequence[Document], models: Collection[str] | None, built_in: Collection[str]
    ) -> None:
        """Args:
        models: Public names that agents may ask for; None: they are not known here, and not checked.
        built_in: Tools that are there without a document.
        """
        self.documents, self.models, self.built_in = documents, models, frozenset(built_in)

    @cached_property
    def _names(self) -> dict[str, dict[str, list[Document]]]:
        found: dict[str, dict[str, list[Document]]] = {}
        for one in self.documents:
            found.setdefault(one.kind, {}).setdefault(one.name, []).append(one)
        return found

    def names(self, kind: str) -> Collection[str]:
        """Of documents of a kind."""
        return self._names.get(kind, {}).keys()

    def one(self, kind: str, name: str, version: str = "") -> Document | None:
        """The newest version of a document, or one version."""
        found = self._names.get(kind, {}).get(name, [])
        if not version:
            return found[-1] if found else None
        return next((one for one in found if one.version == version), None)

    def has_tool(self, name: str) -> bool:
        """Whether a tool, or a pattern with `*` at its end, can lead to anything."""
        if name.endswith("*"):
            return any(fnmatchcase(one, name) for one in self._tools()) or self._made(name[:-1])
        return name in self._tools() or self._made(name)

    def tools(self) -> list[str]:
        """Names to choose from."""
        return sorted(self._tools())

    def _tools(self) -> Iterator[str]:
        yield from self.built_in
        for kind in MAKERS:
            for name in self.names(kind):
                yield from (name, name.replace("-", "_").replace(".", "_"))

    def _made(self, name: str) -> bool:
        """Whether it begins as those of a server, or of another document with several tools, do."""
        server, found, _ = name.partition("__")
        return bool(found) and server in set(self._tools())


def near(name: str, names: Collection[str], what: str) -> str:
    """A remedy for a name that isn't known."""
    close = get_close_matches(name, sorted(names), n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"write one of {', '.join(sorted(names))}" if names else f"there is no {what}; write one first"
