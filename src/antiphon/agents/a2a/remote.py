"""Agents elsewhere, asked for an agent of ours: within its time, what it may be sent, what policies let, and a breaker."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct, structs

from antiphon.agents.a2a.asked import Asked, News, message_of
from antiphon.agents.a2a.brought import Brought
from antiphon.agents.a2a.document import RemoteAgentSpec
from antiphon.agents.a2a.files import Fetch
from antiphon.agents.a2a.peer import Peer
from antiphon.agents.a2a.recorded import WAITS, Came, Given, Pay, RemoteCalls
from antiphon.agents.documents.document import Document
from antiphon.agents.doors import RemoteAgents
from antiphon.agents.tools.grip import failed
from antiphon.agents.tools.toolbox import Teller, ToolTold
from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import SharedBreaker
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, Unavailable, UpstreamRefused
from antiphon.core.ports import Transport
from antiphon.core.run import Skill
from antiphon.core.run_store import RunStore
from antiphon.core.tool import Origins, Tool, ToolContext, ToolResult
from antiphon.core.verdict import Verdict
from antiphon.wire import trace
from antiphon.wire.a2a.words import Card, Message

log = logging.getLogger("antiphon.agents")
PREFIX = "a2a/"
CARD_S = 10.0
NANO = 1_000_000_000
_UNDECIDED = frozenset({WAITS, "unavailable"})
"""Ends that say nothing of how good it is."""
May = Callable[[ToolContext, Tool], Verdict]
"""What policies say of asking a remote agent, which is a tool `a2a/NAME` to them."""


class RemoteParts(Struct, frozen=True, kw_only=True):
    """What remote agents rest on."""

    transport: Transport
    clock: Clock
    breakers: SharedBreaker
    calls: RemoteCalls
    """Governs, pays for and records each task."""
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
        self._fetch = Fetch(parts.transport, parts.clock)
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
        given = Given(
            tool=known.tool,
            takes=known.spec.takes,
            task=task,
            data=data,
            context=context,
            verdict=None if self._parts.may is None else self._parts.may(context, known.tool),
        )
        sent = False

        async def do(task: str, data: Any, pay: Pay) -> Came:
            nonlocal sent
            sent = True
            return await self._within(known, task, data, context, pay)

        result = await self._parts.calls.made(given, do)
        result = structs.replace(
            result,
            took_us=int((self._parts.clock.steady_s() - began_s) * 1e6),
            origins=Origins(
                sources=(known.tool.name,), untrusted=not known.spec.trusted, data_class=context.data_class
            ),
        )
        self._tell(known, context, result)
        if sent:
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

    async def _within(self, known: _Known, task: str, data: Any, context: ToolContext, pay: Pay) -> Came:
        """Have it done within its time, once it is its turn. Raises: AntiphonError."""
        clock, name = self._parts.clock, known.tool.name
        until_s = min(context.until_s, clock.steady_s() + known.spec.timeout_s)
        try:
            async with asyncio.timeout(until_s - clock.steady_s()):
                await known.turns.acquire()
        except TimeoutError:
            raise Unavailable(f"{name} is busy: its tasks before this one took too long.") from None
        try:
            taken = known.breaker.admit(clock.steady_s())
            if not taken:
                raise Unavailable(f"{name} failed too often and is left alone for a while.")
            return await self._attempt(known, message_of(task, data, context), context, until_s, taken, pay)
        finally:
            known.turns.release()

    async def _attempt(
        self, known: _Known, message: Message, context: ToolContext, until_s: float, taken: int, pay: Pay
    ) -> Came:
        """Raises: AntiphonError."""
        clock, breaker, name = self._parts.clock, known.breaker, known.tool.name
        began_s, paid = clock.steady_s(), False
        try:
            await pay(until_s - began_s)
            paid = True
            brought = Brought(name.removeprefix(PREFIX), known.peer, self._fetch, context.workspace)
            asked = Asked(known.peer, name, clock, brought, _news(name, context))
            came = await asked.run(message, until_s, trace.fields(context.trace))
        except UpstreamRefused:
            breaker.succeeded(taken, clock.steady_s(), 0.0)
            raise
        except AntiphonError as error:
            if paid:
                breaker.failed(taken, clock.steady_s(), error.said_code)
            else:
                breaker.dropped(taken, clock.steady_s())
            raise
        except BaseException:
            breaker.dropped(taken, clock.steady_s())
            raise
        breaker.succeeded(taken, clock.steady_s(), clock.steady_s() - began_s)
        return came

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


def _news(name: str, context: ToolContext) -> News | None:
    heard = context.heard
    return None if heard is None else lambda state, text: heard(name, state, text)
