"""The two spellings of a field's name: proto JSON is written in camelCase and read in snake_case too.

Source: protobuf.dev, "ProtoJSON format", 2026-11.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.error import BadRequest
from antiphon.wire.fields import Fields

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")

Names = Mapping[str, str]


def snake(name: str) -> str:
    """A name's other spelling."""
    return _CAPITAL.sub(lambda match: "_" + match[1].lower(), name)


def names(*words: str) -> Names:
    """From the snake_case spelling of each of these names to the name. A name of one word has one spelling."""
    return MappingProxyType({snake(word): word for word in words if snake(word) != word})


def spelled(value: Mapping[str, Any], known: Names, path: str = "") -> Mapping[str, Any]:
    """An object whose known names are all in camelCase; unknown ones stay as they came.

    Raises: BadRequest, where a field is there in both spellings.
    """
    for name in value:
        if name in known:
            break
    else:
        return value
    out: dict[str, Any] = {}
    for name, child in value.items():
        camel = known.get(name, name)
        if camel in out:
            place = f"{path}.{camel}" if path else camel
            raise BadRequest(f"`{place}` comes in two spellings; send it once", param=place)
        out[camel] = child
    return out


def opened(value: Mapping[str, Any], known: Names, path: str, *, strict: bool) -> Fields:
    """The fields of an object, whichever way they are spelled."""
    return Fields(lenient(value, known) if not strict else spelled(value, known, path), path, strict=strict)


def lenient(value: Mapping[str, Any], known: Names) -> Mapping[str, Any]:
    """The same for an upstream's answer, of which nothing is refused: of two spellings the first is taken."""
    if known.keys().isdisjoint(value):
        return value
    out: dict[str, Any] = {}
    for name, child in value.items():
        out.setdefault(known.get(name, name), child)
    return out


def respelled(fields: Fields, known: Names) -> Fields:
    """The same fields with their known names in camelCase."""
    if known.keys().isdisjoint(fields.value):
        return fields
    return opened(fields.value, known, fields.path("").rstrip("."), strict=fields.strict)


def keep(fields: Fields, name: str, rest: Mapping[str, Any]) -> None:
    """Let what is left of an inner object that was taken travel on under its name."""
    if rest:
        fields.left()[name] = rest
