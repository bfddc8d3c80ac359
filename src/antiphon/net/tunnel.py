"""A listener's connection that speaks another protocol than HTTP from here on."""

from typing import Protocol

IDLE = 1


class Sink(Protocol):
    """Takes a connection's bytes."""

    def feed(self, data: bytes, /) -> None: ...

    def drain(self) -> None:
        """The process stops: come to an end."""
        ...


class Tunnel:
    """Stands in an intake's place, and hands bytes on."""

    __slots__ = ("_sink", "body_bytes", "phase", "since_s")

    def __init__(self, sink: Sink, now_s: float) -> None:
        self._sink: Sink | None = sink
        self.phase = IDLE
        self.since_s = now_s
        self.body_bytes = 0

    def feed(self, data: bytes) -> None:
        if self._sink is not None:
            self._sink.feed(data)

    def drain(self) -> None:
        if self._sink is not None:
            self._sink.drain()

    def stop(self) -> None:
        self._sink = None

    def late(self, now_s: float) -> tuple[int, str] | None:
        """Whoever takes the bytes bounds the time."""
        return None
