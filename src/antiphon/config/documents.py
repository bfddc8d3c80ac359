"""Files of documents (agents, tools, prompts and others) to a shelf of them, with every mistake at its line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct, defstruct

from antiphon.agents.documents.catalogue import KINDS
from antiphon.agents.documents.document import AgentDocument, Document, Metadata
from antiphon.agents.documents.kinds import API_VERSION
from antiphon.agents.documents.reading import digest, shelved
from antiphon.agents.documents.shelf import Shelf
from antiphon.config.convert import convert
from antiphon.config.document_files import HERE
from antiphon.config.interpolate import PLACE, interpolate
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import Problem
from antiphon.policy.source import files_of
from antiphon.wire.yaml import compose_all
from antiphon.wire.yaml_node import Items, Node, Scalar, Table, dotted, find, line_of, node_of, plain_of

TRIFECTA = ("spec", "safety", "trifecta")
LARGEST_BYTES = 4_194_304
"""Of one file."""


class Read(Struct, frozen=True, kw_only=True):
    """Documents, and where everything of them stood."""

    documents: list[Document]
    written: list[Written]
    """Beside each document."""
    problems: list[Problem]


def read_files(patterns: Sequence[str], environ: Mapping[str, str] | None, base: Path | None = None) -> Read:
    """Read the documents of files.

    Args:
        patterns: Files, or patterns of them.
        environ: What `${env:…}` stands for; None: nothing is filled in.
        base: Where `${file:…}` starts from; None: each file's own folder.
    """
    read = Read(documents=[], written=[], problems=[])
    for file in files_of(patterns):
        try:
            text = _text(file)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            remedy = "name a file of documents that is there, in UTF-8, up to 4 MiB"
            problem = Problem(file=str(file), line=1, path="(file)", wrong=f"can't be read: {why}", remedy=remedy)
            read.problems.append(problem)
            continue
        read_text(read, text, str(file), environ, file.parent if base is None else base)
    return read


def read_text(read: Read, text: str, file: str, environ: Mapping[str, str] | None, base: Path) -> None:
    """Read the documents of one text, after those that were read before."""
    nodes, problems = compose_all(text, file)
    read.problems.extend(problems)
    for node in nodes:
        _take(read, node, file, environ, base)


def read_values(values: Sequence[Mapping[str, Any]]) -> Read:
    """Read documents of the admin API. Nothing is filled in: who may write them need not know this environment."""
    read = Read(documents=[], written=[], problems=[])
    for value in values:
        node = node_of(value)
        place = next(_places(node), None)
        if place is None:
            _take(read, node, HERE, {}, Path())
            continue
        wrong, remedy = "`${…}` is filled in for documents in files alone", "write the value out, or $${ for a plain ${"
        problem = Problem(file=HERE, line=1, path=place, wrong=wrong, remedy=remedy)
        read.problems.append(problem)
    return read


def shelf_of(read: Read, settings: Settings, published: Mapping[str, str] | None = None) -> tuple[Shelf, list[Problem]]:
    """The shelf of what was read, and all that is wrong with it, in the order of files and lines."""
    problems = list(read.problems)
    shelf, mistakes = shelved(read.documents, models=models_of(settings), published=published)
    problems += [read.written[one.at].problem(one.path, one.wrong, one.remedy) for one in mistakes]
    return shelf, sorted(problems, key=lambda one: (one.file, one.line, one.path))


def unsafe(shelf: Shelf, base: Path, secrets: Callable[[str], str | None]) -> Iterator[tuple[str, str]]:
    """Agents that say that they are refused with the tools that their documents give them: ids, and why.

    Tools of servers, and those that are only known once something was reached, come later; runs are refused then.
    """
    asked = [one for versions in shelf.agents.values() for one in versions.values() if _refuses(one)]
    if not asked:
        return
    sketch: Any = import_module("antiphon.agents.tools.sketch")  # what makes tools is loaded where it is asked for
    hazards: Any = import_module("antiphon.agents.safety.hazards")
    tools = sketch.sketched(shelf.others, base, secrets)
    for one in asked:
        if why := hazards.fatal(one, tools.of(one.metadata.tenant)):
            yield f"Agent/{one.name}@{one.version}", why


def _refuses(document: AgentDocument) -> bool:
    return document.spec.safety.trifecta == "refuse"


def unsafe_problems(read: Read, shelf: Shelf, base: Path, secrets: Callable[[str], str | None]) -> list[Problem]:
    """The same, where the agents were read."""
    places = {document.id: written for document, written in zip(read.documents, read.written, strict=True)}
    return [places[name].problem(TRIFECTA, *why.rsplit(": ", 1)) for name, why in unsafe(shelf, base, secrets)]


def models_of(settings: Settings) -> frozenset[str]:
    """Public names that agents may ask for."""
    listed = (name for name, model in settings.models.items() if model.listed)
    return frozenset((*settings.routes, *listed))


def _take(read: Read, node: Node, file: str, environ: Mapping[str, str] | None, base: Path) -> None:
    """Read one document of a file."""
    line = node.line
    kind = _kind(node, file, line)
    if isinstance(kind, Problem):
        read.problems.append(kind)
        return
    filled, missing = (node, []) if environ is None else interpolate(node, environ, base, file)
    said = filled if KINDS[kind].fills else node
    converted = convert(said, _form(kind), file, line)
    read.problems.extend((*missing, *converted.problems))
    if converted.value is None or missing or converted.problems:
        return
    value = cast("Any", converted.value)
    raw = cast("dict[str, Any]", plain_of(node))
    document = Document(
        kind=kind,
        metadata=value.metadata,
        spec=value.spec,
        raw=raw,
        digest=digest(raw),
        secret="" if filled == node else digest(cast("dict[str, Any]", plain_of(cast("Node", filled)))),
        file="" if file == HERE else file,
        line=line,
    )
    read.documents.append(document)
    read.written.append(Written(file=file, tree=said, broken=converted.broken))


def _kind(node: Node, file: str, line: int) -> str | Problem:
    """The kind of a document that is one."""
    if not isinstance(node, Table):
        wrong, remedy = "this is no document", "begin it with `apiVersion:`, `kind:`, `metadata:` and `spec:`"
        return Problem(file=file, line=line, path="(document)", wrong=wrong, remedy=remedy)
    said = find(node, ("kind",))
    kind = said.value if isinstance(said, Scalar) else None
    if isinstance(kind, str) and kind in KINDS:
        return kind
    wrong = "is missing" if said is None else f"there is no kind {str(kind)[:64]!r}"
    remedy = choose(str(kind), tuple(KINDS), "kinds") if said is not None else f"write one of {', '.join(KINDS)}"
    return Problem(file=file, line=line_of(node, ("kind",)) if said else line, path="kind", wrong=wrong, remedy=remedy)


@cache
def _form(kind: str) -> type[Struct]:
    """What a document of a kind looks like."""
    return defstruct(
        f"{kind}Form",
        [
            ("apiVersion", Literal[API_VERSION]),  # type: ignore[valid-type]
            ("kind", Literal[kind]),  # type: ignore[valid-type]
            ("metadata", Metadata),
            ("spec", KINDS[kind].spec),
        ],
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind's documents, draft 2020-12. Raises: KeyError."""
    made = msgspec.json.schema(_form(kind), schema_hook=lambda _: {"type": "string"})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Antiphon {kind}", **made}


def _text(file: Path) -> str:
    """Raises: OSError, ValueError."""
    with file.open("rb") as opened:
        raw = opened.read(LARGEST_BYTES + 1)
    if len(raw) > LARGEST_BYTES:
        raise ValueError(f"it has more than {LARGEST_BYTES} bytes")
    return raw.decode()


def _places(node: Node) -> Iterator[str]:
    """Where texts of a document ask for something to be filled in."""
    stack: list[tuple[Node, tuple[str | int, ...]]] = [(node, ())]
    while stack:
        here, path = stack.pop()
        match here:
            case Table():
                stack += [(entry.value, (*path, entry.key)) for entry in here.entries]
            case Items():
                stack += [(item, (*path, at)) for at, item in enumerate(here.nodes)]
            case Scalar():
                if isinstance(here.value, str) and PLACE.search(here.value.replace("$${", "")):
                    yield dotted(path)
