"""JSON values as what they should be."""

from typing import Any, cast


def mapping(value: Any) -> dict[str, Any]:
    """An object; anything else is an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """A list; anything else is an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []
