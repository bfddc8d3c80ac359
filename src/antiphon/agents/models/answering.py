"""Agents as models: a run in the place of an upstream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.taking import taken
from antiphon.agents.models import told
from antiphon.agents.models.answering_words import Words
from antiphon.agents.models.inbound import Told
from antiphon.agents.runs import PEOPLE, Runs
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.ports import Inbound, Runner, Sought
from antiphon.core.principal import Principal
from antiphon.core.run import Run

LATE_S = 0.25
"""A run's caller is answered so long before its time is over, so that the answer is ours."""
QUIET_S = 10.0
"""Of a stream: after so long without a word it is said that the run goes on."""
LOOK_S = 0.1
_json = msgspec.json.Decoder(dict[str, Any])
_Item = TypeVar("_Item")


class Answering(Runner):
    """Answers model calls by runs. A run goes on when its caller leaves; it ends by itself, or is cancelled by name."""

    def __init__(self, runs: Runs, quiet_s: float = QUIET_S) -> None:
        self._runs = runs
        self._quiet_s = quiet_s

    async def run(self, sought: Sought) -> Inbound:
        run = await self._begun(sought)
        sought.ran(told.ran(run))
        words = Words(sought.request.head, run)
        timeouts = sought.outbound.timeouts
        most_s = max(0.0, min(timeouts.total_s, timeouts.first_byte_s) - LATE_S)
        until_s = self._runs.parts.clock.steady_s() + most_s
        if sought.request.head.stream:
            return Told(words.headers(stream=True), pieces=self._pieces(sought, run, words, until_s, most_s))
        ended = await self._runs.wait(sought.principal, run.id, until_s)
        sought.ran(told.ran(ended))
        _check(ended, most_s)
        return Told(words.headers(stream=False), body=words.whole(ended))

    async def _begun(self, sought: Sought) -> Run:
        """The run that answers. Raises: as `Runs.begin`."""
        principal, named = sought.principal, sought.request.lineage.run
        if named:
            known = await self._known(principal, named)
            if known is not None and known.agent == sought.agent:
                return known
            if known is not None:
                raise BadRequest(
                    f"the run {known.id} is one of agent/{known.agent}; inside a run agents are asked as its children: name "
                    f"{sought.agent} under `children.agents` of {known.agent}",
                    param="x-antiphon-run",
                    code="agent_in_run",
                )
        given, before = _asked(self._runs.agent(principal, sought.agent), _json.decode(b"".join(sought.outbound.body)))
        return await self._runs.begin(
            principal,
            sought.agent,
            given,
            beside=before,
            session=sought.request.lineage.session,
            once=f"model/{sought.receipt}",
            trigger="model",
            data_class=sought.request.data_class,
            trace=sought.trace,
        )

    async def _known(self, principal: Principal, name: str) -> Run | None:
        """A run of that id that the caller may see; None: its header names something of its own."""
        try:
            return await self._runs.show(principal, name)
        except NotFound:
            return None

    async def _pieces(
        self, sought: Sought, run: Run, words: Words, until_s: float, most_s: float
    ) -> AsyncIterator[bytes]:
        """A stream: how the run goes, then its answer. Raises: RunWaits, RunUnfinished, RunFailed, StoreError."""
        yield words.thought(f"the run {run.id} of agent/{run.agent}\n")
        async for line in self._lines(sought.principal, run.id, until_s):
            yield words.thought(line)
        ended = await self._runs.show(sought.principal, run.id)
        sought.ran(told.ran(ended))
        _check(ended, most_s)
        for piece in words.answer(ended):
            yield piece

    async def _lines(self, principal: Principal, run: str, until_s: float) -> AsyncIterator[str]:
        """How a run goes, until it has ended, waits for a person, or its time is over."""
        clock, after = self._runs.parts.clock, 0
        while True:
            events = self._runs.events(principal, run, after=after, until_s=until_s)
            async for event in quietly(events, self._quiet_s):
                if event is None:
                    yield "still at work\n"
                    continue
                after = event.seq
                if line := told.progress(event):
                    yield f"{line}\n"
            now = await self._runs.show(principal, run)
            if rests(now) or clock.steady_s() >= until_s:
                return
            await asyncio.sleep(LOOK_S)  # it waits for a time, or for its children


async def quietly(items: AsyncIterator[_Item], quiet_s: float) -> AsyncIterator[_Item | None]:
    """The items as they come, and None whenever none came for so long."""
    waiting: asyncio.Future[_Item] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({waiting}, timeout=quiet_s)
            if not done:
                yield None
                continue
            ended, waiting = waiting, None
            try:
                item = ended.result()
            except StopAsyncIteration:
                return
            yield item
    finally:
        if waiting is not None:
            waiting.cancel()


def rests(run: Run) -> bool:
    """Whether nothing more happens before a person does something."""
    return run.ended or run.status == "paused" or (run.wait is not None and run.wait.kind in PEOPLE)


def _asked(document: AgentDocument, body: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
    """What a run is given by a model call, and what was said before. An agent with an `input` takes the text of the last
    message as it.

    Raises: BadRequest.
    """
    if document.spec.input is None:
        return body, None
    before = body.get("messages")
    try:
        return taken(document, body["goal"]), {"messages": before} if before else None
    except BadRequest as error:
        wrong = f"the last message is the run's input, as JSON: {error.message}"
        raise BadRequest(wrong, param=error.param, code=error.said_code) from error


def _check(run: Run, waited_s: float) -> None:
    """Raises: RunWaits, RunUnfinished, RunFailed: where it has no answer."""
    if run.status == "done":
        return
    if run.ended:
        raise told.failed(run)
    if rests(run):
        raise told.waits(run)
    raise told.unfinished(run, waited_s)
