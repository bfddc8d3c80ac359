"""All documents of one revision: immutable, replaced whole."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from antiphon.core.principal import Principal

if TYPE_CHECKING:  # a gateway without agents has an empty shelf
    from antiphon.agents.documents.document import AgentDocument, Document


class Shelf(Struct, frozen=True, kw_only=True):
    """What there is under one revision of documents."""

    agents: Mapping[str, Mapping[str, "AgentDocument"]] = {}
    """By name and version, the newest version last: versions are ordered as they were published."""
    others: Mapping[str, Mapping[str, "Document"]] = {}
    """Documents of other kinds by kind (`Tool`, `ToolServer`, `Collection`, `Trigger`, `Prompt`, `RemoteAgent`) and name,
    each in its newest version; `spec` is the struct of the kind."""
    documents: "tuple[Document, ...]" = ()
    """All of them, every version, as they were published."""
    revision: str = ""
    """16 hexadecimal digits of all of them."""

    def agent(self, name: str, version: str = "") -> "AgentDocument | None":
        """The newest version, or one."""
        versions = self.agents.get(name, {})
        return versions.get(version) if version else next(iter((*versions.values(),)[-1:]), None)

    def of(self, kind: str) -> "Mapping[str, Document]":
        """Documents of another kind than Agent, by name."""
        return self.others.get(kind, {})

    def visible(self, principal: Principal) -> "list[AgentDocument]":
        """Those of everybody and of the caller's tenant that its key may ask for, by name, each in its newest version."""
        found = [(*versions.values(),)[-1] for _, versions in sorted(self.agents.items()) if versions]
        return [
            one
            for one in found
            if one.metadata.tenant in ("", principal.tenant) and principal.may_ask(f"agent/{one.name}")
        ]
