"""A response that is made in the background: one durable call, driven as a run without an agent."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import msgspec
from msgspec import Raw, Struct

from antiphon.agents.journal import Driver, Ended, Journal
from antiphon.core.run import Mail, Run

BACKGROUND = "antiphon.response"
"""Agent of such runs; no document can have this name."""
STEP = "answer"


class Queued(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The input of such a run."""

    request: Raw
    """The body, JSON, without `background` and `stream`."""
    headers: Mapping[str, str] = {}
    """Those of the caller's that say how the call is made."""
    stream: bool = False
    """Its text is told as it comes."""


class Came(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of the call."""

    body: str = ""
    """The response's JSON."""
    code: str = ""
    """Of the error; empty: it was answered."""
    message: str = ""
    gone: bool = False
    """Whoever asked for it may call no more."""


Answers = Callable[[Run], Awaitable[Came]]
"""Makes the call that a run's input holds, in its principal's name, down the gateway's path. Raises: CancelledError."""


class Background(Driver):
    """Makes the call and ends. A process that dies before the answer is written down leaves the call to be made again."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def drive(self, journal: Journal, run: Run, mail: list[Mail]) -> Ended:
        came = msgspec.convert(await journal.step(STEP, partial(self._answers, run)), Came)
        if came.code:
            failed = msgspec.json.encode({"code": came.code, "message": came.message})
            return Ended(status="failed", stop="revoked" if came.gone else "error", why=came.message, result=failed)
        return Ended(status="done", stop="finished", why="it was answered", result=came.body.encode())


class ByAgent(Driver):
    """Hands runs to whoever drives their agent."""

    def __init__(self, usual: Driver, others: Mapping[str, Driver]) -> None:
        self._usual, self._others = usual, dict(others)

    async def drive(self, journal: Journal, run: Run, mail: list[Mail]) -> Ended:
        return await self._others.get(run.agent, self._usual).drive(journal, run, mail)
