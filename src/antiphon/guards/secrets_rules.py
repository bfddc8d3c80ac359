"""The rules of secrets: formats of keys and tokens, and names whose values are secrets."""

from collections.abc import Collection
from importlib.resources import files
from typing import Any

import msgspec
import re2
from msgspec import Struct


class Format(Struct, frozen=True, kw_only=True):
    """A format of keys."""

    id: str
    at: tuple[str, ...]
    """Literals that every one has, in lower case."""
    pattern: str = msgspec.field(name="is")
    """RE2, of what begins it: at most `LONGEST_TAIL` characters."""
    back: int = 0
    """Characters that it may begin before the literal."""
    digit: bool = False
    """It has a digit."""
    more: bool = False
    """What follows in letters, digits and a few signs belongs to it."""


class Names(Struct, frozen=True, kw_only=True):
    """Names whose values are secrets."""

    id: str
    at: tuple[str, ...]
    value: str
    """How its values are judged: `header`, `password`, `secret` or `key`."""


class Rules(Struct, frozen=True, kw_only=True):
    """All rules."""

    about: str
    rules: tuple[Format, ...]
    names: tuple[Names, ...]
    stop_words: tuple[str, ...]


OTHERS = ("private-key", "url-password", "curl-user")
"""Rules that are no format of keys, and go by no name."""


def rules() -> Rules:
    """The rules of the package."""
    raw = files("antiphon.guards").joinpath("data/secrets.json").read_bytes()
    return msgspec.json.decode(raw, type=Rules)


def known(all_rules: Rules) -> Collection[str]:
    """Their names."""
    return {*(rule.id for rule in all_rules.rules), *(rule.id for rule in all_rules.names), *OTHERS}


def compiled(pattern: str, *, case: bool = True) -> Any:
    """A pattern of RE2, which brings no types."""
    options: Any = re2.Options()
    options.case_sensitive = case
    options.log_errors = False
    return re2.compile(pattern, options=options)  # pyright: ignore[reportUnknownMemberType]
