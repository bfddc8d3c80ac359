"""Documents of the admin API, read beside those of files."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from antiphon.agents.documents.document import Document
from antiphon.agents.documents.reading import shelved
from antiphon.agents.documents.shelf import Shelf
from antiphon.config.document_files import secrets
from antiphon.config.documents import TRIFECTA, Read, models_of, read_values, unsafe
from antiphon.config.load import Loaded
from antiphon.control.documents import DocumentForms
from antiphon.control.ownership import Flaw, Flawed
from antiphon.core.error import Problem
from antiphon.net.addresses import nature, parsed, plain
from antiphon.net.egress import is_this_machine
from antiphon.wire.yaml_node import dotted

log = logging.getLogger("antiphon.agents")
LOCAL: Mapping[str, tuple[str, ...]] = {
    "Agent": ("code",),
    "Tool": ("python", "sql", "openapi.file", "openapi.ca_file", "http.ca_file", "files.folder", "browser.program"),
    "ToolServer": ("program", "ca_file"),
    "RemoteAgent": ("ca_file",),
    "Collection": ("files",),
}
"""What names files and programs of the gateway's machine: whoever may write documents by the API need not reach them."""
RIGHTS: Mapping[str, tuple[str, ...]] = {
    "Tool": ("http.networks", "openapi.networks", "ticket.networks"),
    "ToolServer": ("networks",),
    "RemoteAgent": ("networks",),
    "Trigger": ("service.roles", "service.clearance"),
}
"""What gives more than others have: ways into our own networks, and roles before policies."""
PLACES: Mapping[str, tuple[str, ...]] = {
    "Tool": ("http.url", "openapi.url", "openapi.server", "ticket.webhook", "browser.hosts"),
    "ToolServer": ("url", "oauth.issuer"),
    "RemoteAgent": ("url",),
}
"""What says where to go. An address of our own networks that a file writes out is meant; one of the API is refused."""


class FileDocuments(DocumentForms):
    """Of one configuration."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def own(self) -> Sequence[Document]:
        return self._loaded.shelf.documents

    def read(self, raws: Sequence[Mapping[str, Any]]) -> list[Document]:
        read = read_values(raws)
        problems = [*read.problems, *_local(read)]
        if problems:
            raise _flawed(problems)
        return read.documents

    def check(self, documents: Sequence[Document]) -> None:
        whole = [*self.own(), *documents]
        shelf, mistakes = shelved(whole, models=models_of(self._loaded.settings))
        flaws = tuple(
            Flaw(field=f"{whole[one.at].id}: {dotted(one.path)}", wrong=one.wrong, remedy=one.remedy)
            for one in mistakes
        )
        flaws = flaws or tuple(self._unsafe(shelf))
        if flaws:
            raise Flawed("; ".join(f"{one.field}: {one.wrong}; {one.remedy}" for one in flaws), flaws)

    def _unsafe(self, shelf: Shelf) -> Iterator[Flaw]:
        loaded = self._loaded
        for name, why in unsafe(shelf, loaded.base, secrets(loaded.environ, loaded.base)):
            wrong, _, remedy = why.rpartition(": ")
            yield Flaw(field=f"{name}: {dotted(TRIFECTA)}", wrong=wrong, remedy=remedy)


def merged(loaded: Loaded, raws: Sequence[Mapping[str, Any]]) -> Shelf:
    """The shelf of files and of the API. Where those of the API no longer hold beside the files, the files' stand alone."""
    if not raws:
        return loaded.shelf
    forms = FileDocuments(loaded)
    try:
        documents = forms.read(raws)
        forms.check(documents)
    except Flawed as error:
        log.error("documents.left_out", extra={"reason": error.message})
        return loaded.shelf
    return shelved([*forms.own(), *documents], models=models_of(loaded.settings))[0]


def _local(read: Read) -> Iterator[Problem]:
    """What documents of files alone may say."""
    remedy = "write this document in a file of `agents.documents`"
    for document, written in zip(read.documents, read.written, strict=False):
        for names, wrong in (
            (LOCAL, "names something of the gateway's machine"),
            (RIGHTS, "gives rights that only files give"),
        ):
            for path in map(_path, names.get(document.kind, ())):
                if written.has(path):
                    yield written.problem(path, wrong, remedy)
        for name in PLACES.get(document.kind, ()):
            if any(map(_inside, _said(document.spec, name))):
                yield written.problem(_path(name), "leads into the gateway's own network", remedy)


def _path(name: str) -> tuple[str, ...]:
    return ("spec", *name.split("."))


def _said(spec: Any, name: str) -> Sequence[str]:
    """What a document says at a path below its spec."""
    found = spec
    for part in name.split("."):
        found = None if found is None else getattr(found, part)
    return (found,) if isinstance(found, str) else found or ()


def _inside(place: str) -> bool:
    """Whether a URL, or a host with or without its port, is written as an address that is not public, or as this machine."""
    try:
        host = urlsplit(place if "//" in place else f"//{place}").hostname or ""
    except ValueError:
        return True
    address = parsed(host)
    return is_this_machine(host) or (address is not None and bool(nature(plain(address))))


def _flawed(problems: Sequence[Problem]) -> Flawed:
    flaws = tuple(Flaw(field=one.path, wrong=one.wrong, remedy=one.remedy) for one in problems)
    return Flawed("; ".join(f"{one.field}: {one.wrong}; {one.remedy}" for one in flaws), flaws)
