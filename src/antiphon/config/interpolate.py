"""Puts the environment and files into a configuration: `${env:NAME}`, `${env:NAME:-default}`, `${file:/path}`.

They may stand anywhere in a text value, also as a part of it. `$${` is a plain `${`. What is put in
is not searched again. A default is used when the variable is unset or empty, as in a shell.
"""

import re
from collections.abc import Mapping
from pathlib import Path as FilePath

from msgspec.structs import replace

from antiphon.core.error import Problem
from antiphon.wire.yaml_node import Entry, Items, Node, Path, Scalar, Table, dotted

PLACE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
MOST_BYTES = 1_048_576
"""Most bytes of a `${file:…}`."""


def interpolate(
    node: Node | None, environ: Mapping[str, str], base: FilePath, file: str
) -> tuple[Node | None, list[Problem]]:
    """Fill every `${…}` of a tree in.

    Args:
        base: Directory that relative paths in `${file:…}` start from.
        file: What problems call the configuration file.
    Returns: The tree with everything filled in, and one problem for each variable or file that is not there.
    """
    filler = _Filler(environ, base, file)
    return (None if node is None else filler.fill(node, ())), filler.problems


class _MissingError(Exception):
    def __init__(self, wrong: str, remedy: str) -> None:
        super().__init__(wrong)
        self.wrong, self.remedy = wrong, remedy


class _Filler:
    def __init__(self, environ: Mapping[str, str], base: FilePath, file: str) -> None:
        self.problems: list[Problem] = []
        self._environ, self._base, self._file = environ, base, file

    def fill(self, node: Node, path: Path) -> Node:
        match node:
            case Table():
                return replace(node, entries=tuple(self._entry(entry, path) for entry in node.entries))
            case Items():
                return replace(node, nodes=tuple(self.fill(item, (*path, at)) for at, item in enumerate(node.nodes)))
            case Scalar():
                return self._scalar(node, path)

    def _entry(self, entry: Entry, path: Path) -> Entry:
        return replace(entry, value=self.fill(entry.value, (*path, entry.key)))

    def _scalar(self, node: Scalar, path: Path) -> Scalar:
        if not isinstance(node.value, str) or "${" not in node.value:
            return node
        missing: list[_MissingError] = []

        def put(place: re.Match[str]) -> str:
            try:
                return self._place(place)
            except _MissingError as error:
                missing.append(error)
                return ""

        value = PLACE.sub(put, node.value)
        for error in missing:
            problem = Problem(
                file=self._file, line=node.line, path=dotted(path), wrong=error.wrong, remedy=error.remedy
            )
            self.problems.append(problem)
        if missing:
            return replace(node, kind="broken", value=None, written=node.value)
        return replace(node, value=value, written=node.value)

    def _place(self, place: re.Match[str]) -> str:
        """What stands for one `${…}`. Raises: _MissingError."""
        if place[0] == "$${":
            return "${"
        inside: str | None = place[1]
        env = ENV.fullmatch(inside) if inside is not None else None
        if env:
            return self._env(env[1], env[2])
        if inside is not None and inside.startswith("file:") and len(inside) > len("file:"):
            return self._read(inside.removeprefix("file:"))
        known = "${env:NAME}, ${env:NAME:-default} or ${file:/path}"
        # What stands in it is not shown: it may be a secret that was put there by mistake.
        raise _MissingError("a ${…} that is not known", f"write {known}; a plain ${{ is written $${{")

    def _env(self, name: str, default: str | None) -> str:
        value = self._environ.get(name)
        if default is not None and not value:
            return default
        if value is None:
            raise _MissingError(
                f"{name} is not set in the environment", f"set {name}, or write ${{env:{name}:-default}}"
            )
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _MissingError(f"{name} does not hold UTF-8 text", f"set {name} to UTF-8 text") from None
        return value

    def _read(self, name: str) -> str:
        where = self._base / name
        try:
            if not where.is_file():
                raise _MissingError(f"there is no file {where}", "make the file, or mend its path")
            with where.open("rb") as stream:
                data = stream.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise _MissingError(f"{where} is over {MOST_BYTES} bytes", "name a smaller file")
            return data.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise _MissingError(f"{where} is not UTF-8 text", "save it as UTF-8") from None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a path"
            raise _MissingError(f"{where} can't be read: {why}", "make it readable, or mend its path") from None
