"""Requests that share a call with identical ones of their tenant."""

import asyncio
from functools import partial

from antiphon.calls.ask import Ask
from antiphon.calls.cache_found import Given
from antiphon.calls.coalesce import Seat
from antiphon.calls.shared import Room
from antiphon.calls.story import Story
from antiphon.core.arrival import NO_HEADERS
from antiphon.core.error import DeadlineExceeded
from antiphon.core.ports import Reply, Served
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.wire.codecs import CODECS


async def follow(
    story: Story, seat: Seat[Served] | Given, ask: Ask, process: Process, revision: Revision, reply: Reply
) -> None:
    """Answer a request from a call that it shares, or the cache. Raises: what the call raised, DeadlineExceeded."""
    if isinstance(seat, Seat):
        story.shared = seat.led_by
        story.lines += b"x-antiphon-shared: %b\r\n" % seat.led_by.encode()
    left_s = ask.deadline.left_s(process.caller.now())
    try:
        async with asyncio.timeout(left_s):
            await _read(story, seat, ask, process, revision, reply)
    except TimeoutError:
        raise DeadlineExceeded(f"the shared call had no answer within {ask.deadline.allowed_s:g} s") from None
    finally:
        seat.leave()


async def _read(
    story: Story, seat: Seat[Served] | Given, ask: Ask, process: Process, revision: Revision, reply: Reply
) -> None:
    led = await seat.head()
    story.shared_by, story.losses = led.deployment, led.losses
    lines = story.header_lines()
    served = Served(story.arrival.id, led.deployment, led.headers or NO_HEADERS, lines, led.content_type)
    if not ask.request.head.stream:
        body = await seat.read() or b""
        if reply.waits:
            await reply.settled(body)
        _keep(story, body, revision)
        reply.keep(body)
        close(story, process, revision, "ok", 200, None, release=partial(reply.whole, served, body))
        return
    room, mark = Room(), CODECS[ask.request.head.dialect].last_mark
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
            if mark and mark in piece:
                last = piece
            else:
                reply.write(piece)
        if reply.waits:
            await reply.settled(last)
        reply.keep(last)
        close(story, process, revision, "ok", 200, None, release=partial(reply.end, last))
    finally:
        reply.on_pressure(None)


def _keep(story: Story, piece: bytes, revision: Revision) -> None:
    """Keep what goes out, where content is captured."""
    if revision.capture_most_bytes and not story.masked and len(story.answer) <= revision.capture_most_bytes:
        story.answer += piece
