"""What a run knows and who said it: the ground on which the values of risky arguments are judged."""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.safety.addresses import bare, occurs, plain
from antiphon.agents.state import State

MOST_NAME = 96
"""Characters of a value that can be a name; longer ones are prose."""
_WORD = re.compile(r"\w+", re.UNICODE)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w])")
_SENTENCE = re.compile(r"[.!?:;]\s|\n")
_RUN_ON = re.compile(r"([a-z0-9][.!?])([A-Z][a-z])")
"""A sentence that begins without a space; else it would seem a part of an address that ends the one before."""
_DEPTH = 32
_POINTS = 8
"""Characters of a field that can point at its record; shorter ones are said by chance."""


class Known:
    """Texts and values of a State, by trust. Made anew for each ruling: it holds no more than the State does."""

    def __init__(self, state: State, document: AgentDocument | None = None) -> None:
        self._said: list[str] = []
        """What the person, the operator and trusted tools said, plain."""
        self._numbers: list[float] = []
        """Those of `_said`, and of fields of structured results."""
        self._names: set[str] = set()
        """Whole fields of structured results, plain: a stranger may have chosen which, not what they do."""
        self._read: dict[str, list[str]] = {}
        """Untrusted text, plain, by the tool that gave it."""
        self._records: list[tuple[str, frozenset[str]]] = []
        """Objects that the person pointed at: the tool that gave each, and its fields that could be names, plain."""
        for text in (state.goal, *state.constraints, _json(state.inputs)):
            self._observe("", text, None, state.began.untrusted)
        for text in state.said:
            self._trust(text)
        self._asked = tuple(self._said)
        """The person's own words."""
        if document is not None:
            self._trust(document.instructions)
            self._trust(document.spec.goal)
        for taken in state.taken:
            call, seen = taken.action.call, taken.observation
            # an error may quote what it was given
            doubtful = seen.origins.untrusted or bool(seen.failed)
            self._observe(call.name if call else "", seen.text, seen.data, doubtful)
        for value in state.values.values():
            for source in value.origins.sources or ("",):
                self._observe(source.removeprefix("tool/"), value.text, value.data, value.origins.untrusted)
        self._words = {word for text in self._said for word in _WORD.findall(text)}

    def _trust(self, text: str) -> None:
        if text:
            self._said.append(plain(_RUN_ON.sub(r"\1 \2", text)))
            self._numbers.extend(_numbers(text))

    def _observe(self, tool: str, text: str, data: Any, untrusted: bool) -> None:
        if not untrusted:
            self._trust(text)
            self._trust(_json(data))
            return
        held = self._read.setdefault(tool, [])
        held.append(plain(text))
        for leaf in _leaves(data, 0):
            if isinstance(leaf, bool):
                continue
            if isinstance(leaf, int | float):
                self._numbers.append(float(leaf))
                self._names.add(plain(str(leaf)))
            else:
                held.append(plain(leaf))
                if _nameable(leaf):
                    self._names.add(plain(leaf))
        for record in _records(data, 0):
            if any(self._points(value) for value in record.values()):
                fields = {plain(leaf) for leaf in _leaves(record, 1) if isinstance(leaf, str) and _nameable(leaf)}
                self._records.append((tool, frozenset(fields)))

    def _points(self, value: Any) -> bool:
        """Whether the person named this field of a record."""
        if not isinstance(value, str) or not _nameable(value) or len(value) < _POINTS:
            return False
        sought = plain(value)
        return any(occurs(sought, text) for text in self._asked)

    def said(self, value: str) -> bool:
        """Whether the person, the operator or a trusted tool said this, whole."""
        sought = plain(value)
        return any(occurs(sought, text) for text in self._said)

    def said_address(self, address: str) -> bool:
        """The same of an address, whatever scheme it was written with."""
        sought = bare(address)
        return any(occurs(sought, text) for text in self._said)

    def worded(self, value: str) -> bool:
        """Whether each of a value's words was said: it is put together of what the person said."""
        found = _WORD.findall(plain(value))
        return bool(found) and all(word in self._words for word in found)

    def named(self, value: str) -> bool:
        """Whether it is a whole field of a structured result."""
        return plain(value) in self._names

    def pointed(self, address: str, tools: frozenset[str]) -> bool:
        """Whether it is a whole field of a record that one of these tools gave and that the person pointed at, by naming
        another of its fields: its title, subject, file name.
        """
        sought = plain(address)
        return any(tool in tools and sought in fields for tool, fields in self._records)

    def number(self, value: float) -> bool:
        """Whether this very number was said, or is a field of a structured result."""
        return any(value == known for known in self._numbers)

    def bounded(self, value: float) -> bool:
        """Whether it is no more than the largest number that was said or is a field of a structured result."""
        return 0 <= value <= max(self._numbers, default=-1)

    def read(self, address: str, tools: frozenset[str]) -> bool:
        """Whether an address stands, letter by letter, in what one of these tools gave: it carries nothing that its
        author didn't know.
        """
        sought = bare(address)
        return any(occurs(sought, text) for tool in tools for text in self._read.get(tool, ()))

    def anywhere(self, address: str) -> bool:
        """The same of what any tool gave."""
        return self.read(address, frozenset(self._read))


def _nameable(text: str) -> bool:
    return 0 < len(text) <= MOST_NAME and not _SENTENCE.search(text)


def _records(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Objects within JSON."""
    if depth > _DEPTH:
        return
    if isinstance(value, dict):
        record = cast("dict[str, Any]", value)
        yield record
        for inner in record.values():
            yield from _records(inner, depth + 1)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _records(inner, depth + 1)


def _numbers(text: str) -> Iterator[float]:
    for match in _NUMBER.findall(text):
        yield float(match.replace(",", ""))


def _json(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _leaves(value: Any, depth: int) -> Iterator[str | int | float]:
    """Scalars of JSON and the keys of its objects. A text that is itself the whole result is no field of anything."""
    if depth > _DEPTH or value is None:
        return
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield key
            yield from _leaves(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            yield from _leaves(inner, depth + 1)
    elif isinstance(value, int | float) or depth > 0:
        yield value
