"""JSON as guards need it: read with its doubled keys seen, and written again with single values in place of others."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.wire.json import MAX_DEPTH, twice

INSIDE = -1
"""Step into a text that is JSON."""
KEY = -2
"""Step to the key itself, behind that key."""
Steps = tuple[str | int, ...]

_decode = msgspec.json.Decoder().decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_elements = msgspec.json.Decoder(list[Raw]).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Read(Struct, frozen=True, gc=False):
    """A JSON text that was read."""

    value: Any
    doubled: bool
    """A key comes twice in one object: two readers could take it in two ways."""


def decoded(text: bytes) -> Read | None:
    """Read any JSON; None: it is none, or nested too deep."""
    try:
        value = _decode(text)
        keys = _keys(value, MAX_DEPTH)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, _TooDeep):
        return None
    return Read(value, keys > 0 and twice(text, keys))


class _TooDeep(Exception):
    pass


def _keys(value: Any, levels: int) -> int:
    if not levels:
        raise _TooDeep
    count, children = 0, value
    if value.__class__ is dict:
        count, children = len(value), value.values()
    elif value.__class__ is not list:
        return 0
    for child in children:
        if child.__class__ in _CONTAINERS:
            count += _keys(child, levels - 1)
    return count


_CONTAINERS = frozenset({dict, list})


class Places:
    """Values to be put in their places, as a tree of steps."""

    __slots__ = ("leaf", "under")

    def __init__(self) -> None:
        self.under: dict[str | int, Places] = {}
        self.leaf: str | None = None

    def put(self, steps: Steps, text: str) -> None:
        """Put a text at a place."""
        node = self
        for step in steps:
            found = node.under.get(step)
            if found is None:
                found = node.under[step] = Places()
            node = found
        node.leaf = text


def rebuilt(raw: bytes | memoryview | Raw, places: Places, empties: frozenset[str] = frozenset()) -> bytes:
    """The same JSON with other texts in some places. All other values stay byte for byte.

    Args:
        empties: Fields that are emptied of objects in which anything is changed, however deep; not inside texts.
    """
    if places.leaf is not None:
        return _encode(places.leaf)
    if INSIDE in places.under:
        inner = _text(raw).encode()
        return _encode(rebuilt(inner, places.under[INSIDE]).decode())
    if any(step.__class__ is int for step in places.under):
        return _list(_elements(raw), places.under, empties)
    return _object(_fields(raw), places.under, empties)


def _list(elements: list[Raw], under: Mapping[str | int, Places], empties: frozenset[str]) -> bytes:
    for step, places in under.items():
        assert isinstance(step, int)
        elements[step] = Raw(rebuilt(elements[step], places, empties))
    return _encode(elements)


def _object(fields: dict[str, Raw], under: Mapping[str | int, Places], empties: frozenset[str]) -> bytes:
    names: dict[str, str] = {}
    for step, places in under.items():
        assert isinstance(step, str)
        key = places.under.pop(KEY, None)
        if key is not None and key.leaf is not None:
            names[step] = key.leaf
        if places.under or places.leaf is not None:
            fields[step] = Raw(rebuilt(fields[step], places, _NOTHING if step in _ANY_FORM else empties))
    for name in empties.intersection(fields):
        if name not in under:
            fields[name] = _EMPTY.get(bytes(memoryview(fields[name]))[:1], fields[name])
    if not names:
        return _encode(fields)
    return _encode(_renamed(fields, names))


_NOTHING: frozenset[str] = frozenset()
_ANY_FORM = frozenset({"input", "args", "arguments", "metadata"})
"""Fields of any form: what they hold is not known by its name."""
_EMPTY: Mapping[bytes, Raw] = {b"[": Raw(b"[]"), b"{": Raw(b"null")}


def _renamed(fields: Mapping[str, Raw], names: Mapping[str, str]) -> dict[str, Raw]:
    """Keys that come to be the same are told apart by a number."""
    out: dict[str, Raw] = {}
    for name, value in fields.items():
        said = names.get(name, name)
        unique, number = said, 2
        while unique in out or (unique != name and unique in fields):
            unique, number = f"{said}_{number}", number + 1
        out[unique] = value
    return out
