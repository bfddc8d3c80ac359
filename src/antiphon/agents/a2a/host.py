"""Our agents for callers of A2A: messages begin runs and answer what they wait for; tasks are runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from msgspec import Struct

from antiphon.agents.a2a import tasks
from antiphon.agents.a2a.answers import answer_of, decision_of
from antiphon.agents.a2a.cards import MODES, card_of, path_of
from antiphon.agents.a2a.files import Files, beside, is_file
from antiphon.agents.a2a.pushes import Pushes
from antiphon.agents.a2a.signing import CardSigner
from antiphon.agents.a2a.tasks import INPUT_EXTENSION
from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.taking import has
from antiphon.agents.models.answering import quietly, rests
from antiphon.agents.runs import Runs
from antiphon.core.error import BadRequest, NotAllowed, NotFound
from antiphon.core.principal import Principal
from antiphon.core.request import Trace
from antiphon.core.run import Run
from antiphon.core.run_store import Asked
from antiphon.wire.a2a.errors import A2AError
from antiphon.wire.a2a.words import Card, Item, Listing, Message, Push, Send, Task, Tasks, data_of, text_of

Decide = Callable[[Principal, str, bool, str], Awaitable[None]]
"""Settles an approval in somebody's name: its id, yes or no, a note. Raises: NotAllowed, NotFound, BadRequest."""
MOST_PAGE = 100
MOST_LISTED = 1000
"""Tasks that one listing looks through."""
LOOK_S, MOST_LOOK_S = 0.05, 0.5
QUIET_S = 10.0
CANCEL_S = 5.0
"""How long a cancelled task is waited for."""
_ANY = frozenset({"*/*", "*", "text/*", "application/*", *MODES})


class HostParts(Struct, frozen=True, kw_only=True):
    """What the host rests on."""

    runs: Runs
    pushes: Pushes
    files: Files
    most_s: float
    """How long a call waits for its task: `calls.deadline.max_s`."""
    decide: Decide | None = None
    """None: approvals are not settled by A2A."""
    signer: CardSigner | None = None
    """None: cards are not signed."""


