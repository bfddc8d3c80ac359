"""Requests that share a call with identical ones of their tenant."""

import asyncio
from collections.abc import Callable
from functools import partial

from antiphon.calls.coalesce import Flight, Key, Seat, header_values
from antiphon.calls.course import Ask
from antiphon.core.error import AntiphonError, DeadlineExceeded
from antiphon.core.ports import Reply, Served
from antiphon.gateway.decide import Decision
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.gateway.story import NO_HEADERS, Story
from antiphon.wire.openai_chat.same import deterministic

_LAST = b"[DONE]"


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


def key_of(story: Story, decision: Decision) -> Key | None:
    """What makes a request the same as another; None: it shares no call."""
    policy, request = decision.prepared.policy, story.request
    if policy.coalescer is None or request is None or not deterministic(request):
        return None
    return Key(
        tenant=story.principal.tenant,
        group=decision.plan.digest(),
        endpoint=request.head.endpoint,
        digest=request.digest,
        headers=header_values(story.arrival.headers, policy.coalesce.headers),
    )


async def follow(
    story: Story, seat: Seat[Served], ask: Ask, process: Process, revision: Revision, reply: Reply
) -> None:
    """Answer a request from a call that it shares. Raises: what the call raised, DeadlineExceeded."""
    story.shared = seat.led_by
    left_s = ask.deadline.left_s(process.caller.now())
    try:
        async with asyncio.timeout(left_s):
            await _read(story, seat, process, revision, reply, stream=ask.request.head.stream)
    except TimeoutError:
        raise DeadlineExceeded(f"the shared call had no answer within {ask.deadline.allowed_s:g} s") from None
    finally:
        seat.leave()


async def _read(
    story: Story, seat: Seat[Served], process: Process, revision: Revision, reply: Reply, *, stream: bool
) -> None:
    led = await seat.head()
    story.shared_by = led.deployment
    served = Served(story.arrival.id, led.deployment, led.headers or NO_HEADERS, story.lines + _note(seat))
    if not stream:
        body = await seat.read() or b""
        _keep(story, body, revision)
        close(story, process, revision, "ok", 200, None, release=partial(reply.whole, served, body))
        return
    room = _Room()
    reply.on_pressure(room.press)
    try:
        story.begun = True
        reply.begin(served)
        last = b""
        while (piece := await seat.read()) is not None:
            await room.wait()
            _keep(story, piece, revision)
            if last:  # it was none: a text may say the word too
                reply.write(last)
                last = b""
            if _LAST in piece:
                last = piece
            else:
                reply.write(piece)
        close(story, process, revision, "ok", 200, None, release=partial(reply.end, last))
    finally:
        reply.on_pressure(None)


def _keep(story: Story, piece: bytes, revision: Revision) -> None:
    """Keep what goes out, where content is captured."""
    if revision.capture_most_bytes and len(story.answer) <= revision.capture_most_bytes:
        story.answer += piece


def _note(seat: Seat[Served]) -> bytes:
    return b"x-antiphon-shared: %b\r\n" % seat.led_by.encode()


class _Room:
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
