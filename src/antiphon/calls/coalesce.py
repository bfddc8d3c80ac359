"""Identical requests of one tenant share one call while it is in flight.

The call runs in a task of its own, so it belongs to none of its callers: it goes on while one of them still reads, and
is cancelled when none does. Each caller has a `Seat` and reads at its own pace from what the call has brought so far,
so who joins late gets all of it. The fastest reader sets the call's pace; who falls further behind it than the buffer
holds is cut off. An answer that outgrew the buffer is joined no more.

When the call fails, every caller gets its error. A call has spent its retries and fallbacks by then, and followers that
began anew would hit a failing upstream all at once: what sharing is there to prevent.

Nothing is kept after the call has ended: this is no cache. Source of the idea: `singleflight`, golang.org/x/sync.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from antiphon.calls.settings_flow import CoalesceSettings
from antiphon.core.error import Unavailable

H = TypeVar("H")

CUT = "it read too slowly: it fell over {} bytes behind the call that it shared"


class Key(Struct, frozen=True, kw_only=True):
    """What makes two requests the same. Never equal across tenants."""

    tenant: str
    group: str
    """Names the route, the deployments that the verdict allows, and what is added to the request: the plan's digest."""
    endpoint: str
    digest: str
    """SHA-256 of the body as it came."""
    headers: tuple[bytes | None, ...] = ()
    """Values of those that matter, in a fixed order."""


def header_values(headers: Mapping[bytes, bytes], names: Iterable[str]) -> tuple[bytes | None, ...]:
    """What a key holds of a request's headers (names in lower case)."""
    return tuple(headers.get(name.lower().encode()) for name in names)


class Flight(Generic[H]):
    """A call that is shared, as the one who makes it sees it."""

    def __init__(self, led_by: str, most_bytes: int) -> None:
        self.led_by = led_by
        """Receipt of the request that began it."""
        self.seats: set[Seat[H]] = set()
        self.head: H | None = None
        self.landed = False
        self.error: BaseException | None = None
        self.written_bytes = 0
        self.outgrown = False
        """More came than the buffer holds: who joins now would miss the start."""
        self._most_bytes = most_bytes
        self._pieces: list[bytes] = []
        self._dropped = 0
        self._pressure: Callable[[bool], None] | None = None
        self._pressed = False

    def begin(self, head: H) -> None:
        """The answer has begun; `head` is what each caller needs to begin its own."""
        self.head = head
        self._wake()

    def write(self, piece: bytes) -> None:
        """A piece of the answer, or all of it."""
        self._pieces.append(piece)
        self.written_bytes += len(piece)
        if self.written_bytes > self._most_bytes:
            self.outgrown = True
            self._bound()
        self._wake()

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        """Call back with True when even the fastest reader is a buffer behind, with False when it has caught up."""
        self._pressure = callback
        if callback is not None and self._pressed:
            callback(True)

    def land(self, error: BaseException | None) -> None:
        """The call has ended."""
        if self.error is None:
            self.error = error
        self.landed = True
        self._wake()

    def piece(self, number: int) -> bytes | None:
        """Piece `number`, counted from 0; None: it has not come."""
        at = number - self._dropped
        return self._pieces[at] if at < len(self._pieces) else None

    def relieve(self) -> None:
        """A reader read on, or left."""
        if self._pressed and self._ahead() <= self._most_bytes // 2:
            self._press(False)

    def _ahead(self) -> int:
        """Bytes that the fastest reader has not read."""
        return self.written_bytes - max((seat.read_bytes for seat in self.seats), default=self.written_bytes)

    def _bound(self) -> None:
        """Cut off who is too far behind, forget what all have read, and slow the call down for the fastest."""
        fastest = max((seat.read_bytes for seat in self.seats), default=0)
        last = self._dropped + len(self._pieces) - 1
        for seat in [seat for seat in self.seats if fastest - seat.read_bytes > self._most_bytes]:
            seat.cut(Unavailable(CUT.format(self._most_bytes)))
        passed = min((seat.at for seat in self.seats), default=last) - self._dropped
        del self._pieces[:passed]
        self._dropped += passed
        if not self._pressed and self._ahead() > self._most_bytes:
            self._press(True)

    def _press(self, on: bool) -> None:
        self._pressed = on
        if self._pressure is not None:
            self._pressure(on)

    def _wake(self) -> None:
        for seat in self.seats:
            seat.wake()


