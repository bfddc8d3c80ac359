"""The listener's side of an exchange, without a listener."""

import json
import time
from asyncio import Transport
from collections.abc import Iterable
from typing import Any, cast

from antiphon.net.exchange import Exchange


class Wire:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.out = b""
        self.peer: dict[str, Any] = {"peername": ("127.0.0.1", 5)}

    def get_extra_info(self, name: str) -> Any:
        return self.peer.get(name)

    def write(self, data: bytes) -> None:
        self.out += data

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.out += b"".join(pieces)


class Dated:
    """A site on whose first day nothing else happens."""

    date_line = b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


class Side:
    """A connection that carries one exchange."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.transport = cast("Transport", self.wire)
        self.keep_alive = True
        self.site = Dated()
        self.done = 0

    def finished(self) -> None:
        self.done += 1


class Asked:
    """One exchange, and the answer that it got."""

    def __init__(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.side = Side()
        names = {name.lower().encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
        self.exchange = Exchange(self.side, method.encode(), target.encode("latin-1"), names)
        self.exchange.received_s = time.perf_counter()
        if body:
            self.exchange.body = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]

    @property
    def status(self) -> int:
        return int(self.side.wire.out.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.side.wire.out.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        pairs = [line.split(": ", 1) for line in lines]
        assert len({name for name, _ in pairs}) == len(pairs), "a header comes twice"
        return dict(pairs)

    @property
    def raw(self) -> bytes:
        """What stands behind the head."""
        return self.side.wire.out.partition(b"\r\n\r\n")[2]

    @property
    def body(self) -> bytes:
        """The answer's body, its chunks put together."""
        if self.headers.get("transfer-encoding") != "chunked":
            assert self.exchange.method == b"HEAD" or int(self.headers["content-length"]) == len(self.raw)
            return self.raw
        rest, out = self.raw, b""
        while True:
            size, _, rest = rest.partition(b"\r\n")
            if not int(size, 16):
                assert rest == b"\r\n"
                return out
            out, rest = out + rest[: int(size, 16)], rest[int(size, 16) + 2 :]

    @property
    def json(self) -> Any:
        return json.loads(self.body)
