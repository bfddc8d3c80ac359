"""An object's fields as somebody would write them: without those that have their default."""

from typing import Any, cast

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

NEVER = frozenset({"key"})
"""The text of a key is shown to nobody."""


def written(form: Struct) -> dict[str, Any]:
    """What would make the same object, in a file or as a body."""
    found: dict[str, Any] = {}
    for field in fields(form):
        value = getattr(form, field.name)
        default = (
            field.default_factory()
            if field.default is NODEFAULT and field.default_factory is not NODEFAULT
            else field.default
        )
        if field.name not in NEVER and value != default:
            found[field.encode_name] = _plain(value)
    return found


def _plain(value: object) -> Any:
    if isinstance(value, Struct):
        return written(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[object]", value)]
    return msgspec.to_builtins(value)
