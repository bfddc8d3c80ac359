"""Arguments of a call that come piece by piece, each with its place. Vertex streams them when asked to.

Source: google-genai 3.6.1, `types.PartialArg`; RFC 9535 for the places, of which names and numbers are used.
"""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from antiphon.wire.fields import as_list, as_object

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")
_MOST_STEPS = 64


class Arguments:
    """One call's arguments as far as they came."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}

    def add(self, pieces: object) -> None:
        """Put pieces in their places. Odd ones are passed over."""
        for piece in as_list(pieces) or ():
            fields = as_object(piece)
            if fields is not None:
                self._put(fields)

    def _put(self, piece: Mapping[str, Any]) -> None:
        path = piece.get("jsonPath")
        steps = _steps(path) if isinstance(path, str) else []
        kind = next((name for name in _VALUES if name in piece), None)
        if not steps or not isinstance(steps[0], str) or kind is None:
            return
        node: Any = self.value
        for step, following in pairwise(steps):
            node = _inner(node, step, [] if isinstance(following, int) else {})
            if node is None:
                return
        value = None if kind == "nullValue" else piece[kind]
        before = _get(node, steps[-1])
        if kind == "stringValue" and isinstance(before, str) and isinstance(value, str):
            value = before + value
        _set(node, steps[-1], value)


def _steps(path: str) -> list[str | int]:
    out: list[str | int] = []
    at = 1
    while path[:1] == "$" and at < len(path) and len(out) < _MOST_STEPS:
        match = _STEP.match(path, at)
        if match is None:
            return []
        name = match[1] if match[1] is not None else match[3] if match[3] is not None else match[4]
        out.append(int(match[2]) if match[2] is not None else name)
        at = match.end()
    return out


def _get(node: Any, step: str | int) -> Any:
    if isinstance(node, dict):
        return node.get(step)
    return node[step] if isinstance(node, list) and isinstance(step, int) and step < len(node) else None


def _set(node: Any, step: str | int, value: Any) -> None:
    if isinstance(node, dict) and isinstance(step, str):
        node[step] = value
    elif isinstance(node, list) and isinstance(step, int):
        if step < len(node):
            node[step] = value
        else:
            node.append(value)


def _inner(node: Any, step: str | int, empty: Any) -> Any:
    found = _get(node, step)
    if found is None:
        _set(node, step, empty)
        found = empty
    return found if isinstance(found, dict | list) else None
