"""Headers that say what a request is part of, and for whom it is made."""

from collections.abc import Mapping

from antiphon.core.error import BadRequest
from antiphon.core.request import NO_LINEAGE, Lineage

END_USER = b"x-antiphon-end-user"
MAX_NAME = 128
"""Longest name of an end user, a session, run, step or parent, in characters."""
_LINEAGE = (
    (b"x-antiphon-session", "session"),
    (b"x-antiphon-run", "run"),
    (b"x-antiphon-step", "step"),
    (b"x-antiphon-parent", "parent"),
)
_LINES = frozenset(header for header, _ in _LINEAGE)


def lineage(headers: Mapping[bytes, bytes]) -> Lineage:
    """What a request is part of. Raises: BadRequest, naming the header."""
    if _LINES.isdisjoint(headers):
        return NO_LINEAGE
    found: dict[str, str] = {}
    for header, name in _LINEAGE:
        value = headers.get(header)
        if value is not None:
            found[name] = _named(value, header)
    return Lineage(**found)


def end_user(headers: Mapping[bytes, bytes]) -> str:
    """For whom it is made; empty: no header says. Raises: BadRequest."""
    value = headers.get(END_USER)
    return "" if value is None else _named(value, END_USER)


def _named(value: bytes, header: bytes) -> str:
    """A name that a header gives. Raises: BadRequest."""
    if len(value) > MAX_NAME:
        raise BadRequest(f"{header.decode()} is longer than {MAX_NAME} characters", param=header.decode())
    return value.decode("latin-1")
