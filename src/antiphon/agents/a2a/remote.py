"""Agents elsewhere, asked for an agent of ours: within its time, what it may be sent, what policies let, and a breaker."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, cast

import msgspec
from msgspec import Struct, structs

from antiphon.agents.a2a.document import RemoteAgentSpec
from antiphon.agents.a2a.peer import Peer
from antiphon.agents.documents.document import Document
from antiphon.agents.doors import RemoteAgents
from antiphon.agents.tools.grip import failed
from antiphon.agents.tools.toolbox import Teller, ToolTold
from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import SharedBreaker
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.core.clock import Clock
from antiphon.core.data_class import RANKS
from antiphon.core.error import AntiphonError, UpstreamRefused, UpstreamUnreachable
from antiphon.core.ports import Transport
from antiphon.core.run import Skill
from antiphon.core.run_store import RunStore
from antiphon.core.tool import Origins, Tool, ToolContext, ToolResult
from antiphon.core.verdict import Verdict
from antiphon.wire import trace
from antiphon.wire.a2a.words import ENDED, STOPPED, Card, Item, Message, Part, Task, data_of, text_of

log = logging.getLogger("antiphon.agents")
PREFIX = "a2a/"
LOOK_S, MOST_LOOK_S = 0.1, 2.0
CANCEL_S = 5.0
CARD_S = 10.0
NANO = 1_000_000_000
_UNDECIDED = frozenset({"input_required", "unavailable"})
"""Ends that say nothing of how good it is."""
May = Callable[[ToolContext, Tool], Verdict]
"""What policies say of asking a remote agent, which is a tool `a2a/NAME` to them."""


class RemoteParts(Struct, frozen=True, kw_only=True):
    """What remote agents rest on."""

    transport: Transport
    clock: Clock
    breakers: SharedBreaker
    fraction: Callable[[], float]
    """Chance, evenly spread in [0, 1): for jitter alone."""
    may: May | None = None
    """None: whoever may run the agent may ask those that it names."""
    teller: Teller | None = None
    store: RunStore | None = None
    """Where outcomes are counted for whoever chooses among agents; None: nowhere."""
    breaker: BreakerSettings = BreakerSettings()


class _Known(Struct, kw_only=True):
    """One of them, in use."""

    spec: RemoteAgentSpec
    tenant: str
    tool: Tool
    peer: Peer
    breaker: Breaker
    turns: asyncio.Semaphore


class Remotes(RemoteAgents):
    """Those of one revision of documents; one that stays as it was keeps its breaker and its card."""

    def __init__(self, parts: RemoteParts) -> None:
        self._parts = parts
        self._known: dict[str, _Known] = {}

    def arrange(self, documents: Mapping[str, Document]) -> None:
        """Have these, by name."""
        before, self._known = self._known, {}
        for name, document in documents.items():
            spec = document.spec
            if not isinstance(spec, RemoteAgentSpec):
                continue
            old = before.get(name)
            same = old is not None and (old.spec, old.tenant) == (spec, document.metadata.tenant)
            self._known[name] = old if old is not None and same else self._made(name, document, spec)

    def _made(self, name: str, document: Document, spec: RemoteAgentSpec) -> _Known:
        parts, called = self._parts, PREFIX + name
        tool = Tool(
            name=called,
            description=document.metadata.description or f"The remote agent {name}.",
            parameters={"type": "object"},
            sends=True,
            untrusted=not spec.trusted,
            timeout_s=spec.timeout_s,
            cost_nano_usd=round(spec.cost_usd * NANO),
            source=called,
        )
        return _Known(
            spec=spec,
            tenant=document.metadata.tenant,
            tool=tool,
            peer=Peer(spec, parts.transport, parts.clock.steady_s),
            breaker=Breaker(called, parts.breaker, parts.breakers, parts.fraction),
            turns=asyncio.Semaphore(spec.concurrency),
        )

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._known))

    def most(self, name: str) -> tuple[int, int | None]:
        known = self._known.get(name)
        return 0, 0 if known is None else known.tool.cost_nano_usd

    def skills(self, name: str) -> tuple[str, ...]:
        """Those of its document, and of its card as it was last seen."""
        known = self._known[name]
        card = known.peer.last
        return tuple(dict.fromkeys((*known.spec.skills, *(() if card is None else (one.id for one in card.skills)))))

    def tenant(self, name: str) -> str:
        return self._known[name].tenant

    def healthy(self, name: str) -> bool:
        """Whether its breaker lets it be asked."""
        return self._known[name].breaker.state(self._parts.clock.steady_s()).state != "open"

    def card(self, name: str) -> Card | None:
        """As it was last seen; None: never."""
        return self._known[name].peer.last

    async def look(self) -> None:
        """See what they say of themselves. Those that can't be reached are left as they were."""
        until_s = self._parts.clock.steady_s() + CARD_S
        for name, known in tuple(self._known.items()):
            try:
                await known.peer.card(until_s)
            except AntiphonError as error:
                log.warning("agents.card_not_read", extra={"agent": name, "reason": error.noted})

    # --- asking

    async def ask(self, name: str, task: str, data: Any, context: ToolContext) -> ToolResult:
        known, began_s = self._known.get(name), self._parts.clock.steady_s()
        if known is None or known.tenant not in ("", context.principal.tenant):
            return failed("not_found", f"There is no remote agent {name}.")
        if self._parts.teller is not None:
            context = self._parts.teller.begins(context)
        why = self._why_not(known, context)
        result = failed(*why) if why else await self._within(known, task, data, context)
        result = structs.replace(
            result,
            took_us=int((self._parts.clock.steady_s() - began_s) * 1e6),
            origins=Origins(
                sources=(known.tool.name,), untrusted=not known.spec.trusted, data_class=context.data_class
            ),
            cost_nano_usd=0 if why or (result.failed and not result.unknown) else known.tool.cost_nano_usd,
        )
        self._tell(known, context, result)
        if not why:
            await self._score(known, context, result)
        return result

    async def _score(self, known: _Known, context: ToolContext, result: ToolResult) -> None:
        """Count how it went at each of its skills. What can't be counted is not worth the task."""
        store, good = self._parts.store, not result.failed
        if store is None or result.failed in _UNDECIDED:
            return
        skills = [
            Skill(
                tenant=context.principal.tenant,
                agent=known.tool.name,
                skill=skill,
                good=int(good),
                bad=int(not good),
                cost_nano_usd=result.cost_nano_usd,
                took_us=result.took_us,
                runs=1,
            )
            for skill in self.skills(known.tool.name.removeprefix(PREFIX))
        ]
        with suppress(AntiphonError):
            await asyncio.to_thread(lambda: [store.score(skill) for skill in skills])

    def _why_not(self, known: _Known, context: ToolContext) -> tuple[str, str] | None:
        """Why it may not be asked: a code, and what the model is told."""
        name, spec = known.tool.name, known.spec
        if RANKS[context.data_class] > RANKS[spec.takes]:
            return "refused", f"{name} is sent nothing above {spec.takes}, and this is {context.data_class}."
        verdict = None if self._parts.may is None else self._parts.may(context, known.tool)
        if verdict is not None and not verdict.allowed:
            return (
                "policy_denied",
                f"Policies don't let {name} be asked: {', '.join(verdict.reasons) or 'default.deny'}.",
            )
        if verdict is not None and verdict.obligations.approve:
            return "needs_approval", f"Policies ask for an approval before {name} is asked; ask a person to do it."
        return None

    async def _within(self, known: _Known, task: str, data: Any, context: ToolContext) -> ToolResult:
        clock, name = self._parts.clock, known.tool.name
        until_s = min(context.until_s, clock.steady_s() + known.spec.timeout_s)
        try:
            async with asyncio.timeout(until_s - clock.steady_s()):
                await known.turns.acquire()
        except TimeoutError:
            return failed("unavailable", f"{name} is busy: its tasks before this one took too long.")
        try:
            taken = known.breaker.admit(clock.steady_s())
            if not taken:
                return failed("unavailable", f"{name} failed too often and is left alone for a while.", retryable=True)
            return await self._attempt(known, _message(task, data, context), context, until_s, taken)
        finally:
            known.turns.release()

    async def _attempt(
        self, known: _Known, message: Message, context: ToolContext, until_s: float, taken: int
    ) -> ToolResult:
        clock, breaker, name = self._parts.clock, known.breaker, known.tool.name
        began_s = clock.steady_s()
        try:
            result = await _Task(known.peer, name, clock).run(message, until_s, trace.fields(context.trace))
        except UpstreamRefused as error:
            breaker.succeeded(taken, clock.steady_s(), 0.0)
            return failed("refused", error.message)
        except AntiphonError as error:
            breaker.failed(taken, clock.steady_s(), error.said_code)
            unknown = not isinstance(error, UpstreamUnreachable)
            return failed(error.said_code, f"{name}: {error.message}"[:500], retryable=True, unknown=unknown)
        except BaseException:
            breaker.dropped(taken, clock.steady_s())
            raise
        breaker.succeeded(taken, clock.steady_s(), clock.steady_s() - began_s)
        return result

    def _tell(self, known: _Known, context: ToolContext, result: ToolResult) -> None:
        if self._parts.teller is not None:
            outcome = "unknown" if result.unknown else "failed" if result.failed else "ok"
            self._parts.teller.told(
                ToolTold(
                    tool=known.tool,
                    context=context,
                    outcome=outcome,
                    failed=result.failed,
                    took_us=result.took_us,
                    cost_nano_usd=result.cost_nano_usd,
                )
            )


