"""Documents that were read to a shelf of them: checked beside each other, prompts put in, versions in their order."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.documents.catalogue import KINDS
from antiphon.agents.documents.check_agent import split_prompt
from antiphon.agents.documents.document import AgentDocument, AgentSpec, Document
from antiphon.agents.documents.kinds import Kind
from antiphon.agents.documents.library import Library, Path
from antiphon.agents.documents.shelf import Shelf

REVISION_DIGITS = 16


class Mistake(Struct, frozen=True, kw_only=True):
    """One mistake in a set of documents."""

    at: int
    """Which of them, from 0."""
    path: Path
    wrong: str
    remedy: str


def digest(raw: Mapping[str, Any]) -> str:
    """SHA-256 of a document in canonical JSON: keys sorted, no spaces."""
    return sha256(msgspec.json.encode(raw, order="sorted")).hexdigest()


def shelved(
    documents: Sequence[Document],
    *,
    models: Collection[str] | None = None,
    built_in: Collection[str] = (),
    published: Mapping[str, str] | None = None,
    kinds: Mapping[str, Kind] = KINDS,
) -> tuple[Shelf, list[Mistake]]:
    """Make a shelf of documents, in the order of their publication.

    Args:
        models: Public names of models; None: they aren't checked.
        built_in: Tools that are there without a document.
        published: Digests by `KIND/NAME@VERSION` of what was published before: a version never changes.
    Returns: the shelf, and what is wrong with them; a shelf of documents with mistakes is not to be used.
    """
    library = Library(documents, models, built_in)
    mistakes = list(_versions(documents, published or {}))
    for at, document in enumerate(documents):
        check = kinds[document.kind].check
        found = check(document, library) if check is not None else ()
        mistakes += [Mistake(at=at, path=path, wrong=wrong, remedy=remedy) for path, wrong, remedy in found]
    return _shelf(documents, library), mistakes


def _versions(documents: Sequence[Document], published: Mapping[str, str]) -> Iterator[Mistake]:
    """The same version with another text, and the same name in two tenants."""
    first: dict[str, Document] = {}
    owners: dict[tuple[str, str], str] = {}
    for at, one in enumerate(documents):
        before = first.setdefault(one.id, one)
        remedy = "a version never changes: give this one another"
        if before is not one:
            where = f"{before.file}:{before.line}" if before.file else "the admin API"
            same = before.digest == one.digest
            wrong = f"{one.kind} {one.name} of version {one.version} is there already, in {where}"
            yield Mistake(
                at=at, path=("metadata", "version"), wrong=wrong, remedy="leave one of them out" if same else remedy
            )
        elif published.get(one.id, one.digest) != one.digest:
            wrong = f"{one.kind} {one.name} of version {one.version} was published with another text"
            yield Mistake(at=at, path=("metadata", "version"), wrong=wrong, remedy=remedy)
        tenant = owners.setdefault((one.kind, one.name), one.metadata.tenant)
        if tenant != one.metadata.tenant:
            wrong = f"{one.kind} {one.name} is another tenant's"
            yield Mistake(at=at, path=("metadata", "tenant"), wrong=wrong, remedy="give this one another name")


def _shelf(documents: Sequence[Document], library: Library) -> Shelf:
    agents: dict[str, dict[str, AgentDocument]] = {}
    others: dict[str, dict[str, Document]] = {}
    for one in documents:
        if isinstance(one.spec, AgentSpec):
            agents.setdefault(one.name, {})[one.version] = _agent(one, one.spec, library)
        else:
            others.setdefault(one.kind, {})[one.name] = one
    return Shelf(agents=agents, others=others, documents=tuple(documents), revision=_revision(documents))


def _agent(document: Document, spec: AgentSpec, library: Library) -> AgentDocument:
    name, version = split_prompt(spec.prompt)
    prompt = library.one("Prompt", name, version) if spec.prompt else None
    fixed = prompt.digest if prompt is not None and version else ""
    return AgentDocument(
        metadata=document.metadata,
        spec=spec,
        digest=document.digest,
        text=sha256(f"{document.digest} {fixed}".encode()).hexdigest() if fixed else document.digest,
        instructions=spec.instructions if prompt is None else prompt.spec.text,
    )


def _revision(documents: Sequence[Document]) -> str:
    if not documents:
        return ""
    said = "\n".join(f"{one.id} {one.secret or one.digest}" for one in documents)
    return sha256(said.encode()).hexdigest()[:REVISION_DIGITS]
