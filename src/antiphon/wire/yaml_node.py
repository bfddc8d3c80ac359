"""A YAML document as a tree that remembers where everything stood."""

from typing import Any, Literal, cast

from msgspec import Struct

Path = tuple[str | int, ...]
"""Keys and positions that lead from the root to a node."""


class Scalar(Struct, frozen=True, kw_only=True):
    """A single value. `broken` ones were reported where they were read; they say nothing more."""

    kind: Literal["null", "bool", "int", "float", "text", "broken"]
    value: bool | int | float | str | None
    line: int
    """Counted from 1."""
    column: int
    """Counted from 1."""
    written: str | None = None
    """The text before interpolation, when something was put into it; None when it stands as it was written."""
    digits: str = ""
    """The text of a number that has a point: a float may not keep all of it."""


class Entry(Struct, frozen=True, kw_only=True):
    """A key, where it stands, and its value."""

    key: str
    line: int
    column: int
    value: "Node"


class Items(Struct, frozen=True, kw_only=True):
    """A list."""

    nodes: "tuple[Node, ...]"
    line: int
    column: int


class Table(Struct, frozen=True, kw_only=True):
    """A mapping; every key once, in the order written."""

    entries: tuple[Entry, ...]
    line: int
    column: int

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)


Node = Scalar | Items | Table


def dotted(path: Path) -> str:
    """A path as people read it: `models.fast.price.input`, `keys[0].name`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or "(document)"


def find(node: Node | None, path: Path) -> Node | None:
    """The node at the end of a path; None when there is none."""
    for part in path:
        match node:
            case Table() if isinstance(part, str):
                entry = node.entry(part)
                node = entry.value if entry else None
            case Items() if isinstance(part, int) and 0 <= part < len(node.nodes):
                node = node.nodes[part]
            case _:
                return None
    return node


def line_of(node: Node | None, path: Path) -> int:
    """Line of the key or item at a path, or of the nearest thing above it that was written."""
    line = 1
    for part in path:
        match node:
            case Table() if isinstance(part, str) and (entry := node.entry(part)):
                line, node = entry.line, entry.value
            case Items() if isinstance(part, int) and 0 <= part < len(node.nodes):
                node = node.nodes[part]
                line = node.line
            case _:
                break
    return line


def node_of(value: object) -> Node:
    """A value of JSON as a node, in line 1."""
    match value:
        case dict():
            fields = cast("dict[str, object]", value)
            entries = (Entry(key=name, line=1, column=1, value=node_of(inner)) for name, inner in fields.items())
            return Table(entries=tuple(entries), line=1, column=1)
        case list():
            return Items(nodes=tuple(map(node_of, cast("list[object]", value))), line=1, column=1)
        case None:
            return Scalar(kind="null", value=None, line=1, column=1)
        case bool():
            return Scalar(kind="bool", value=value, line=1, column=1)
        case int():
            return Scalar(kind="int", value=value, line=1, column=1)
        case float():
            return Scalar(kind="float", value=value, line=1, column=1)
        case _:
            return Scalar(kind="text", value=str(value), line=1, column=1)


def plain_of(node: Node) -> Any:
    """A node as a value of JSON."""
    match node:
        case Table():
            return {entry.key: plain_of(entry.value) for entry in node.entries}
        case Items():
            return [plain_of(item) for item in node.nodes]
        case Scalar():
            return node.value
