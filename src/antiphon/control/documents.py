"""Documents of agents that the admin API owns, beside those of files. Blocks on the store, so it is asked beside a loop."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.documents.document import Document
from antiphon.control.instants import said
from antiphon.control.ownership import Flaw, Flawed
from antiphon.control.stored_document import Stored, read_document, read_spec
from antiphon.core.clock import Clock
from antiphon.core.error import BadRequest, NotFound, OwnedElsewhere
from antiphon.core.objects import Edit, Object, Objects

MOST = 500
"""Documents that are applied at once."""
MOST_BYTES = 262_144
"""Of one."""
_PAGE = 1000
May = Callable[[str], None]
"""Whether documents of a tenant (empty: of everybody) may be changed. Raises: NotAllowed."""
Raw = Mapping[str, Any]


class ShownDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document, as the admin API gives it."""

    id: str
    kind: str
    name: str
    version: str
    owner: str
    """`file`, or `api`."""
    digest: str
    tenant: str = ""
    file: str = ""
    by: str = ""
    at: str = ""
    state: str = ""
    """Of one that is applied: `new`, or `same`: it was there already."""
    document: dict[str, Any] | None = None


class DocumentForms(ABC):
    """Documents of files, and how those of the API are read beside them."""

    @abstractmethod
    def own(self) -> Sequence[Document]:
        """Those of files."""

    @abstractmethod
    def read(self, raws: Sequence[Raw]) -> list[Document]:
        """Read documents by themselves. Raises: Flawed."""

    @abstractmethod
    def check(self, documents: Sequence[Document]) -> None:
        """Whether documents hold beside those of files. Raises: Flawed, with every mistake."""


class Documents:
    """What the admin API and commands do to them. A version is published once and never changes."""

    def __init__(self, objects: Objects, forms: DocumentForms, clock: Clock) -> None:
        self._objects, self._forms, self._clock = objects, forms, clock

    def all(self) -> list[ShownDocument]:
        """Those of files first, then those of the API as they were published."""
        found = [_shown(one) for one in self._forms.own()]
        for one in self._kept():
            stored = read_document(one)
            (read,) = self._forms.read([stored.document])
            found.append(_shown(read, one))
        return found

    def raws(self) -> list[Raw]:
        """Those of the API as they were written, in the order of their publication."""
        return [read_document(one).document for one in self._kept()]

    def get(self, document_id: str) -> ShownDocument:
        """One of them, whole. Raises: NotFound."""
        for one in self._forms.own():
            if one.id == document_id:
                return _shown(one, whole=True)
        kept = self._objects.get("document", document_id)
        if kept is None:
            raise NotFound(f"there is no document {document_id[:200]}; GET /admin/v1/documents lists those there are")
        (read,) = self._forms.read([read_document(kept).document])
        return _shown(read, kept, whole=True)

    def apply(self, raws: Sequence[Raw], may: May, by: str, *, check: bool = False) -> tuple[list[ShownDocument], int]:
        """Publish documents, all of them or none.

        Args:
            check: Only tell what would be done.
        Returns: what became of each, and the version of the last change; 0: nothing changed.
        Raises: Flawed, NotAllowed, VersionConflict.
        """
        _bounded(raws)
        fresh = self._forms.read(raws)
        for one in fresh:
            may(one.metadata.tenant)
        files, kept = {one.id: one for one in self._forms.own()}, self._kept()
        there = files | {one.id: one for one in self._forms.read([read_document(one).document for one in kept])}
        told = [_applied(one, there.get(one.id)) for one in fresh]
        made = [one for one in fresh if one.id not in there]
        self._forms.check([*(one for one in there.values() if one.id not in files), *made])
        version = 0
        for one in () if check else made:
            version = self._write(one, by)
        return told, version

    def delete(self, document_id: str, may: May, by: str) -> int:
        """Take a document away that no other needs. Returns: the version of the change. Raises: NotFound, Flawed, NotAllowed."""
        if any(one.id == document_id for one in self._forms.own()):
            raise OwnedElsewhere(f"{document_id} is in a file; take it out there")
        old = self._objects.get("document", document_id)
        if old is None:
            raise NotFound(f"there is no document {document_id[:200]}")
        may(old.tenant)
        rest = [read_document(one).document for one in self._kept() if one.name != document_id]
        self._forms.check(self._forms.read(rest))
        edit = Edit(
            kind="document",
            name=document_id,
            tenant=old.tenant,
            action="delete",
            expects=old.version,
            spec=None,
            before=old.spec,
        )
        return self._objects.edit(edit, by, self._clock.now_ns())

    def _write(self, document: Document, by: str) -> int:
        tenant = document.metadata.tenant
        self._never_changed(document)
        spec = msgspec.json.encode(Stored(tenant=tenant, document=document.raw))
        edit = Edit(kind="document", name=document.id, tenant=tenant, action="create", expects=0, spec=spec, after=spec)
        return self._objects.edit(edit, by, self._clock.now_ns())

    def _never_changed(self, document: Document) -> None:
        """Whether a version that was taken away before said the same. Raises: Flawed."""
        for change in self._objects.changes(2**63 - 1, _PAGE, "document", document.id):
            if change.after is None:
                continue
            (before,) = self._forms.read([read_spec(change.after).document])
            if before.digest != document.digest:
                raise _flawed(document.id, "metadata.version", "was published with another text")

    def _kept(self) -> list[Object]:
        found: list[Object] = []
        after = ""
        while True:
            page = self._objects.page("document", after, _PAGE)
            found += page
            if len(page) < _PAGE:
                return sorted(found, key=lambda one: one.version)
            after = page[-1].name


def _bounded(raws: Sequence[Raw]) -> None:
    """Raises: BadRequest."""
    if not 0 < len(raws) <= MOST:
        raise BadRequest(f"documents: {len(raws)} are given; give 1 to {MOST}", param="documents")
    for at, one in enumerate(raws):
        size = len(msgspec.json.encode(one))
        if size > MOST_BYTES:
            raise BadRequest(f"documents[{at}]: has {size} bytes; write {MOST_BYTES} at most", param=f"documents[{at}]")


def _applied(one: Document, there: Document | None) -> ShownDocument:
    """Raises: Flawed."""
    if there is not None and there.digest != one.digest:
        raise _flawed(one.id, "metadata.version", "was published with another text")
    return msgspec.structs.replace(_shown(one), owner="api", file="", state="new" if there is None else "same")


def _flawed(name: str, field: str, wrong: str) -> Flawed:
    remedy = "a version never changes: give this one another"
    return Flawed(f"{name}: {wrong}; {remedy}", (Flaw(field=f"{name}: {field}", wrong=wrong, remedy=remedy),))


def _shown(one: Document, kept: Object | None = None, *, whole: bool = False) -> ShownDocument:
    return ShownDocument(
        id=one.id,
        kind=one.kind,
        name=one.name,
        version=one.version,
        owner="file" if kept is None else "api",
        digest=one.digest,
        tenant=one.metadata.tenant,
        file=one.file,
        by="" if kept is None else kept.by,
        at="" if kept is None else said(kept.at_ns),
        document=one.raw if whole else None,
    )
