"""A tree of nodes to a settings struct, with every mistake reported, not the first alone."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Generic, TypeVar, cast

from msgspec import NODEFAULT, UNSET, Struct, inspect

from antiphon.config.describe import Many, bare, expected, found, optional, shape
from antiphon.config.scalar import Mismatch, scalar
from antiphon.core.error import Problem
from antiphon.wire.yaml_node import Items, Node, Path, Scalar, Table, dotted

S = TypeVar("S", bound=Struct)
ELSEWHERE = {"num_retries": "attempts", "max_retries": "attempts", "retries": "attempts"}
"""Keys that other gateways and SDKs have, and ours that come nearest."""


class Converted(Struct, Generic[S], frozen=True, kw_only=True):
    """What became of a tree.

    A setting that could not be read has its default in `value`, or its whole section is left out;
    `broken` has its path, so that later checks don't complain of what is not there.
    """

    value: S | None
    problems: list[Problem]
    broken: frozenset[Path]


def convert(node: Node | None, cls: type[S], file: str, line: int = 1) -> Converted[S]:
    """Read a struct out of a tree; an empty document is an empty section.

    Args:
        file: What problems call the file.
        line: Where the document begins.
    """
    reader = _Reader(file)
    root = Table(entries=(), line=line, column=1) if node is None else node
    value = reader.read(root, inspect.type_info(cls), (), line)
    return Converted(
        value=value if isinstance(value, cls) else None,
        problems=reader.problems,
        broken=frozenset(reader.broken),
    )


class _Lost:
    """Stands for what could not be read."""


LOST = _Lost()


class _Reader:
    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self.broken: set[Path] = set()
        self._file = file

    def read(self, node: Node, kind: inspect.Type, path: Path, line: int) -> object:
        """The value at a path; LOST, reported, when there is none."""
        if isinstance(bare(kind), inspect.AnyType):
            return self._free(node, path)
        if isinstance(node, Scalar):
            return self._single(node, kind, path, line)
        kind = bare(kind)
        match kind:
            case inspect.StructType() if isinstance(node, Table):
                return self._struct(node, kind, path, line)
            case inspect.DictType() if isinstance(node, Table):
                return self._dict(node, kind, path)
            case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType() if (
                isinstance(node, Items)
            ):
                return self._many(node, kind, path, line)
            case _:
                return self._unfit(node, kind, path, line)

    def _free(self, node: Node, path: Path) -> object:
        """A value of any kind, as JSON has it."""
        match node:
            case Table():
                read = {entry.key: self._free(entry.value, (*path, entry.key)) for entry in node.entries}
                return {key: value for key, value in read.items() if value is not LOST}
            case Items():
                return [self._free(item, (*path, at)) for at, item in enumerate(node.nodes)]
            case Scalar():
                return self._lose(path) if node.kind == "broken" else node.value

    def _single(self, node: Scalar, kind: inspect.Type, path: Path, line: int) -> object:
        if node.kind == "broken":
            return self._lose(path)
        if optional(kind) and _absent(node):
            return None
        kind = bare(kind)
        if isinstance(kind, inspect.StructType | inspect.DictType | Many):
            return self._unfit(node, kind, path, line)
        value = scalar(node, kind)
        if isinstance(value, Mismatch):
            self._wrong(path, line, value.wrong, value.remedy)
            return self._lose(path)
        return value

    def _unfit(self, node: Node, kind: inspect.Type, path: Path, line: int) -> object:
        wrong, remedy = f"found {found(node, shown=False)}", f"write {expected(kind)}"
        if isinstance(kind, inspect.StructType):
            wrong, remedy = f"expected {expected(kind)}, {wrong}", f"write its keys beneath: {_names(kind)}"
        if isinstance(node, Scalar) and node.kind == "null":
            remedy += ", or leave the key out"
        self._wrong(path, line, wrong, remedy)
        return self._lose(path)

    def _struct(self, node: Table, kind: inspect.StructType, path: Path, line: int) -> object:
        meant = self._unknown(node, kind, path)
        written = {entry.key: entry for entry in node.entries}
        values: dict[str, object] = {}
        for field in kind.fields:
            at = (*path, field.encode_name)
            entry = written.get(field.encode_name)
            if entry is not None:
                value = self.read(entry.value, field.type, at, entry.line)
            elif field.encode_name in meant:
                value = self._lose(at)
            elif field.required:
                remedy = f"write `{field.encode_name}:` with {expected(field.type)}"
                self._wrong(at, line, "is missing", remedy)
                value = self._lose(at)
            else:
                value = default(field)
            values[field.name] = default(field) if value is LOST and not field.required else value
        if any(value is LOST for value in values.values()):
            return self._lose(path)
        return kind.cls(**values)

    def _unknown(self, node: Table, kind: inspect.StructType, path: Path) -> set[str]:
        """Report keys that don't exist here. Returns: the keys that were probably meant by them."""
        known = [field.encode_name for field in kind.fields]
        meant: set[str] = set()
        for entry in node.entries:
            if entry.key in known:
                continue
            word = ELSEWHERE.get(entry.key)
            near = [word] if word in known else get_close_matches(entry.key, known, n=1)
            meant.update(near)
            guess = f"did you mean `{near[0]}`? " if near else ""
            self._wrong((*path, entry.key), entry.line, "unknown key", f"{guess}allowed here: {_names(kind)}")
        return meant

    def _dict(self, node: Table, kind: inspect.DictType, path: Path) -> object:
        values: dict[object, object] = {}
        for entry in node.entries:
            at = (*path, entry.key)
            key = scalar(Scalar(kind="text", value=entry.key, line=entry.line, column=entry.column), kind.key_type)
            if isinstance(key, Mismatch):
                self._wrong(at, entry.line, "this name has a character that names can't have", key.remedy)
            value = self.read(entry.value, kind.value_type, at, entry.line)
            if value is not LOST:
                values[entry.key] = value
        return values

    def _many(self, node: Items, kind: Many, path: Path, line: int) -> object:
        read = [self.read(item, kind.item_type, (*path, at), item.line) for at, item in enumerate(node.nodes)]
        values = [value for value in read if value is not LOST]
        least, most = kind.min_length or 0, kind.max_length
        if len(read) < least or (most is not None and len(read) > most):
            self._wrong(path, line, f"has {len(read)} items", f"write a list {shape(kind)}")
            return self._lose(path)
        match kind:
            case inspect.ListType():
                return values
            case inspect.VarTupleType():
                return tuple(values)
            case inspect.SetType():
                return set(values)
            case inspect.FrozenSetType():
                return frozenset(values)

    def _wrong(self, path: Path, line: int, wrong: str, remedy: str) -> None:
        self.problems.append(Problem(file=self._file, line=line, path=dotted(path), wrong=wrong, remedy=remedy))

    def _lose(self, path: Path) -> _Lost:
        self.broken.add(path)
        return LOST


def _absent(node: Scalar) -> bool:
    """Nothing is written, or what was put in came out empty: `${env:NAME:-}`."""
    return node.kind == "null" or (node.written is not None and node.value == "")


def _names(kind: inspect.StructType) -> str:
    return ", ".join(field.encode_name for field in kind.fields)


def default(field: inspect.Field) -> object:
    """The default of a field that has one."""
    if field.default is not NODEFAULT:
        return field.default
    if field.default_factory is NODEFAULT:  # how msgspec tells a field that may be unset
        return UNSET
    return cast("Callable[[], object]", field.default_factory)()