class Host:
    """Use cases of A2A, whatever the binding."""

    def __init__(self, parts: HostParts) -> None:
        self._parts = parts
        self._runs = parts.runs

    # --- cards

    def card(self, principal: Principal, agent: str, base_url: str) -> Card:
        """Of an agent that the caller may ask. Raises: NotFound, NotAllowed."""
        document = self._runs.agent(principal, agent)
        if not document.spec.listed:
            raise NotFound(f"there is no agent {agent[:64]}; see GET /v1/agents", param="agent")
        return card_of(document, base_url)

    @property
    def signer(self) -> CardSigner | None:
        return self._parts.signer

    def only(self, principal: Principal) -> str:
        """The one agent that the caller may ask, whose card stands for the whole gateway. Raises: NotFound."""
        found = [one.name for one in self._runs.agents(principal) if one.spec.listed]
        if len(found) != 1:
            said = f"{len(found)} agents have a card" if found else "no agent has a card"
            raise NotFound(
                f"{said} here: see GET /v1/agents; each card is at {path_of('NAME')}/.well-known/agent-card.json"
            )
        return found[0]

    # --- messages

    async def send(self, principal: Principal, agent: str, send: Send, trace: Trace | None = None) -> Task:
        """Raises: A2AError, and as `Runs.begin`."""
        run, past = await self._taken(principal, agent, send, trace)
        if not send.configuration.return_immediately:
            run = await self._stopped(principal, run.id, past)
        return await self._task(run, send.configuration.history_length)

    async def stream(
        self, principal: Principal, agent: str, send: Send, trace: Trace | None = None
    ) -> AsyncIterator[Item | None]:
        """News of a task, until it stops. None: there are none, and the stream is kept alive. Raises: as `send`."""
        run, past = await self._taken(principal, agent, send, trace)
        after = await self._last(principal, run.id) if send.message.task_id else 0
        return self._news(principal, run, past, after)

    async def subscribe(self, principal: Principal, agent: str, task: str) -> AsyncIterator[Item | None]:
        """The same of a task that is there. Raises: A2AError."""
        run = await self._one(principal, agent, task)
        if run.ended:
            raise A2AError(
                f"the task {run.id} has ended; get it in place of subscribing to it", reason="UNSUPPORTED_OPERATION"
            )
        return self._news(principal, run, 0, await self._last(principal, run.id))

    async def _taken(self, principal: Principal, agent: str, send: Send, trace: Trace | None) -> tuple[Run, int]:
        """The run that a message begins or goes on with, and its segment that is over for this message."""
        message, setting = send.message, send.configuration
        if not message.parts or not message.message_id:
            raise A2AError("a message has to have `messageId` and at least one part", reason="INVALID_PARAMS")
        if setting.accepted_output_modes and not _ANY.intersection(setting.accepted_output_modes):
            raise A2AError(f"agents here answer in {' or '.join(MODES)}", reason="CONTENT_TYPE_NOT_SUPPORTED")
        past = 0
        if message.task_id:
            if any(is_file(part) for part in message.parts):
                raise A2AError(
                    "files come with the message that begins a task: send a message without `taskId`",
                    reason="CONTENT_TYPE_NOT_SUPPORTED",
                )
            run = await self._one(principal, agent, message.task_id)
            past = await self._said(principal, run, message)
        else:
            self._listed(principal, agent)
            run = await self._begun(principal, agent, message, trace)
        if setting.task_push_notification_config is not None:
            await self._parts.pushes.keep(principal, run, setting.task_push_notification_config)
        return run, past

    async def _begun(self, principal: Principal, agent: str, message: Message, trace: Trace | None) -> Run:
        """The run that a message begins. Raises: A2AError, and as `Runs.begin`."""
        given = _given(message, self._runs.agent(principal, agent))
        files = await self._parts.files.taken(message)
        keeping, begun = self._parts.files.keeping(files), ""
        try:
            run = await self._runs.begin(
                principal,
                agent,
                given,
                session=message.context_id or self._runs.parts.ids.new(),
                once=f"a2a/{message.message_id}",
                trigger="a2a",
                trace=trace,
                beside=beside(files, given),
                before=keeping.keep,
            )
            begun = run.id
        finally:
            await asyncio.to_thread(keeping.settle, begun)
        return run

    async def _said(self, principal: Principal, run: Run, message: Message) -> int:
        """Go on with a task. Returns: the segment that ends by it; 0: none."""
        if run.ended:
            raise A2AError(
                f"the task {run.id} has ended; send a message without `taskId`", reason="UNSUPPORTED_OPERATION"
            )
        wait = run.wait
        if wait is None or not rests(run):
            await self._runs.say(principal, run.id, _given(message))
            return 0
        try:
            if wait.kind == "approval":
                await self._decided(principal, message, run)
            else:
                await self._runs.answer(principal, run.id, wait.key, answer_of(message, wait))
        except NotAllowed as error:
            raise A2AError(error.message, reason="INVALID_REQUEST") from error
        return run.segment

    async def _decided(self, principal: Principal, message: Message, run: Run) -> None:
        decide, wait = self._parts.decide, run.wait
        assert wait is not None
        decision = decision_of(message, wait)
        if decide is None or not wait.approval:
            raise A2AError(
                "approvals are given in the console, the CLI or the admin API here", reason="UNSUPPORTED_OPERATION"
            )
        await decide(principal, wait.approval, decision.approve, decision.note)

    # --- waiting

    async def _stopped(self, principal: Principal, run_id: str, past: int) -> Run:
        """A run once it has ended or needs a person, beyond a segment; or as it stands when time is over."""
        clock = self._runs.parts.clock
        until_s, look_s = clock.steady_s() + self._parts.most_s, LOOK_S
        while True:
            run = await self._runs.show(principal, run_id)
            left_s = until_s - clock.steady_s()
            if run.ended or (rests(run) and run.segment > past) or left_s <= 0:
                return run
            await asyncio.sleep(min(look_s, left_s))
            look_s = min(MOST_LOOK_S, look_s * 1.5)

    async def _news(self, principal: Principal, run: Run, past: int, after: int) -> AsyncIterator[Item | None]:
        """`after`: the last event that is none of them."""
        clock = self._runs.parts.clock
        until_s, run_id = clock.steady_s() + self._parts.most_s, run.id
        yield Item(task=tasks.task_of(run))
        while not (run.ended or (rests(run) and run.segment > past)):
            if clock.steady_s() >= until_s:
                return
            events = self._runs.events(principal, run_id, after=after, until_s=until_s)
            async for event in quietly(events, QUIET_S):
                if event is None:
                    yield None
                    continue
                after = event.seq
                item = tasks.going(run, event)
                if item is not None:
                    yield item
            run = await self._runs.show(principal, run_id)
            if not run.ended:
                await asyncio.sleep(LOOK_S)
        for item in tasks.stopped(run, await self._parts.files.made(run)):
            yield item

    async def _last(self, principal: Principal, run_id: str) -> int:
        """Number of the last event so far."""
        last = 0
        async for event in self._runs.events(principal, run_id):
            last = event.seq
        return last

    # --- tasks

    async def get(self, principal: Principal, agent: str, task: str, history: int | None = None) -> Task:
        """Raises: A2AError."""
        return await self._task(await self._one(principal, agent, task), history)

    async def page(self, principal: Principal, agent: str, listing: Listing) -> Tasks:
        """Raises: A2AError."""
        self._listed(principal, agent)
        if not 1 <= listing.page_size <= MOST_PAGE:
            raise A2AError(f"pageSize: {listing.page_size} is not between 1 and {MOST_PAGE}", reason="INVALID_PARAMS")
        after_ns = _after(listing.status_timestamp_after)
        statuses = tasks.BY_STATE.get(listing.status, ())
        asked = Asked(agent=agent, session=listing.context_id, statuses=statuses, most=MOST_LISTED)
        found = [
            run
            for run in await self._runs.page(principal, asked)
            if run.updated_ns > after_ns
            and (listing.status == "TASK_STATE_UNSPECIFIED" or tasks.state_of(run) == listing.status)
        ]
        start = next((at + 1 for at, run in enumerate(found) if run.id == listing.page_token), 0)
        if listing.page_token and not start:
            raise A2AError("pageToken: it is of no page that there is; begin at the first", reason="INVALID_PARAMS")
        shown = found[start : start + listing.page_size]
        more = start + len(shown) < len(found)
        return Tasks(
            tasks=tuple(
                tasks.task_of(run, history=listing.history_length, artifacts=listing.include_artifacts) for run in shown
            ),
            next_page_token=shown[-1].id if more and shown else "",
            page_size=listing.page_size,
            total_size=len(found),
        )

    async def cancel(self, principal: Principal, agent: str, task: str) -> Task:
        """Raises: A2AError, where it has ended."""
        run = await self._one(principal, agent, task)
        if run.ended:
            raise A2AError(f"the task {run.id} has ended already: {run.status}", reason="TASK_NOT_CANCELABLE")
        try:
            await self._runs.cancel(principal, run.id, "cancelled by A2A")
        except BadRequest as error:
            raise A2AError(error.message, reason="TASK_NOT_CANCELABLE") from error
        clock, look_s = self._runs.parts.clock, LOOK_S
        until_s = clock.steady_s() + CANCEL_S
        while not run.ended and clock.steady_s() < until_s:
            await asyncio.sleep(look_s)
            run = await self._runs.show(principal, run.id)
        return await self._task(run)

    # --- pushes

    async def keep_push(self, principal: Principal, agent: str, push: Push) -> Push:
        """Raises: A2AError."""
        run = await self._one(principal, agent, push.task_id)
        return await self._parts.pushes.keep(principal, run, push)

    async def push(self, principal: Principal, agent: str, task: str, push: str) -> Push:
        """Raises: A2AError."""
        found = await self.push_list(principal, agent, task)
        for one in found:
            if one.id == push or not push:
                return one
        raise A2AError(f"the task has no push configuration {push[:64]!r}", reason="TASK_NOT_FOUND")

    async def push_list(self, principal: Principal, agent: str, task: str) -> list[Push]:
        """Raises: A2AError."""
        return await self._parts.pushes.of(await self._one(principal, agent, task))

    async def drop_push(self, principal: Principal, agent: str, task: str, push: str) -> None:
        """Raises: A2AError."""
        await self._parts.pushes.drop(await self._one(principal, agent, task), push)

    # ---

    def _listed(self, principal: Principal, agent: str) -> None:
        """Raises: NotFound, NotAllowed, where the caller can't see the agent."""
        self.card(principal, agent, "")

    async def _task(self, run: Run, history: int | None = None) -> Task:
        return tasks.task_of(run, history=history, files=await self._parts.files.made(run))

    async def _one(self, principal: Principal, agent: str, task: str) -> Run:
        """A task of this agent that is the caller's. Raises: A2AError."""
        try:
            run = await self._runs.show(principal, task)
        except NotFound as error:
            raise A2AError(f"there is no task {task[:64]!r}", reason="TASK_NOT_FOUND") from error
        if run.agent != agent:
            raise A2AError(f"there is no task {task[:64]!r} of {agent}", reason="TASK_NOT_FOUND")
        return run


