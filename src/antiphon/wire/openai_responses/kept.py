"""What only this dialect has use for, and what no other loses by not having it: ids of items, the word `phase`, `store`.

It stands in `extra` as a name alone, whose value is null: others pass over a null, so that it is no loss to them.
"""

from typing import Any

import msgspec

from antiphon.core.content import Extra

_MARK = "#"
_decode = msgspec.json.Decoder().decode


def keep(extra: Extra, name: str, value: object) -> None:
    """Put a value by."""
    extra[f"{_MARK}{name} {msgspec.json.encode(value).decode()}"] = None


def kept(extra: Extra) -> tuple[dict[str, Any], Extra]:
    """What was put by, and all the rest."""
    if not extra:
        return {}, {}
    by: dict[str, Any] = {}
    rest: Extra = {}
    for key, value in extra.items():
        name, space, text = key.partition(" ")
        if value is not None or not space or not name.startswith(_MARK):
            rest[key] = value
            continue
        try:
            by[name[len(_MARK) :]] = _decode(text.encode())
        except (msgspec.MsgspecError, UnicodeError):
            rest[key] = value
    return by, rest


def text_of(by: dict[str, Any], name: str) -> str | None:
    """A text among what was put by."""
    value = by.get(name)
    return value if isinstance(value, str) else None
