"""Another gateway's configuration, read so that nothing in it is passed over unseen."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from msgspec import Struct

from antiphon.core.error import ConfigError, Problem
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Items, Node, Scalar, Table

UNKNOWN = "it is not known here"
MOST_BYTES = 16_777_216


class Left(Struct, frozen=True):
    """What could not be carried, or not as it was."""

    path: str
    """In the source: `model_list[3].litellm_params.rpm`."""
    why: str


class Section:
    """A table of the source. What is not asked for is told as left behind at the end, by `rest`."""

    def __init__(self, table: Mapping[str, object], path: str, left: list[Left]) -> None:
        self._table = table
        self.path = path
        self._left = left
        self._taken: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self._table.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def at(self, key: str) -> str:
        """Path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def value(self, key: str) -> object:
        self._taken.add(key)
        return self._table.get(key)

    def text(self, key: str) -> str:
        """Empty: there is none."""
        value = self.value(key)
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self._mistyped(key, "text")
        return ""

    def number(self, key: str) -> float | None:
        value = self.value(key)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        try:
            return float(value) if isinstance(value, str) else self._mistyped(key, "a number")
        except ValueError:
            return self._mistyped(key, "a number")

    def whole(self, key: str) -> int | None:
        """A whole number of 1 or more."""
        value = self.number(key)
        if value is None or (value == int(value) and value >= 1):
            return None if value is None else int(value)
        return self._mistyped(key, "a whole number above 0")

    def flag(self, key: str) -> bool:
        value = self.value(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self._mistyped(key, "true or false")
        return False

    def section(self, key: str) -> "Section":
        """Empty where there is none."""
        value = self.value(key)
        if value is not None and not isinstance(value, dict):
            self._mistyped(key, "a table")
            value = None
        return Section(cast("dict[str, object]", value or {}), self.at(key), self._left)

    def sections(self, key: str) -> list["Section"]:
        """Tables of a list."""
        return [
            Section(cast("dict[str, object]", one), path, self._left)
            for one, path in self.items(key)
            if isinstance(one, dict) or self._odd(path)
        ]

    def items(self, key: str) -> list[tuple[object, str]]:
        """Items of a list, each with its path."""
        value = self.value(key)
        if value is not None and not isinstance(value, list):
            self._mistyped(key, "a list")
            value = None
        return [(one, f"{self.at(key)}[{at}]") for at, one in enumerate(cast("list[object]", value or []))]

    def beside(self, more: Mapping[str, object]) -> "Section":
        """The same with what is said elsewhere; what is said here goes first."""
        made = Section({**more, **self._table}, self.path, self._left)
        made._taken = self._taken
        return made

    @property
    def left(self) -> list[Left]:
        """What was told so far, of the whole source."""
        return self._left

    def leave(self, key: str, why: str) -> None:
        """Tell why a key is left behind, if it is there."""
        value = self.value(key)
        if value is not None and value not in ([], {}):
            self.tell(self.at(key), why)

    def tell(self, path: str, why: str) -> None:
        self._left.append(Left(path, why))

    def rest(self, reasons: Mapping[str, str] | None = None) -> None:
        """Tell of every key that was not asked for."""
        for key in self._table:
            if key not in self._taken:
                self.leave(key, (reasons or {}).get(key, UNKNOWN))

    def _mistyped(self, key: str, wanted: str) -> None:
        self.tell(self.at(key), f"it is not {wanted}")

    def _odd(self, path: str) -> bool:
        self.tell(path, "it is not a table")
        return False


def read(file: Path) -> Section:
    """A file in YAML or JSON. Raises: ConfigError."""
    name = str(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _broken(name, 1, f"can't be read: {error.strerror}", "name a file that is there") from None
    if len(data) > MOST_BYTES:
        raise _broken(name, 1, f"is over {MOST_BYTES} bytes", "name another file")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _broken(name, 1, "is not UTF-8 text", "save it as UTF-8") from None
    value = _json(text, name) if text.lstrip().startswith("{") else _yaml(text, name)
    if not isinstance(value, dict):
        raise _broken(name, 1, "is no table of settings", "name the gateway's configuration file")
    return Section(cast("dict[str, object]", value), "", [])


def _json(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise _broken(name, line, f"is not JSON: {error}", "mend it, or name another file") from None


def _yaml(text: str, name: str) -> object:
    tree, problems = compose(text, name)
    if tree is None and problems:
        raise ConfigError(problems)
    return None if tree is None else _plain(tree)


def _plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.value
        case Items():
            return [_plain(one) for one in node.nodes]
        case Table():
            return {entry.key: _plain(entry.value) for entry in node.entries}


def _broken(file: str, line: int, wrong: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(file=file, line=line, path="(file)", wrong=wrong, remedy=remedy)])
