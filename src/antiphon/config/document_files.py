"""The documents that a configuration names. What reads them is loaded where any are named."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from antiphon.agents.documents.shelf import Shelf
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import ConfigError, Problem
from antiphon.policy.source import files_of

HERE = "(body)"
"""What problems call a document that came by the admin API."""
EMPTY = Shelf()


def load_shelf(patterns: Sequence[str], environ: Mapping[str, str], settings: Settings, base: Path) -> Shelf:
    """The shelf of files. Raises: ConfigError, with every mistake."""
    if not patterns:
        return EMPTY
    documents: Any = import_module("antiphon.config.documents")
    read = documents.read_files(patterns, environ, base)
    shelf, problems = documents.shelf_of(read, settings)
    problems = problems or documents.unsafe_problems(read, shelf, base, secrets(environ, base))
    if problems:
        raise ConfigError(problems)
    return shelf


def secrets(environ: Mapping[str, str], base: Path) -> Callable[[str], str | None]:
    """What `env:NAME`, `env:NAME:-DEFAULT` and `file:PATH` stand for; files start from the configuration's folder."""

    def find(place: str) -> str | None:
        kind, _, name = place.partition(":")
        if kind == "file":
            file = base / name
            return file.read_text("utf-8").rstrip("\r\n") if file.is_file() else None
        name, given, default = name.partition(":-")
        return environ.get(name) or (default if given else None)

    return find


def check_published(before: Shelf, after: Shelf) -> None:
    """Whether every version that was published says what it said. Raises: ConfigError."""
    said = {one.id: one.digest for one in before.documents}
    wrong, remedy = "this version was published with another text", "a version never changes: give this one another"
    problems = [
        Problem(
            file=one.file or HERE, line=one.line, path="metadata.version", wrong=f"{one.id}: {wrong}", remedy=remedy
        )
        for one in after.documents
        if said.get(one.id, one.digest) != one.digest
    ]
    if problems:
        raise ConfigError(problems)


def check_documents(settings: Settings, written: Written) -> Iterator[Problem]:
    """Patterns that name no file. File names are absolute."""
    for at, pattern in enumerate(settings.agents.documents):
        if written.sound(("agents", "documents", at)) and not files_of((pattern,)):
            wrong = f"no file is named so: {pattern}"
            yield written.problem(
                ("agents", "documents", at), wrong, "name a file, or a pattern of files that are there"
            )