class _Task:
    """One task at a peer, from the message to its end."""

    def __init__(self, peer: Peer, name: str, clock: Clock) -> None:
        self._peer, self._name, self._clock = peer, name, clock
        self._id = ""

    async def run(self, message: Message, until_s: float, lines: Mapping[str, str]) -> ToolResult:
        """Raises: UpstreamError."""
        try:
            item = await self._peer.send(message, until_s, lines)
            if item.message is not None:
                return _said(item.message)
            task = _begun(item)
            self._id = task.id
            task = await self._stopped(task, until_s)
        except asyncio.CancelledError:
            await asyncio.shield(self._cancel())
            raise
        if task.status.state not in STOPPED:
            await self._cancel()
            return failed("timeout", f"{self._name} was not done in time, and was told to stop.", unknown=True)
        return _came(task, self._name)

    async def _stopped(self, task: Task, until_s: float) -> Task:
        look_s = LOOK_S
        while task.status.state not in STOPPED:
            left_s = until_s - self._clock.steady_s()
            if left_s <= look_s:
                return task
            await asyncio.sleep(look_s)
            look_s = min(MOST_LOOK_S, look_s * 1.5)
            task = await self._peer.get(task.id, until_s)
        return task

    async def _cancel(self) -> None:
        """Nobody waits for it any more."""
        if self._id:
            with suppress(AntiphonError):  # it may have ended, or be out of reach: nothing depends on it
                await self._peer.cancel(self._id, self._clock.steady_s() + CANCEL_S)


