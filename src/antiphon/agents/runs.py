"""What is done with runs from outside, whoever asks: HTTP, commands, other agents, MCP, A2A."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents import standing
from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.pinned import pins
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.documents.taking import taken
from antiphon.agents.envelope import envelope_of, tightened
from antiphon.core.clock import Clock
from antiphon.core.data_class import DataClass, highest
from antiphon.core.error import BadRequest, NotAllowed, NotFound, TooLarge
from antiphon.core.ids import Ids
from antiphon.core.principal import Principal
from antiphon.core.request import Trace
from antiphon.core.run import Barred, Mail, MailKind, Run, RunEnvelope, RunEvent, RunStatus
from antiphon.core.run_store import Asked, RunStore

LOOK_S = 0.05
"""Between two looks at a run that somebody watches."""
MOST_LOOK_S = 0.5
"""The longest, where nothing happens."""
MOST_EVENTS = 500
MOST_SAID_BYTES = 4_194_304
"""Of an input, an answer or a message, as JSON."""
MOST_PAGES = 20
"""Of the tenant's runs that one look for a caller's own goes through."""
AT_ONCE = 500
"""Runs that are read at once."""
TRIES = 20
"""To keep something of a run that changes meanwhile."""
RESTING: frozenset[RunStatus] = frozenset({"waiting", "paused", "done", "failed", "cancelled"})
"""Nothing more happens before somebody says something."""
May = Callable[[Principal, AgentDocument, DataClass], None]
"""Whether a caller may begin a run of an agent. Raises: PolicyDenied, NotAllowed."""


def _safe(_document: AgentDocument, _tenant: str) -> str:
    return ""


class RunsParts(Struct, frozen=True, kw_only=True):
    """What runs rest on."""

    store: RunStore
    shelf: Callable[[], Shelf]
    clock: Clock
    ids: Ids
    may: May
    most_queued: int = 10_000
    unsafe: Callable[[AgentDocument, str], str] = _safe
    """Why no run of an agent may begin in a tenant, with the tools that there are; empty: it may."""
    traced: Callable[[Trace | None], Trace | None] = lambda came: came
    """The trace that a run is in, given the one that its caller came with."""


class Runs:
    """Use cases of runs. Store work is done beside the loop."""

    def __init__(self, parts: RunsParts) -> None:
        self.parts = parts

    # --- beginning

    async def begin(
        self,
        principal: Principal,
        agent: str,
        given: Any,
        *,
        version: str = "",
        session: str = "",
        once: str = "",
        envelope: RunEnvelope | None = None,
        priority: int = 5,
        trigger: str = "",
        data_class: DataClass | None = None,
        trace: Trace | None = None,
        beside: Mapping[str, Any] | None = None,
        before: Callable[[Run], None] | None = None,
    ) -> Run:
        """Put a run into the queue; kept once this returns.

        Args:
            given: Its input, JSON: a text, or an object with `goal` and whatever the agent takes; by its `input`, where it
                has one.
            beside: More of an object's fields, which no `input` describes.
            before: Done in a thread with the run, before it is there for anybody.
            once: Idempotency key: the same of the same caller again finds the same run.
            trace: That the caller came with.
            envelope: Bounds of the caller's own; the tighter of these and the agent's hold.
        Raises: NotFound, NotAllowed, PolicyDenied, BadRequest, TooLarge, OverLimit, StoreError.
        """
        document = self.agent(principal, agent, version)
        given = taken(document, given)
        run = self._made(principal, document, {**given, **beside} if beside else given, data_class)
        run = structs.replace(
            run,
            session=session,
            once=owned(once, principal),
            priority=_priority(priority),
            trigger=trigger,
            envelope=tightened(run.envelope, envelope),
            trace=self.parts.traced(trace),
        )
        await self._not_barred(principal.tenant, agent)
        if before is not None:
            await asyncio.to_thread(before, run)
        return await asyncio.to_thread(self.parts.store.begin, run, self.parts.most_queued)

    def agent(self, principal: Principal, agent: str, version: str = "") -> AgentDocument:
        """An agent that a caller may see. Raises: NotFound, NotAllowed."""
        name = agent.removeprefix("agent/")
        document = self.parts.shelf().agent(name, version)
        if document is None or document.metadata.tenant not in ("", principal.tenant):
            at = f" in the version {version}" if version else ""
            raise NotFound(f"there is no agent {name}{at}; see GET /v1/agents", param="agent")
        if not principal.may_ask(f"agent/{name}"):
            raise NotAllowed(f"this key may not ask for agent/{name}; add it to the key's `models`", param="agent")
        return document

    def agents(self, principal: Principal) -> list[AgentDocument]:
        """Those that a caller may ask for."""
        return self.parts.shelf().visible(principal)

    def _made(self, principal: Principal, document: AgentDocument, given: Any, data_class: DataClass | None) -> Run:
        least = highest(principal.data_class or "public", data_class, document.spec.data_class) or "public"
        self.parts.may(principal, document, least)
        if unsafe := self.parts.unsafe(document, principal.tenant):
            raise NotAllowed(f"the agent {document.name} is not safe to run: {unsafe}", param="agent")
        run_id, now_ns = self.parts.ids.new(), self.parts.clock.now_ns()
        return Run(
            id=run_id,
            root=run_id,
            tenant=principal.tenant,
            agent=document.name,
            version=document.version,
            digest=document.text,
            pins=pins(self.parts.shelf(), document, principal.tenant),
            principal=principal,
            created_ns=now_ns,
            updated_ns=now_ns,
            input=spelled(given),
            envelope=envelope_of(document.spec.envelope),
            data_class=least,
        )

    async def _not_barred(self, tenant: str, agent: str) -> None:
        """Raises: NotAllowed."""
        name = agent.removeprefix("agent/")
        for one in await asyncio.to_thread(self.parts.store.barred):
            mine = one.tenant in ("", tenant)
            if mine and ((one.kind == "agent" and one.name == name) or (one.kind == "tenant" and one.name == tenant)):
                raise NotAllowed(
                    f"the {one.kind} {one.name} is {one.how}{f': {one.why}' if one.why else ''}; ask an operator",
                    code=f"{one.kind}_{one.how}",
                )

    # --- looking

    async def show(self, principal: Principal, run: str, *, everyone: bool = False) -> Run:
        """A run that is the caller's; an admin's are those of the tenant. `everyone`: all of the tenant's. Raises: NotFound."""
        found = await asyncio.to_thread(self.parts.store.one, run, principal.tenant)
        if found is None or not (everyone or principal.admin or mine(principal, found)):
            raise NotFound(f"there is no run {run[:64]}", param="run")
        return found

    async def page(self, principal: Principal, asked: Asked, *, everyone: bool = False) -> list[Run]:
        """Runs of the caller, or of the tenant, the newest first."""
        asked = structs.replace(asked, tenant=principal.tenant)
        found: list[Run] = []
        for _ in range(MOST_PAGES):
            page = await asyncio.to_thread(self.parts.store.page, asked)
            found += [one for one in page if everyone or principal.admin or mine(principal, one)]
            if len(page) < asked.most or len(found) >= asked.most:
                break
            asked = structs.replace(asked, before=page[-1].id)
        return found[: asked.most]

    async def events(
        self,
        principal: Principal,
        run: str,
        *,
        after: int = 0,
        until_s: float | None = None,
        everyone: bool = False,
        through_waits: bool = False,
    ) -> AsyncIterator[RunEvent]:
        """What happens in a run, from the event behind `after` on, until it ends or waits, or a time on the steady clock.

        Args:
            until_s: None: what there is, and no more.
            through_waits: Go on while it waits for somebody.
        Raises: NotFound, StoreError.
        """
        await self.show(principal, run, everyone=everyone)
        look_s = LOOK_S
        while True:
            # The state is read before the events: none that came before it rested is missed.
            state = await asyncio.to_thread(self.parts.store.one, run, principal.tenant)
            found = await asyncio.to_thread(self.parts.store.told, run, after, MOST_EVENTS)
            for event in found:
                after = event.seq
                yield event
            look_s = LOOK_S if found else min(MOST_LOOK_S, look_s * 1.5)
            if len(found) == MOST_EVENTS:
                continue
            if until_s is None or state is None or state.ended or (state.status in RESTING and not through_waits):
                return
            left_s = until_s - self.parts.clock.steady_s()
            if left_s <= 0:
                return
            await asyncio.sleep(min(look_s, left_s))

    async def wait(self, principal: Principal, run: str, until_s: float, *, through_waits: bool = False) -> Run:
        """A run once it has ended or waits for somebody, or as it stands at a time on the steady clock. Raises: NotFound."""
        look_s = LOOK_S
        while True:
            found = await self.show(principal, run, everyone=True)
            left_s = until_s - self.parts.clock.steady_s()
            rests = found.ended or (found.status in RESTING and not through_waits and _for_people(found))
            if rests or left_s <= 0:
                return found
            await asyncio.sleep(min(look_s, left_s))
            look_s = min(MOST_LOOK_S, look_s * 1.5)

    async def inbox(self, principal: Principal, roles: tuple[str, ...] = (), *, everyone: bool = False) -> list[Run]:
        """Runs that wait for a person: the caller's own, those for one of their roles, all of the tenant for `everyone`."""
        asked = Asked(tenant=principal.tenant, statuses=("waiting",), most=1000)
        found = await asyncio.to_thread(self.parts.store.page, asked)
        return [
            one
            for one in found
            if _for_people(one) and (everyone or mine(principal, one) or not _asked_of(one).isdisjoint(roles))
        ]

    # --- saying

    async def answer(self, principal: Principal, run: str, key: str, body: Any, *, everyone: bool = False) -> Run:
        """Answer a question, review or hand-off that a run waits for. The same answer twice counts once. Where it asks a role,
        whoever has that role answers, and nobody else.

        Args:
            key: Of the wait; empty: of the present one.
        Raises: NotFound, NotAllowed, BadRequest where it waits for nothing of that key.
        """
        found = await self._asking(principal, run, everyone=everyone)
        if found.ended:
            raise standing.ended(found)
        key = standing.answered(found, key)
        await self._post(found, "answer", principal, key=key, body=body, name=_answer(found, key))
        return found

    async def say(self, principal: Principal, run: str, body: Any, *, everyone: bool = False) -> Run:
        """Say something to a run while it works; it is read before its next step. Raises: NotFound, BadRequest."""
        found = await self._open(principal, run, everyone=everyone)
        if body is None:
            raise BadRequest("message: say something", param="message")
        await self._post(found, "message", principal, body=body)
        return found

    async def cancel(self, principal: Principal, run: str, why: str = "", *, everyone: bool = False) -> Run:
        """End a run and its children at their next step; what was begun is not undone. Raises: NotFound, BadRequest."""
        return await self._told(principal, run, "cancel", why, everyone=everyone)

    async def kill(self, principal: Principal, run: str, why: str = "", *, everyone: bool = False) -> Run:
        """End it at once: what runs is cut off. Raises: NotFound, BadRequest."""
        return await self._told(principal, run, "kill", why, everyone=everyone)

    async def pause(self, principal: Principal, run: str, why: str = "", *, everyone: bool = False) -> Run:
        """Stop it at its next step, until `resume`. Raises: NotFound, BadRequest."""
        return await self._told(principal, run, "pause", why, everyone=everyone)

    async def resume(self, principal: Principal, run: str, *, everyone: bool = False) -> Run:
        """Go on with a paused run. Raises: NotFound, BadRequest where it isn't paused."""
        found = await self._open(principal, run, everyone=everyone)
        if found.taken_by and not everyone:
            raise NotAllowed(f"{found.taken_by} has taken over the run {found.id}, and gives it back")
        if found.status != "paused":
            raise standing.not_paused(found)
        await self._post(found, "resume", principal, name=_stand(found, "resume"))
        return found

    async def take_over(self, principal: Principal, run: str, by: str, *, everyone: bool = False) -> Run:
        """A person works on a run by hand: it rests until `give_back`. Raises: NotFound, BadRequest."""
        found = await self._told(principal, run, "pause", f"taken over by {by}", everyone=everyone)
        return await self._taken(principal, found, by, everyone=everyone)

    async def give_back(self, principal: Principal, run: str, said: Any, *, everyone: bool = False) -> Run:
        """Give a run back with what was done by hand: the agent reads it first. Raises: NotFound, BadRequest."""
        found = await self._open(principal, run, everyone=everyone)
        if not found.taken_by:
            raise BadRequest(f"nobody took over the run {found.id}", code="not_taken_over", status=409)
        if not everyone and found.taken_by != _by(principal):
            raise NotAllowed(f"{found.taken_by} has taken over the run {found.id}, and gives it back")
        given = await self._taken(principal, found, "", everyone=everyone)
        await self._post(given, "message", principal, body={"by": found.taken_by, "done": said})
        if found.status == "waiting" and found.wait is not None and found.wait.kind == "hand_off":
            await self._post(
                given, "answer", principal, key=found.wait.key, body=said, name=_answer(found, found.wait.key)
            )
        else:
            await self._post(given, "resume", principal, name=_stand(given, "resume"))
        return given

    async def fork(self, principal: Principal, run: str, step: int, *, everyone: bool = False) -> Run:
        """A new run that goes on from before a step of another's last segment, counted from 1, as if the rest had not been.

        Raises: NotFound, BadRequest, NotAllowed, OverLimit.
        """
        if step < 1:
            raise BadRequest(f"step: {step} is below 1", param="step")
        found = await self.show(principal, run, everyone=everyone)
        if not everyone:
            self.parts.may(principal, self.agent(principal, found.agent, found.version), found.data_class)
        await self._not_barred(found.tenant, found.agent)
        run_id, now_ns = self.parts.ids.new(), self.parts.clock.now_ns()
        forked = structs.replace(
            Run(
                id=run_id,
                root=run_id,
                tenant=found.tenant,
                agent=found.agent,
                version=found.version,
                digest=found.digest,
                pins=found.pins,
                principal=found.principal if everyone else principal,
                created_ns=now_ns,
                input=found.input,
            ),
            updated_ns=now_ns,
            envelope=found.envelope,
            data_class=found.data_class,
            session=found.session,
            priority=found.priority,
            forked_from=f"{found.id}@{found.segment}.{step}",
            trace=self.parts.traced(None),
        )
        return await asyncio.to_thread(self.parts.store.begin, forked, self.parts.most_queued)

    async def _told(self, principal: Principal, run: str, kind: MailKind, why: str, *, everyone: bool) -> Run:
        found = await self._open(principal, run, everyone=everyone)
        name = _stand(found, kind) if kind == "pause" else kind
        await self._post(found, kind, principal, body={"why": why} if why else None, name=name)
        return found

    async def _taken(self, principal: Principal, run: Run, by: str, *, everyone: bool) -> Run:
        """Keep who has it in hand, whatever else happens to the run meanwhile. Raises: NotFound, BadRequest."""
        for _ in range(TRIES):
            taken = structs.replace(run, taken_by=by)
            if await asyncio.to_thread(self.parts.store.save, taken, run.segment, (run.status,)):
                return taken
            run = await self._open(principal, run.id, everyone=everyone)
        raise BadRequest(f"the run {run.id} changes all the time; try again", code="run_busy", status=409)

    async def _asking(self, principal: Principal, run: str, *, everyone: bool) -> Run:
        """A run that somebody may answer: one that is theirs, or that asks a role of theirs. Raises: NotFound, NotAllowed."""
        found = await asyncio.to_thread(self.parts.store.one, run, principal.tenant)
        roles = frozenset[str]() if found is None else _asked_of(found)
        may = everyone or principal.admin or not roles.isdisjoint(principal.roles)
        if found is None or not (may or mine(principal, found)):
            raise NotFound(f"there is no run {run[:64]}", param="run")
        if roles and not may:
            raise NotAllowed(f"the run {found.id} asks somebody of the role {' or '.join(sorted(roles))}")
        return found

    async def _open(self, principal: Principal, run: str, *, everyone: bool) -> Run:
        """A run that has not ended. Raises: NotFound, BadRequest."""
        found = await self.show(principal, run, everyone=everyone)
        if found.ended:
            raise standing.ended(found)
        return found

    async def _post(
        self, run: Run, kind: MailKind, principal: Principal, *, key: str = "", body: Any = None, name: str = ""
    ) -> None:
        """`name`: the same counts once within a run; empty: each is its own."""
        mail = Mail(
            id=f"{run.id}/{name}" if name else self.parts.ids.new(),
            run=run.id,
            tenant=run.tenant,
            kind=kind,
            at_ns=self.parts.clock.now_ns(),
            by=_by(principal),
            key=key,
            body=b"" if body is None else spelled(body),
        )
        await asyncio.to_thread(self.parts.store.post, mail)

    # --- switches

    async def bar(self, barred: Barred) -> None:
        """Quarantine or kill an agent, a tool or a tenant. Killed: its runs are killed too. Raises: StoreError."""
        store, now_ns = self.parts.store, self.parts.clock.now_ns()
        await asyncio.to_thread(store.bar, barred)
        if barred.how != "killed" or barred.kind == "tool":
            return
        await asyncio.to_thread(self._kill, barred, now_ns)

    async def unbar(self, kind: str, name: str, tenant: str) -> bool:
        """Let it work again. Returns: whether it was barred. Raises: StoreError."""
        return await asyncio.to_thread(self.parts.store.unbar, kind, name, tenant)

    def _kill(self, barred: Barred, now_ns: int) -> None:
        """Kill what runs, a page at a time. Blocks. What begins meanwhile ends with its first call of a model."""
        store = self.parts.store
        agent = barred.name if barred.kind == "agent" else ""
        tenant = barred.name if barred.kind == "tenant" else barred.tenant or None
        before = ""
        while page := store.page(Asked(tenant=tenant, agent=agent, statuses=OPEN, before=before, most=AT_ONCE)):
            for run in page:
                mail = Mail(id=f"{run.id}/kill", run=run.id, tenant=run.tenant, kind="kill", at_ns=now_ns, by=barred.by)
                store.post(mail)
            before = page[-1].id