class Seat(Generic[H]):
    """One caller's place at a shared call. One task reads it; `leave` it when done, whatever happened."""

    def __init__(self, flight: Flight[H], release: Callable[["Seat[H]"], None], *, leads: bool) -> None:
        self.leads = leads
        self.at = 0
        """The next piece to read."""
        self.read_bytes = 0
        self._flight = flight
        self._release = release
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def led_by(self) -> str:
        """Receipt of the request that made the call."""
        return self._flight.led_by

    async def head(self) -> H:
        """Wait until the answer begins. Raises: what the call raised."""
        flight = self._flight
        while flight.head is None:
            self._check()
            if flight.landed:
                raise RuntimeError("a shared call ended without an answer or an error")
            await self._wait()
        return flight.head

    async def read(self) -> bytes | None:
        """The next piece; None at the end. Raises: what the call raised, after the last piece before it."""
        flight = self._flight
        while True:
            if self._error is not None:
                raise self._error
            piece = flight.piece(self.at)
            if piece is not None:
                self.at += 1
                self.read_bytes += len(piece)
                flight.relieve()
                return piece
            self._check()
            if flight.landed:
                return None
            await self._wait()

    def leave(self) -> None:
        """Give the place up; the last one's leaving ends the call. Harmless when done twice."""
        self._release(self)

    def cut(self, error: BaseException) -> None:
        """End this caller's reading with an error; the call goes on."""
        self._error = error
        self.wake()
        self.leave()

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check(self) -> None:
        error = self._error or self._flight.error
        if error is not None:
            raise error

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class Coalescer(Generic[H]):
    """The shared calls of one worker."""

    def __init__(self, settings: CoalesceSettings) -> None:
        self._settings = settings
        self._flights: dict[Key, Flight[H]] = {}
        self._tasks: dict[Flight[H], asyncio.Task[None]] = {}

    def __len__(self) -> int:
        """Calls that can be joined, or could until they grew too large."""
        return len(self._flights)

    def join(self, key: Key, receipt_id: str, call: Callable[[Flight[H]], Coroutine[Any, Any, None]]) -> Seat[H] | None:
        """Take a seat at the call that is in flight for `key`, or begin one with `call`.

        Returns: None when that call has too many followers or outgrew its buffer, or too many calls are in flight:
            then this request makes its own call, unshared.
        """
        flight = self._flights.get(key)
        leads = flight is None
        if flight is None:
            if len(self._tasks) >= self._settings.max_calls:
                return None
            flight = self._begin(key, Flight[H](receipt_id, self._settings.max_buffer_bytes), call)
        elif flight.outgrown or len(flight.seats) > self._settings.max_followers:
            return None
        seat = Seat(flight, lambda one: self._leave(key, flight, one), leads=leads)
        flight.seats.add(seat)
        return seat

    def _begin(self, key: Key, flight: Flight[H], call: Callable[[Flight[H]], Coroutine[Any, Any, None]]) -> Flight[H]:
        def landed(task: asyncio.Task[None]) -> None:
            del self._tasks[flight]
            self._forget(key, flight)
            stopped = Unavailable("the shared call was stopped before it was answered")
            flight.land(stopped if task.cancelled() else task.exception())

        task = asyncio.get_running_loop().create_task(call(flight))
        task.add_done_callback(landed)
        self._flights[key] = flight
        self._tasks[flight] = task
        return flight

    def _leave(self, key: Key, flight: Flight[H], seat: Seat[H]) -> None:
        flight.seats.discard(seat)
        if flight.seats:
            flight.relieve()
            return
        self._forget(key, flight)
        task = self._tasks.get(flight)
        if task is not None:
            task.cancel()

    def _forget(self, key: Key, flight: Flight[H]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
