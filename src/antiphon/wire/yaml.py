"""YAML text to a tree of nodes with positions: YAML 1.2 scalars, no duplicate keys, no tags of one's own.

The tree is built from parser events rather than by `yaml.compose`: that one recurses in C without
a limit, and a file of a hundred thousand brackets would end the process.
"""

from collections.abc import Iterator
from typing import cast

import yaml as pyyaml

from antiphon.core.error import Problem
from antiphon.wire.yaml_node import Entry, Items, Node, Path, Scalar, Table, dotted
from antiphon.wire.yaml_scalar import Kind, meaning
from antiphon.wire.yaml_syntax import syntax, unprintable

LOADER: type[pyyaml.SafeLoader] = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
DEEPEST = 64
MOST_NODES = 100_000
"""Nodes of a document with every alias written out: where growth by aliases ends."""
CORE = "tag:yaml.org,2002:"
TAGS: dict[str, frozenset[Kind]] = {
    "null": frozenset({"null"}),
    "bool": frozenset({"bool"}),
    "int": frozenset({"int"}),
    "float": frozenset({"float", "int"}),
}

# Tags and aliases are not shown: they may be a password that begins with ! or * and lacks its quotes.
TAG = "a tag (!) that is not known here", "leave it out; put text that begins with ! in quotes"


