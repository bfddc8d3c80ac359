"""Checks of the fields that heads are made of. Each refusal names the field."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.error import BadRequest
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.fields import shown as short


def model_name(value: object) -> str:
    """Raises: BadRequest."""
    if type(value) is not str or not 0 < len(value) <= MAX_NAME:
        raise BadRequest("`model` must name a model; GET /v1/models lists them", param="model")
    return value


def flag_of(fields: Mapping[str, Any], name: str) -> bool | None:
    """Raises: BadRequest."""
    value = fields.get(name)
    if value is not None and type(value) is not bool:
        raise BadRequest(f"`{name}` must be true or false, not {shown(value)}", param=name)
    return value


def count_of(fields: Mapping[str, Any], name: str) -> int | None:
    """Raises: BadRequest."""
    value = fields.get(name)
    if value is not None and (type(value) is not int or not 1 <= value <= MAX_COUNT):
        raise BadRequest(f"`{name}` must be a whole number from 1 to {MAX_COUNT}, not {shown(value)}", param=name)
    return value


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """Empty when it isn't there. Raises: BadRequest."""
    value = fields.get(name)
    if value is not None and type(value) is not str:
        raise BadRequest(f"`{name}` must be a text, not {shown(value)}", param=name)
    return value or ""


def shown(value: object) -> str:
    """A value, short: it goes into a message."""
    return repr(value)[:40] if isinstance(value, str) else short(value)
