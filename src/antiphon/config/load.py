"""Reads a configuration: text, environment and files in, settings out. The one place that looks at the environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from antiphon.agents.documents.shelf import Shelf
from antiphon.config.check import check
from antiphon.config.check_contracts import check_contracts
from antiphon.config.check_libraries import check_libraries
from antiphon.config.convert import convert
from antiphon.config.document_files import EMPTY, load_shelf
from antiphon.config.interpolate import interpolate
from antiphon.config.places import rooted
from antiphon.config.revision import Revision, learned, revision
from antiphon.config.schemas import with_schemas
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import ConfigError, Problem
from antiphon.providers.profiles import PROFILES
from antiphon.wire.yaml import compose

USUAL = Path("antiphon.yaml")
BUILT_IN = Path(__file__).with_name("quickstart.yaml")
BUILT_IN_NAME = f"{BUILT_IN.name} (built in)"
"""What messages call it."""


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration that holds."""

    settings: Settings
    """Paths in it are absolute."""
    text: str
    """As it was read: it may hold secrets."""
    file: str
    """What messages call it."""
    base: Path
    """Directory that relative paths in it start from."""
    revision: Revision
    environ: Mapping[str, str]
    shelf: Shelf = EMPTY
    """The documents that `agents.documents` names."""

    def __repr__(self) -> str:
        return f"Loaded(file={self.file!r}, revision={self.revision.id!r})"

    def again(self, text: str) -> "Loaded":
        """Another text in the place of this one, under the same environment. Raises: ConfigError."""
        return load_text(text, self.file, self.base, self.environ)


def environment() -> Mapping[str, str]:
    """The process's environment as it is now."""
    return dict(os.environ)


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read a file; without one ./antiphon.yaml if it is there, else the built-in quickstart.

    Raises: ConfigError, with every mistake in order of lines.
    """
    if path is None and not USUAL.exists():
        return load_text(built_in(), BUILT_IN_NAME, Path.cwd(), environ)
    path = path or USUAL
    return load_text(_text(path), str(path), path.absolute().parent, environ)


def built_in() -> str:
    """The quickstart that comes with the package."""
    return BUILT_IN.read_text("utf-8")


def load_text(text: str, file: str, base: Path, environ: Mapping[str, str], *, here: bool = True) -> Loaded:
    """Read a text.

    Args:
        file: What problems call it.
        base: Directory that relative paths in it start from.
        here: It is to be served here, so the libraries that it needs must be installed.
    Raises: ConfigError, with every mistake in order of lines.
    """
    tree, problems = compose(text, file)
    if tree is None and problems:
        raise ConfigError(problems)
    filled, missing = interpolate(tree, environ, base, file)
    read = convert(filled, Settings, file)
    problems += [*missing, *read.problems]
    if read.value is None:
        raise ConfigError(_sorted(problems))
    value = with_schemas(read.value, base)
    settings = rooted(value, base)
    written = Written(file=file, tree=filled, broken=read.broken)
    problems += check(settings, written, PROFILES)
    problems += check_contracts(settings, written, base)
    if here:
        problems += check_libraries(settings, written)
    if problems:
        raise ConfigError(_sorted(problems))
    shelf = load_shelf(settings.agents.documents, environ, settings, base)
    known = learned(settings) | ({"agents.documents": shelf.revision} if shelf.revision else {})
    named = revision(value, known)
    return Loaded(settings=settings, text=text, file=file, base=base, revision=named, environ=environ, shelf=shelf)


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line, problem.path))


def _text(path: Path) -> str:
    """A file's text. Raises: ConfigError."""
    line, wrong, remedy = 1, "", "name a file that is there and can be read"
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        wrong, remedy = "this is not UTF-8 text", "save the file as UTF-8"
    except (OSError, ValueError) as error:
        wrong = f"can't be read: {error.strerror if isinstance(error, OSError) else 'not a path'}"
    raise ConfigError([Problem(file=str(path), line=line, path="(file)", wrong=wrong, remedy=remedy)])
