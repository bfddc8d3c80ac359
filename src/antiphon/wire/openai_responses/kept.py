"""What only this dialect has use for, and what no other loses by not having it: ids of items, the word `phase`, `store`.

It stands in `extra` under a name whose value there is null: others pass over a null, so that it is no loss to them. The
value itself is the name's, which is of a type that nothing that a caller sends is read into: it can't be forged.
"""

from typing import Any

from antiphon.core.content import Extra


class Kept(str):
    """A name with the value that was put by under it."""

    __slots__ = ("value",)
    value: Any


def keep(extra: Extra, name: str, value: object) -> None:
    """Put a value by."""
    key = Kept(f"#{name}")
    key.value = value
    extra.pop(key, None)
    extra[key] = None


def kept(extra: Extra) -> tuple[dict[str, Any], Extra]:
    """What was put by, and all the rest."""
    if not extra:
        return {}, {}
    by: dict[str, Any] = {}
    rest: Extra = {}
    for key, value in extra.items():
        if isinstance(key, Kept):
            by[key[1:]] = key.value
        else:
            rest[key] = value
    return by, rest


def text_of(by: dict[str, Any], name: str) -> str | None:
    """A text among what was put by."""
    value = by.get(name)
    return value if isinstance(value, str) else None