def _answer(run: Run, key: str) -> str:
    """Names an answer: it counts once in a wait, and once more where the run comes to wait for the same again."""
    return f"{key}/answer/{run.segment}"


def _stand(run: Run, kind: str) -> str:
    """Names what is said to a run as it stands: it counts once until the run has changed."""
    return f"{kind}/{run.segment}/{run.updated_ns}"


OPEN: tuple[RunStatus, ...] = ("queued", "running", "waiting", "paused")
PEOPLE = standing.PEOPLE
"""Waits that a person ends."""
_spell = msgspec.json.Encoder(order="sorted").encode


def spelled(value: Any) -> bytes:
    """JSON. Raises: BadRequest, where it is none; TooLarge."""
    try:
        text = _spell(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"the input is no JSON: {error}", param="input") from error
    if len(text) > MOST_SAID_BYTES:
        raise TooLarge(f"the input has {len(text)} bytes as JSON: write {MOST_SAID_BYTES} at most", param="input")
    return text


def owned(once: str, principal: Principal) -> str:
    """An idempotency key as it is kept: another caller's that reads the same is another."""
    return f"{once}@{sha256(principal.subject().encode()).hexdigest()[:16]}" if once else ""


def key_of(once: str) -> str:
    """The idempotency key that `owned` kept."""
    return once.rpartition("@")[0]


def _by(principal: Principal) -> str:
    return f"user/{principal.user}" if principal.user else f"key/{principal.key}"


def mine(principal: Principal, run: Run) -> bool:
    """Whether a run is the caller's own: of the same user, or of the same key where there is none."""
    own = run.principal
    if own.user or principal.user:
        return own.user == principal.user and run.tenant == principal.tenant
    return own.key == principal.key and run.tenant == principal.tenant


def _priority(priority: int) -> int:
    """Raises: BadRequest."""
    if not 1 <= priority <= 9:
        raise BadRequest(f"priority: {priority} is not between 1 and 9", param="priority")
    return priority


def _asked_of(run: Run) -> frozenset[str]:
    """Roles that are asked: the one that was, and the one that it was escalated to."""
    wait = run.wait
    if wait is None:
        return frozenset()
    return frozenset((wait.to, wait.escalate_to if not wait.escalates_ns else "")) - {""}


def _for_people(run: Run) -> bool:
    return run.status == "paused" or (run.wait is not None and run.wait.kind in PEOPLE)
