"""Regular expressions: RE2, whose time grows with the text's length alone. Source: cel-spec, doc/langdef.md."""

from collections.abc import Callable
from typing import Protocol, cast

import re2

from antiphon.expr.error import Failure

MAX_CHARACTERS = 1000
"""Of a pattern."""


class _Compiled(Protocol):
    def search(self, text: bytes) -> object | None: ...


class _Options(Protocol):
    log_errors: bool


class _Library(Protocol):
    """The part of `re2` that is used: it has no types of its own."""

    error: type[Exception]

    def Options(self) -> _Options: ...  # noqa: N802  # as RE2 has it

    def compile(self, pattern: str, options: _Options) -> _Compiled: ...


_RE2 = cast("_Library", re2)


def matcher(pattern: str) -> Callable[[str], bool]:
    """What says whether a part of a text matches. Raises: Failure, when it is no pattern, or too large a one."""
    if len(pattern) > MAX_CHARACTERS:
        raise Failure(f"the pattern has {len(pattern)} characters: at most {MAX_CHARACTERS}")
    options = _RE2.Options()
    options.log_errors = False
    try:
        search = _RE2.compile(pattern, options).search
    except (_RE2.error, UnicodeEncodeError) as error:
        said = error.args[0] if error.args else ""
        raise Failure(f"it is no RE2 pattern: {said.decode() if isinstance(said, bytes) else said}") from None
    return lambda text: search(text.encode("utf-8", "replace")) is not None
