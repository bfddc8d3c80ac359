"""A call that is shared: who may share it, where its answer goes, and who reads too slowly."""

import asyncio
from collections.abc import Callable, Mapping

from antiphon.calls.coalesce import Flight, Key, header_values
from antiphon.calls.prepared import Policy
from antiphon.core.error import AntiphonError
from antiphon.core.plan import Plan
from antiphon.core.ports import Reply, Served
from antiphon.core.request import Request
from antiphon.wire.codecs import CODECS
from antiphon.wire.same import deterministic


def key_of(request: Request, tenant: str, plan: Plan, policy: Policy, headers: Mapping[bytes, bytes]) -> Key | None:
    """What makes a request the same as another; None: it shares no call."""
    if policy.coalescer is None or not deterministic(request, CODECS[request.head.dialect].chance):
        return None
    return Key(
        tenant=tenant,
        group=plan.digest(),
        endpoint=request.head.endpoint,
        digest=request.digest,
        headers=header_values(headers, policy.coalesce.headers),
    )


class FlightReply(Reply):
    """Gives the answer of a shared call to everyone who shares it."""

    def __init__(self, flight: Flight[Served]) -> None:
        self._flight = flight
        self.failure: AntiphonError | None = None

    def whole(self, served: Served, body: bytes) -> None:
        self._flight.begin(served)
        self._flight.write(body)

    def begin(self, served: Served) -> None:
        self._flight.begin(served)

    def write(self, piece: bytes) -> None:
        self._flight.write(piece)

    def end(self, last: bytes = b"") -> None:
        if last:
            self._flight.write(last)

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        self.failure = error

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        raise RuntimeError("each who shares a call has a last resort of its own")

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._flight.on_pressure(callback)


class Room:
    """Whether the caller takes more."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def press(self, on: bool) -> None:
        if on:
            self._open.clear()
        else:
            self._open.set()

    async def wait(self) -> None:
        await self._open.wait()