def compose(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one document.

    Args:
        file: What problems call the file.
    Returns: The tree, None when there is nothing in the document or it can't be parsed, and all that is wrong with it.
    """
    roots, problems = _composed(text, file, several=False)
    return (roots[0] if roots else None), problems


def compose_all(text: str, file: str) -> tuple[list[Node], list[Problem]]:
    """Read every document of a file, those between `---`; empty ones are left out. Otherwise as `compose`."""
    return _composed(text, file, several=True)


def _composed(text: str, file: str, *, several: bool) -> tuple[list[Node], list[Problem]]:
    strange = unprintable(text, file)
    if strange:
        return [], [strange]
    composer = _Composer(pyyaml.parse(text, Loader=LOADER), file)
    try:
        roots = composer.documents(several=several)
    except pyyaml.YAMLError as error:
        return [], [*composer.problems, syntax(error, text, file)]
    except _TooMuchError as much:
        return [], [*composer.problems, much.problem]
    return roots, composer.problems


class _TooMuchError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Composer:
    """Builds the trees of documents out of parser events."""

    def __init__(self, events: Iterator[pyyaml.Event], file: str) -> None:
        self.problems: list[Problem] = []
        self._events = events
        self._file = file
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._open: set[str] = set()
        self._count = 0
        self._deepest = 0

    def documents(self, *, several: bool) -> list[Node]:
        """Their roots. An empty document has none; where one alone is expected, others are reported."""
        roots: list[Node] = []
        for event in self._events:
            if isinstance(event, pyyaml.DocumentStartEvent):
                self._anchors.clear()
            if isinstance(event, pyyaml.NodeEvent):
                if roots and not several:
                    self._wrong(event, (), "another document begins", "keep one document in a file")
                roots.append(self._node(event, ()))
        return [root for root in roots if not (isinstance(root, Scalar) and root.kind == "null")]

    def _node(self, event: pyyaml.Event, path: Path) -> Node:
        if isinstance(event, pyyaml.AliasEvent):
            return self._alias(event, path)
        self._spend(event, path, 1, 0)
        anchor = event.anchor if isinstance(event, pyyaml.NodeEvent) else None
        if anchor is None:
            return self._content(event, path)
        count, deepest = self._count, self._deepest
        self._open.add(anchor)
        self._deepest = len(path)
        node = self._content(event, path)
        self._open.discard(anchor)
        self._anchors[anchor] = (node, self._count - count + 1, self._deepest - len(path))
        self._deepest = max(deepest, self._deepest)
        return node

    def _content(self, event: pyyaml.Event, path: Path) -> Node:
        line, column = _place(event)
        if isinstance(event, pyyaml.SequenceStartEvent):
            self._refuse_tag(event, path, "seq")
            return Items(nodes=self._items(path), line=line, column=column)
        if isinstance(event, pyyaml.MappingStartEvent):
            self._refuse_tag(event, path, "map")
            return Table(entries=self._entries(path), line=line, column=column)
        return self._scalar(cast("pyyaml.ScalarEvent", event), path)

    def _items(self, path: Path) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while not isinstance(event := next(self._events), pyyaml.SequenceEndEvent):
            nodes.append(self._node(event, (*path, len(nodes))))
        return tuple(nodes)

    def _entries(self, path: Path) -> tuple[Entry, ...]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), pyyaml.MappingEndEvent):
            key = self._key(event, path)
            value = self._node(next(self._events), (*path, "?" if key is None else key))
            if key is None:
                continue
            if key in entries:
                wrong = f"written twice, first in line {entries[key].line}"
                self._wrong(event, (*path, key), wrong, "keep one of them")
                continue
            line, column = _place(event)
            entries[key] = Entry(key=key, line=line, column=column, value=value)
        return tuple(entries.values())

    def _key(self, event: pyyaml.Event, path: Path) -> str | None:
        """The text of a key; None, reported, when it is none."""
        node = self._node(event, (*path, "?"))
        if isinstance(node, Scalar) and node.kind == "broken":
            return None
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self._wrong(event, path, "a key is not text", "put the key in quotes")
            return None
        if node.value == "<<" and isinstance(event, pyyaml.ScalarEvent) and event.implicit[0]:
            self._wrong(event, path, "merge keys (<<) are not part of YAML 1.2", "write the keys out")
            return None
        return node.value

    def _scalar(self, event: pyyaml.ScalarEvent, path: Path) -> Scalar:
        line, column = _place(event)
        kind, value = meaning(event.value)
        if event.implicit[0] and event.tag != "!":
            digits = event.value if kind == "float" else ""
            return Scalar(kind=kind, value=value, line=line, column=column, digits=digits)
        tag = (event.tag or "!").removeprefix(CORE)
        if tag in {"!", "str"}:
            return Scalar(kind="text", value=event.value, line=line, column=column)
        if kind in TAGS.get(tag, ()):
            return Scalar(kind=kind, value=value, line=line, column=column)
        self._wrong(event, path, *TAG)
        return Scalar(kind="broken", value=None, line=line, column=column)

    def _refuse_tag(self, event: pyyaml.CollectionStartEvent, path: Path, usual: str) -> None:
        if event.tag not in {None, "!", CORE + usual}:
            self._wrong(event, path, *TAG)

    def _alias(self, event: pyyaml.AliasEvent, path: Path) -> Node:
        name = event.anchor or ""
        known = self._anchors.get(name)
        if known is not None and name not in self._open:
            node, count, height = known
            self._spend(event, path, count, height)
            return node
        wrong = (
            "an alias (*) stands inside what it names" if name in self._open else "an alias (*) names nothing above it"
        )
        self._wrong(event, path, wrong, "write the value out; put text that begins with * in quotes")
        line, column = _place(event)
        return Scalar(kind="broken", value=None, line=line, column=column)

    def _spend(self, event: pyyaml.Event, path: Path, nodes: int, height: int) -> None:
        """Count what is added, aliases written out. Raises: _TooMuchError."""
        self._count += nodes
        self._deepest = max(self._deepest, len(path) + height)
        if self._count > MOST_NODES:
            wrong = f"more than {MOST_NODES} values with aliases written out"
            raise _TooMuchError(self._problem(event, (), wrong, "use fewer aliases, or a smaller file"))
        if len(path) + height > DEEPEST:
            raise _TooMuchError(self._problem(event, path[:4], f"nested more than {DEEPEST} deep", "write it flatter"))

    def _problem(self, event: pyyaml.Event, path: Path, wrong: str, remedy: str) -> Problem:
        return Problem(file=self._file, line=_place(event)[0], path=dotted(path), wrong=wrong, remedy=remedy)

    def _wrong(self, event: pyyaml.Event, path: Path, wrong: str, remedy: str) -> None:
        self.problems.append(self._problem(event, path, wrong, remedy))


def _place(event: pyyaml.Event) -> tuple[int, int]:
    """Line and column, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
