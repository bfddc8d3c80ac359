"""When a simulated model's tokens come out."""

import asyncio

from antiphon.providers.lab.answer import Answer, Job
from antiphon.providers.lab.chance import chance, delay_s

COALESCED_S = 0.001
"""Waits shorter than this are not waited one by one: a timer is no finer."""
TURN_TOKENS = 64
"""After so many tokens without a wait, other tasks of the loop get their turn."""


class Pace:
    """One request's timing: `first_s` to its first token, then a fixed time for each."""

    __slots__ = ("_first_s", "_loop", "_start_s", "_token_s")

    def __init__(self, job: Job) -> None:
        source = chance(job.seed, job.asked.chat.model, job.asked.key, job.number, "first token")
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self._first_s = delay_s(job.settings.first_token, source)
        self._token_s = 1 / job.settings.tokens_per_s

    async def until(self, token: int) -> None:
        """Wait until that many tokens are out; 0 and 1 come together."""
        due_s = self._start_s + self._first_s + max(0, token - 1) * self._token_s
        wait_s = due_s - self._loop.time()
        if wait_s >= COALESCED_S or (token <= 1 and wait_s > 0):
            await asyncio.sleep(wait_s)
        elif token % TURN_TOKENS == 0:
            await asyncio.sleep(0)

    async def whole(self, answer: Answer) -> None:
        """Wait as long as the longest of the answers takes; they are made side by side."""
        await self.until(max((choice.tokens for choice in answer.choices), default=0))
