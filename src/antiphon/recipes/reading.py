"""Reads what judges and raters answer: JSON that may stand in a fence or among words."""

import json
from collections.abc import Mapping
from typing import Any, cast

_decoder = json.JSONDecoder()


def object_in(text: str) -> Mapping[str, Any] | None:
    """The last JSON object that stands whole in a text, however much is said around it; None: there is none."""
    found, place = None, text.find("{")
    while place != -1:
        try:
            read, end = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        if isinstance(read, dict):
            found = cast("Mapping[str, Any]", read)
        place = text.find("{", end)
    return found


def number_of(found: Mapping[str, Any] | None, key: str, low: float, high: float) -> float | None:
    """A number under a key, within bounds; None: there is none."""
    value = None if found is None else found.get(key)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if low <= value <= high else None


def strings_of(found: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """A list of texts under a key; None: it holds something else. A key that isn't there holds none."""
    value = found.get(key, [])
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[Any]", value)):
        return None
    return tuple(cast("list[str]", value))
