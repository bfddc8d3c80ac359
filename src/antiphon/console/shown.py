"""What comes of a request: a page, or another one that the browser is led to."""

from typing import Any

from msgspec import Struct


class Shown(Struct, frozen=True, kw_only=True):
    """A template, and what it is filled with."""

    template: str
    values: dict[str, Any]
    status: int = 200


class Led(Struct, frozen=True, kw_only=True):
    """A path of the console."""

    path: str
