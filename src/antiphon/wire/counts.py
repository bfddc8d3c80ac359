"""Counts of a usage that an upstream says, believed or not."""

from collections.abc import Callable, Mapping
from typing import Any

from antiphon.core.usage import Usage
from antiphon.wire.fields import as_object, shown
from antiphon.wire.openai_chat.usage import MAX_TOKENS


class Implausible(Exception):
    """Why a usage can't be believed."""


def believed(read: Callable[[Mapping[str, Any]], Usage], value: object) -> tuple[Usage | None, str]:
    """What `read` makes of a usage object.

    Returns: The usage, or None and why it can't be believed; None and nothing where there is none.
    """
    if value is None:
        return None, ""
    said = as_object(value)
    if said is None:
        return None, "usage is not an object"
    try:
        return read(said), ""
    except Implausible as error:
        return None, str(error)


def count(said: Mapping[str, Any], name: str) -> int | None:
    """A count of tokens or other units, also as a whole number with a point, as Cohere says it. Raises: Implausible."""
    value = said.get(name)
    if value is None:
        return None
    whole = int(value) if type(value) is float and value.is_integer() else value
    if type(whole) is not int or not 0 <= whole <= MAX_TOKENS:
        raise Implausible(f"usage.{name} is {shown(value)}, which is no count of tokens")
    return whole


def needed(said: Mapping[str, Any], name: str) -> int:
    """The same of one that must be there. Raises: Implausible."""
    value = count(said, name)
    if value is None:
        raise Implausible(f"usage has no {name}")
    return value


def part(said: Mapping[str, Any], details: str, name: str, whole: int) -> int:
    """A count in an inner object that is part of another; 0 where it isn't said. Raises: Implausible."""
    if said.get(details) is None:
        return 0
    inner = as_object(said[details])
    if inner is None:
        raise Implausible(f"usage.{details} is not an object")
    value = count(inner, name) or 0
    if value > whole:
        raise Implausible(f"usage says {value} {name} in {details} of {whole}")
    return value


def milliseconds(seconds: object) -> int:
    """A length of sound. Raises: Implausible."""
    if type(seconds) not in (int, float) or not 0 <= seconds <= MAX_TOKENS / 1000:  # type: ignore[operator]
        raise Implausible(f"usage says {shown(seconds)} seconds, which is no length of time")
    return round(seconds * 1000)  # type: ignore[operator]
