"""A caller that speaks raw HTTP/1.1, well or badly."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

AUTH = b"Host: bench\r\nAuthorization: Bearer sk-bench-7d1f0c52a9e64b38\r\nContent-Type: application/json\r\n"
ESTABLISHED = "01"  # Linux include/net/tcp_states.h


@dataclass(frozen=True)
class Heard:
    """What came back within a time."""

    data: bytes
    closed: bool
    seconds: float

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.data)]

    def words(self) -> str:
        said = f"answered {self.statuses[0]}" if self.statuses else "no answer"
        return f"{said}, {'closed' if self.closed else 'still open'} after {self.seconds:.1f} s"


class Caller:
    """One connection. Use as a context."""

    def __init__(self, port: int, *, receive_bytes: int = 0) -> None:
        self._socket = socket.socket()
        if receive_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(5)
        self._socket.connect(("127.0.0.1", port))
        self._server_port = port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes, *, timeout_s: float = 5) -> int:
        """Send what is taken within a time. Returns: bytes taken."""
        self._socket.settimeout(timeout_s)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < len(data):
                sent += self._socket.send(data[sent : sent + 65_536])
        return sent

    def chat(self, prompt: str, *, stream: bool = False) -> None:
        body = chat_body(prompt, stream=stream)
        self.send(b"POST /v1/chat/completions HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (AUTH, len(body), body))

    def hear(self, timeout_s: float, *, answers: int = 0) -> Heard:
        """Read until closed, until so many answers have begun, or for so long."""
        began_s = time.monotonic()
        heard = Heard(b"", False, 0.0)
        while (left_s := began_s + timeout_s - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                data = self._socket.recv(65_536)
            except TimeoutError:
                break
            except OSError:
                data = b""
            heard = Heard(heard.data + data, not data, time.monotonic() - began_s)
            if not data or (answers and len(heard.statuses) >= answers):
                return heard
        return Heard(heard.data, heard.closed, time.monotonic() - began_s)

    @property
    def held_open(self) -> bool:
        """Whether the server's end of this connection is still established. Source: proc_pid_net(5), tcp."""
        mine = self._socket.getsockname()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (self._server_port, mine):
                return state == ESTABLISHED
        return False


def chat_body(prompt: str, *, stream: bool = False) -> bytes:
    body: dict[str, object] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]}
    if stream:
        body["stream"] = True
    return json.dumps(body).encode()
