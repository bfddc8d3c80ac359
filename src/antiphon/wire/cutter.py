"""Cuts a stream of server-sent events into whole events, bytes as they came."""

import re

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
"""A blank line. Source: HTML Living Standard, 9.2.5."""
MOST_BYTES = 16_777_216
"""Of one event; what is longer is handed on as it is."""


class Cutter:
    """Feed it what comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that are whole now, in order."""
        held = self._held
        held += piece
        out: list[bytes] = []
        at = 0
        for found in _END.finditer(held):
            out.append(bytes(held[at : found.end()]))
            at = found.end()
        if at:
            del held[:at]
        if len(held) > MOST_BYTES:
            out.append(self.end())
        return out

    def end(self) -> bytes:
        """What is left."""
        left = bytes(self._held)
        self._held.clear()
        return left
