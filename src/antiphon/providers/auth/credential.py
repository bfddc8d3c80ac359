"""A credential that is renewed before it expires."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import final

from msgspec import Struct

from antiphon.core.clock import Clock
from antiphon.core.error import UpstreamAuth
from antiphon.providers.auth.grant import DUE_S, MARGIN_S, Grant, Source
from antiphon.providers.auth.signer import Signer

DEADLINE_S = 10.0
REST_S = 5.0
"""How long a source is left alone after it failed; who asks meanwhile is told of that failure."""
GIVEN_UP = 3
"""A source that has not answered after this many deadlines is asked anew, in another thread: it may never answer."""
MOST_THREADS = 4
"""Most threads at once that wait for one source."""
DETAIL = 300
"""Characters of a library's message that are noted."""


class _Flight(Struct, frozen=True, kw_only=True, eq=False):
    """A source that is being asked. `result` gets a value, never an exception: maybe nobody waits any more."""

    result: "asyncio.Future[Grant | Exception]"
    ends_s: float
    """On the loop's clock."""
    given_up_s: float
    """When it is no use to wait any more, on the same clock."""


@final
class Credential(Signer):
    """Asks a source in a thread of its own, one at a time. The thread never holds up the process's end."""

    def __init__(self, account: str, source: Source, clock: Clock, *, deadline_s: float = DEADLINE_S) -> None:
        """`account`: the provider's name, for messages."""
        self._account = account
        self._source = source
        self._clock = clock
        self._deadline_s = deadline_s
        self._grant: Grant | None = None
        self._until_s = 0.0
        """When the grant is not to be sent any more."""
        self._due_s = 0.0
        self._flight: _Flight | None = None
        self._threads = 0
        self._failed = ""
        """Why it gave none the last time."""
        self._rested_s = 0.0
        """On the steady clock."""

    def ready(self, now_s: float) -> bool:
        return self._grant is not None and now_s < self._until_s

    def due(self, now_s: float) -> bool:
        idle = self._flight is None or self._stuck(self._flight)
        return self._grant is not None and now_s >= self._due_s and idle and not self._resting()

    async def renew(self) -> None:
        flight = self._flight
        if flight is None or self._stuck(flight):
            if self._failed and self._resting():
                raise self._error(self._failed)
            flight = self._flight = self._start(asyncio.get_running_loop())
        left_s = flight.ends_s - asyncio.get_running_loop().time()
        await asyncio.wait({flight.result}, timeout=max(left_s, 0.0))
        if not flight.result.done():
            raise self._error(f"it did not answer within {self._deadline_s:g} s")
        result = flight.result.result()
        if isinstance(result, Exception):
            raise self._error(_reason(result))

    def lines(self, method: str, host: str, path: str, query: str, body: Sequence[bytes]) -> bytes:
        grant = self._grant
        if grant is None or not self.ready(self._clock.now_ns() / 1e9):
            raise self._error("none is at hand, or it has expired")
        return grant.lines(method, host, path, query, body)

    def _resting(self) -> bool:
        return self._clock.steady_s() < self._rested_s

    def _stuck(self, flight: _Flight) -> bool:
        """Whether a flight is given up, and another may start."""
        return asyncio.get_running_loop().time() >= flight.given_up_s and self._threads < MOST_THREADS

    def _start(self, loop: asyncio.AbstractEventLoop) -> _Flight:
        now_s = loop.time()
        flight = _Flight(
            result=loop.create_future(),
            ends_s=now_s + self._deadline_s,
            given_up_s=now_s + GIVEN_UP * self._deadline_s,
        )

        def ask() -> None:
            try:
                result = self._source.fetch()
            except Exception as error:  # noqa: BLE001 - a library's errors are its own; each is told as UpstreamAuth
                result = error
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(self._landed, flight, result)

        self._threads += 1
        threading.Thread(target=ask, name=f"auth-{self._account}", daemon=True).start()
        return flight

    def _landed(self, flight: _Flight, result: Grant | Exception) -> None:
        """Also when it came too late for those who waited: then it is there for the next."""
        self._threads -= 1
        newest = flight is self._flight
        if newest:
            self._flight = None
        now_s = self._clock.now_ns() / 1e9
        if isinstance(result, Grant) and result.expires_s is not None and result.expires_s <= now_s:
            result = ValueError("what it gave has expired already")
        if isinstance(result, Grant):
            if newest or not self.ready(now_s):
                self._take(result, now_s)
        elif newest:
            self._failed = _reason(result)
            self._rested_s = self._clock.steady_s() + REST_S
        flight.result.set_result(result)

    def _take(self, grant: Grant, now_s: float) -> None:
        self._grant, self._failed, self._rested_s = grant, "", 0.0
        self._until_s = self._due_s = float("inf")
        if grant.expires_s is not None:
            life_s = grant.expires_s - now_s
            self._until_s = grant.expires_s - min(MARGIN_S, life_s / 4)
            self._due_s = grant.expires_s - min(DUE_S, life_s / 2)

    def _error(self, reason: str) -> UpstreamAuth:
        """What a library said is noted, and not told to callers: it may name roles and addresses."""
        error = UpstreamAuth(f"{self._account} has no credential from {self._source.name}; {self._source.remedy}")
        error.noted = f"{error.message} ({reason})"
        error.connected = False
        return error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:DETAIL]
