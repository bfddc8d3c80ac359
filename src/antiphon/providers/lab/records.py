"""What a lab server received, for tests to look at."""

from collections import Counter, deque
from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct

KEPT_REQUESTS = 10_000
"""Most records; the oldest goes first."""
KEPT_BODY_BYTES = 65_536
"""Of a longer body only the start is kept."""
KEPT_BYTES = 67_108_864
"""Bodies and headers of all records together; the oldest records lose theirs first."""


class Received(Struct, kw_only=True):
    """One request to a model. Filled in while it runs: the one struct here that changes."""

    id: int
    """Place among all requests of this server, from 1."""
    at_ns: int
    body: str
    body_bytes: int
    sha256: str
    headers: dict[str, str]
    """As they came: an Authorization header shows its key."""
    path: str = ""
    dialect: str = ""
    """How it was asked, such as openai_chat."""
    number: int = 0
    """Place among its model's requests, from 1; 0 when it named none."""
    model: str = ""
    key: str = ""
    stream: bool = False
    fault: str | None = None
    status: int = 0
    """0: no answer was begun."""
    error: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    """As composed, which the caller may not have waited for."""
    left_early: bool = False
    """The caller closed its connection before the answer was whole."""
    ended_ns: int | None = None
    """None while it runs."""

    @property
    def kept_bytes(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers.items())


class Tokens(Struct, frozen=True):
    input: int = 0
    output: int = 0


class Tally(Struct, frozen=True, kw_only=True):
    """Sums since the server was made."""

    requests: int
    running: int
    open_connections: int
    open_streams: int
    left_early: int
    tokens: dict[str, Tokens]
    faults: dict[str, int]


class Records:
    """A bounded ring of requests, and sums over all of them."""

    def __init__(self) -> None:
        self._ring: deque[Received] = deque()
        self._stripped: int = 0
        self._kept_bytes = 0
        self._count = self._running = self._left_early = 0
        self.open_streams = 0
        self._tokens: dict[str, Tokens] = {}
        self._faults: Counter[str] = Counter()

    def open(
        self, body: bytes, headers: Mapping[bytes, bytes], now_ns: int, *, path: str = "", dialect: str = ""
    ) -> Received:
        """Write down a request that came."""
        self._count += 1
        self._running += 1
        received = Received(
            id=self._count,
            at_ns=now_ns,
            body=body[:KEPT_BODY_BYTES].decode(errors="replace"),
            body_bytes=len(body),
            sha256=sha256(body).hexdigest(),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()},
            path=path,
            dialect=dialect,
        )
        self._ring.append(received)
        self._kept_bytes += received.kept_bytes
        self._bound()
        return received

    def met(self, received: Received, fault: str) -> None:
        """Write down the fault that a request meets."""
        received.fault = fault
        self._faults[fault] += 1

    def close(self, received: Received, now_ns: int) -> None:
        """Add up a request that has ended."""
        received.ended_ns = now_ns
        self._running -= 1
        self._left_early += received.left_early
        if received.model:
            sums = self._tokens.get(received.model, Tokens())
            self._tokens[received.model] = Tokens(
                sums.input + received.input_tokens, sums.output + received.output_tokens
            )

    def listed(self, model: str | None, last: int) -> list[Received]:
        """The newest `last` records, of one model or of all, oldest first."""
        found = [received for received in self._ring if model is None or received.model == model]
        return found[len(found) - last :] if last < len(found) else found

    def clear(self) -> None:
        """Forget the records; the sums stay."""
        self._ring.clear()
        self._kept_bytes = self._stripped = 0

    def tally(self, open_connections: int) -> Tally:
        return Tally(
            requests=self._count,
            running=self._running,
            open_connections=open_connections,
            open_streams=self.open_streams,
            left_early=self._left_early,
            tokens=dict(self._tokens),
            faults=dict(self._faults),
        )

    def _bound(self) -> None:
        if len(self._ring) > KEPT_REQUESTS:
            self._kept_bytes -= self._ring.popleft().kept_bytes
            self._stripped = max(0, self._stripped - 1)
        while self._kept_bytes > KEPT_BYTES:
            oldest = self._ring[self._stripped]
            self._kept_bytes -= oldest.kept_bytes
            oldest.body, oldest.headers = "", {}
            self._stripped += 1