TASK = "a2a_task"
"""In the data of a task, or as `a2a_task: ID` at the start of its text: the remote task that it goes on with."""
_GOES_ON = re.compile(rf"\s*{TASK}:\s*([\w.:-]{{1,128}})\s*")


def _message(task: str, data: Any, context: ToolContext) -> Message:
    """What is sent. The same `context.key` gives the same message id, by which a peer can tell that it was sent before."""
    said = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    going, rest = str(said.get(TASK, "")), cast("object", data)
    if going:
        rest = {name: value for name, value in said.items() if name != TASK}
    elif found := _GOES_ON.match(task):
        going, task = found[1], task[found.end() :]
    parts = [Part(text=task)] if task else []
    if rest is not None and rest != {}:
        parts.append(Part(data=rest, media_type="application/json"))
    return Message(
        message_id=sha256(context.key.encode()).hexdigest()[:32],
        role="ROLE_USER",
        parts=tuple(parts),
        context_id="" if going else sha256(f"{context.principal.tenant}/{context.run}".encode()).hexdigest()[:32],
        task_id=going,
    )


def _begun(item: Item) -> Task:
    if item.task is None or not item.task.id:
        raise UpstreamRefused("the remote agent answered with neither a message nor a task")
    return item.task


def _said(message: Message) -> ToolResult:
    data = data_of(message)
    return ToolResult(text=text_of(message), data=data[0] if len(data) == 1 else data or None)


def _came(task: Task, name: str) -> ToolResult:
    """What a task that has stopped gave."""
    told = task.status.message
    if task.status.state == "TASK_STATE_COMPLETED":
        parts = tuple(part for one in task.artifacts for part in one.parts)
        if not parts and told is not None:
            parts = told.parts
        result = _said(Message(parts=parts))
        if not result.text and result.data is not None:
            return structs.replace(result, text=msgspec.json.encode(result.data).decode())
        return result
    why = "" if told is None else text_of(told)
    if task.status.state in ENDED:
        word = task.status.state.removeprefix("TASK_STATE_").lower()
        return failed(word, f"{name}: its task is {word}{f': {why}' if why else ''}")
    asks = {TASK: task.id, "asks": [] if told is None else data_of(told)}
    say = f"{name} needs an answer first: {why or 'see `asks`'}. Ask it again with `{TASK}: {task.id}` and the answer as the task."
    return structs.replace(failed("input_required", say), data=asks)