def _given(message: Message, document: AgentDocument | None = None) -> Any:
    """A run's input: the texts are its goal, data stand beside it. Of an agent with an `input`, which begins by this message,
    the data are the input; its texts are the `goal` in it, or where there are no data the input as JSON.
    """
    data = data_of(message)
    goal = text_of(message)
    filed = any(is_file(part) for part in message.parts)
    if not goal and not data and not filed:
        raise A2AError("the message has neither a text nor data", reason="INVALID_PARAMS")
    if document is not None and document.spec.input is not None:
        return _by_schema(document, goal, data)
    given: dict[str, Any] = {"goal": goal or f"Work on the {'data' if data else 'files'}."}
    return given | ({"data": data[0] if len(data) == 1 else data} if data else {})


def _by_schema(document: AgentDocument, goal: str, data: list[Any]) -> Any:
    """Raises: A2AError."""
    if not data and not has(document, "goal"):
        return goal
    given: dict[str, Any] = {}
    objects = [cast("dict[str, Any]", one) for one in data if isinstance(one, dict)]
    for one in objects:
        given |= one
    if len(objects) < len(data) or (goal and not has(document, "goal")):
        said = f"{document.name} takes data as its card's extension {INPUT_EXTENSION} says: send one part of data, an object"
        raise A2AError(f"message.parts: {said}, and no text beside it", reason="INVALID_PARAMS")
    return {**given, "goal": goal} if goal else given


def _after(text: str) -> int:
    try:
        return tasks.moment_ns(text) if text else 0
    except ValueError as error:
        raise A2AError(
            f"statusTimestampAfter: {text[:64]!r} is no time of RFC 3339", reason="INVALID_PARAMS"
        ) from error
