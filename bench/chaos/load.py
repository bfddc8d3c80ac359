"""Sending the load and writing down what came of each request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from .answers import Expected, Kind, Reply, judge
from .client import Client
from .shots import Shot

PATH = "/v1/chat/completions"
CLOSED_S = 0.05
"""What the loop gets to close the kept connections."""


@dataclass(frozen=True)
class Outcome:
    """What came of one request. Times in seconds from when it was sent."""

    tenant: str
    stream: bool
    kind: Kind
    error: str
    exact: bool
    receipt: str
    whole_s: float
    first_s: float | None
    late_s: float  # how much later than planned it was sent


@dataclass(frozen=True, kw_only=True)
class Aim:
    """Where a load goes."""

    port: int
    headers: Mapping[str, Mapping[str, str]]  # by tenant
    timeout_s: float


class Gun:
    """Fires the shots at their times, however many are still without an answer."""

    def __init__(self, aim: Aim, expect: Callable[[bytes], Expected]) -> None:
        self._aim = aim
        self._expect = expect
        self._client = Client(aim.port)
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()

    async def fire(self, planned: list[Shot]) -> list[Outcome]:
        """Returns: an outcome for each shot, in the order of the shots."""
        tasks: list[asyncio.Task[Outcome]] = []
        try:
            for shot in planned:
                await asyncio.sleep(max(0, self._start_s + shot.at_s - self._loop.time()))
                tasks.append(self._loop.create_task(self._one(shot)))
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            self._client.close()
            await asyncio.sleep(CLOSED_S)

    async def _one(self, shot: Shot) -> Outcome:
        aim, body, reply = self._aim, shot.body, Reply(shot.stream)
        sent_s = self._loop.time()
        gone = await self._client.post(PATH, aim.headers[shot.tenant], body, reply, aim.timeout_s)
        now_s = self._loop.time()
        verdict = judge(reply, self._expect(body), gone, now_s)
        return Outcome(
            tenant=shot.tenant,
            stream=shot.stream,
            kind=verdict.kind,
            error=verdict.error,
            exact=verdict.exact,
            receipt=reply.receipt,
            whole_s=now_s - sent_s,
            first_s=None if reply.first_s is None else reply.first_s - sent_s,
            late_s=sent_s - self._start_s - shot.at_s,
        )


async def fire(
    planned: list[Shot], aim: Aim, expect: Callable[[bytes], Expected], beside: Callable[[], Awaitable[None]]
) -> list[Outcome]:
    """Send a load, with `beside` running along until the load is over."""
    watching = asyncio.ensure_future(beside())
    try:
        return await Gun(aim, expect).fire(planned)
    finally:
        watching.cancel()
