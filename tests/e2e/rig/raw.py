"""A caller that can do what no client library does: leave at any moment, send slowly, read nothing."""

import contextlib
import json
import socket
import time
from types import TracebackType
from typing import Any, Self

from rig.gateway import Gateway

PATIENCE_S = 60.0


def request(gateway: Gateway, body: dict[str, Any] | bytes, **headers: str) -> bytes:
    """A chat completion's request as bytes; underscores in header names stand for dashes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        f"Host: 127.0.0.1:{gateway.port}",
        f"Authorization: Bearer {gateway.key}",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + data


class Caller:
    """One connection to a gateway."""

    def __init__(self, gateway: Gateway, receive_bytes: int = 0) -> None:
        self._socket = socket.socket()
        if receive_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(("127.0.0.1", gateway.port))
        self.received = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_until(self, mark: bytes) -> bytes:
        """Everything so far, once it holds a mark."""
        while mark not in self.received:
            piece = self._socket.recv(65_536)
            assert piece, f"the gateway closed the connection before {mark!r}: {self.received!r}"
            self.received += piece
        return self.received

    def read_all(self) -> bytes:
        """Everything up to the other side's end."""
        with contextlib.suppress(ConnectionError):
            while piece := self._socket.recv(65_536):
                self.received += piece
        return self.received

    @property
    def receipt_id(self) -> str:
        head = self.read_until(b"\r\n\r\n")
        return head.split(b"x-antiphon-receipt: ", 1)[1].split(b"\r\n", 1)[0].decode()

    def leave(self) -> float:
        """Close. Returns: when, on `time.monotonic`."""
        self._socket.close()
        return time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
