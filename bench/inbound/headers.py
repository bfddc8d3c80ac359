"""Headers between the forms of the servers: lines, pairs of bytes, pairs of text."""

from __future__ import annotations

from collections.abc import Iterable

Pair = tuple[bytes, bytes]
TextPair = tuple[str, str]


def joined(pairs: Iterable[Pair]) -> dict[bytes, bytes]:
    """By name in lower case; a repeated header's values are joined by a comma."""
    out: dict[bytes, bytes] = {}
    for name, value in pairs:
        known = out.get(name)
        out[name] = value if known is None else b"%b, %b" % (known, value)
    return out


def pairs(lines: bytes) -> list[Pair]:
    """Of complete lines, each ended by CRLF."""
    return [tuple(line.split(b": ", 1)) for line in lines[:-2].split(b"\r\n")]  # type: ignore[misc]


def text_pairs(lines: bytes) -> list[TextPair]:
    """The same as text."""
    return [tuple(line.split(": ", 1)) for line in lines[:-2].decode("latin-1").split("\r\n")]  # type: ignore[misc]
