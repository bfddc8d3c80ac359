"""Requests that all cost the same, and what came of them."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field

from chaos.answers import Reply
from chaos.client import Client

from .settings import MODEL, Plan

PATH = "/v1/chat/completions"
TIMEOUT_S = 60.0


def body(number: int, *, stream: bool) -> bytes:
    """A request; every one is as long as every other, and is answered at the same length."""
    said = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"Request number {number:08d}: tell me something about the sea."}],
        "max_tokens": 8,
        "stream": stream,
    }
    return json.dumps(said).encode()


@dataclass
class Came:
    """What the callers saw."""

    statuses: Counter[str] = field(default_factory=Counter[str])
    whole: list[str] = field(default_factory=list[str])  # receipts of answers that came whole


class Load:
    """Keeps so many requests in flight until all were sent."""

    def __init__(self, plan: Plan, ports: list[int], key: str) -> None:
        self._plan = plan
        self._clients = [Client(port) for port in ports]
        self._key = key
        self._chance = random.Random(plan.seed)
        self._next = 0
        self.came = Came()

    @property
    def sent(self) -> int:
        return self._next

    async def run(self) -> Came:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._plan.at_once):
                group.create_task(self._go_on())
        for client in self._clients:
            client.close()
        return self.came

    async def _go_on(self) -> None:
        while self._next < self._plan.requests:
            number, self._next = self._next, self._next + 1
            await self._one(number, stream=self._chance.random() < self._plan.stream_fraction)

    async def _one(self, number: int, *, stream: bool) -> None:
        reply = Reply(stream)
        client = self._clients[number % len(self._clients)]
        headers = {"authorization": f"Bearer {self._key}"}
        gone = await client.post(PATH, headers, body(number, stream=stream), reply, TIMEOUT_S)
        whole = not gone and reply.complete and (reply.done if stream else True)
        if reply.status == 200 and whole:
            self.came.whole.append(reply.receipt)
            self.came.statuses["200"] += 1
        elif reply.status == 200:
            self.came.statuses["200, cut"] += 1
        else:
            self.came.statuses[str(reply.status or "no answer")] += 1
            if not reply.status:
                await asyncio.sleep(0.02)  # the process that took it was killed; the next one is on its way
