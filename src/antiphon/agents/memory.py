"""What agents remember longer than a run: by scope, with expiry, provenance and approval.

A memory that has to be approved is kept and not recalled. It counts from the moment that the approval is seen: when it is
settled, or at the next recall. One that was refused, or that nobody approved in time, is dropped.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from math import log
from urllib.parse import quote

import msgspec
from msgspec import Struct, structs

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.doors import Memories, Recalled
from antiphon.core.approval import Approval, Wish
from antiphon.core.clock import Clock
from antiphon.core.data_class import RANKS, highest
from antiphon.core.error import BadRequest, NotAllowed, NotFound
from antiphon.core.ports import Approvals
from antiphon.core.principal import Principal
from antiphon.core.run import Memory, Run
from antiphon.core.run_store import RunStore
from antiphon.core.tool import Origins

LONGEST = 2000
"""Most characters of one."""
MOST = 1000
"""Most of one owner; the oldest goes for one more."""
SCOPES = ("user", "session", "team", "agent")
SHARED = ("team", "agent")
"""Scopes that other people's runs read."""
ACTION = "remember"
"""Of approvals."""
_DAY_NS = 86_400_000_000_000
_S_NS = 1_000_000_000
_WORD = re.compile(r"\w+")


class Shown(Struct, frozen=True, kw_only=True):
    """What an approver sees, JSON; `text` may be modified."""

    action: str = ACTION
    memory: str
    agent: str
    scope: str
    owner: str
    text: str
    sources: tuple[str, ...] = ()
    untrusted: bool = False


class KeptMemories(Memories):
    """In the store of runs. The work on it is done beside the loop."""

    def __init__(self, store: RunStore, approvals: Callable[[], Approvals | None], clock: Clock) -> None:
        """`approvals`: of the present revision; None: nobody can approve, and what needs it is refused."""
        self._store = store
        self._approvals = approvals
        self._clock = clock

    # --- agents

    async def recall(self, run: Run, document: AgentDocument, about: str) -> Sequence[Recalled]:
        spec = document.spec.memory
        owners = [(scope, owner) for scope in spec.scopes if (owner := owner_of(scope, run)) is not None]
        found = await self._found(run.tenant, document.name, owners)
        seen = [one for one in found if not one.waits and _cleared(one, run.principal)]
        return [_recalled(one) for one in fitting(seen, about, spec.recall)]

    async def remember(
        self, run: Run, document: AgentDocument, text: str, *, scope: str, origins: Origins, key: str
    ) -> str:
        made = self._made(run, document, text, scope, origins, key)
        found = await self._found(run.tenant, document.name, [(scope, made.owner)])
        for one in found:
            if one.id == made.id:
                return _told(one)
            if not one.waits and one.text.decode().casefold() == text.strip().casefold():
                until_ns = max(one.expires_ns, made.expires_ns)
                await asyncio.to_thread(self._store.remember, structs.replace(one, expires_ns=until_ns))
                return "It is remembered already."
        if to_approve(document, made):
            approval = await self._ask(run, document, made)
            made = structs.replace(made, waits=True, approval=approval.id)
        await asyncio.to_thread(self._store.remember, made)
        if (
            await asyncio.to_thread(self._store.one, run.id) is None
        ):  # it was erased meanwhile, with all that came of it
            await asyncio.to_thread(self._store.forget, run.tenant, memory=made.id)
            return "The run is gone: nothing is remembered."
        for one in found[MOST - 1 :]:
            await asyncio.to_thread(self._store.forget, run.tenant, memory=one.id)
        return _told(made)

    def _made(self, run: Run, document: AgentDocument, text: str, scope: str, origins: Origins, key: str) -> Memory:
        """Raises: BadRequest, NotAllowed."""
        text = text.strip()
        if not text or len(text) > LONGEST:
            raise BadRequest(
                f"a memory has 1 to {LONGEST} characters, this one {len(text)}; say it shorter", param="text"
            )
        if scope not in document.spec.memory.scopes:
            raise NotAllowed(f"{document.name} keeps no memories of the scope {scope[:32]!r}; see spec.memory.scopes")
        owner = owner_of(scope, run)
        if owner is None:
            raise NotAllowed(f"the caller has no {scope}, so nothing can be remembered for it")
        now_ns = self._clock.now_ns()
        return Memory(
            id=f"mem_{sha256(key.encode()).hexdigest()[:32]}",
            tenant=run.tenant,
            agent=document.name,
            scope=scope,  # type: ignore[arg-type] - one of those that the agent's document lists
            owner=owner,
            text=text.encode(),
            sources=origins.sources,
            untrusted=origins.untrusted,
            private=origins.private,
            data_class=highest(origins.data_class, run.data_class),
            run=run.id,
            created_ns=now_ns,
            expires_ns=now_ns + int(document.spec.memory.days * _DAY_NS),
            subject=run.principal.subject(session=run.session),
        )

    async def _ask(self, run: Run, document: AgentDocument, made: Memory) -> Approval:
        """Raises: NotAllowed, OverLimit, StoreError."""
        approvals = self._approvals()
        if approvals is None:
            raise NotAllowed("a person has to approve this memory, and nobody can here; see `approvals`")
        spec, now_ns = document.spec.approvals, self._clock.now_ns()
        shown = msgspec.json.encode(
            Shown(
                memory=made.id,
                agent=made.agent,
                scope=made.scope,
                owner=made.owner,
                text=made.text.decode(),
                sources=made.sources,
                untrusted=made.untrusted,
            )
        )
        shared = made.scope in SHARED
        return await approvals.ask(
            Wish(
                tenant=run.tenant,
                by=f"key/{run.principal.key}" if shared else f"agent/{document.name}",
                user=run.principal.user if shared else "",
                action=ACTION,
                resource=f"agent/{document.name}",
                shown=shown,
                digest=sha256(shown).hexdigest(),
                reasons=("memory",),
                needed=spec.needed,
                approvers=spec.approvers or "approver",
                expires_ns=now_ns + int(spec.expires_s * _S_NS),
                escalates_ns=now_ns + int(spec.escalate_s * _S_NS) if spec.escalate_s else 0,
                escalate_to=spec.escalate_to,
            )
        )

    # --- people

    async def of(self, principal: Principal, agent: str, session: str = "") -> list[Memory]:
        """What an agent remembers that this caller may see: their own, their session's and team's, and the agent's; those
        that wait too. Raises: StoreError.
        """
        owners = [(scope, owner) for scope in SCOPES if (owner := whose(scope, principal, session)) is not None]
        found = await self._found(principal.tenant, agent, owners)
        return [one for one in found if _cleared(one, principal)]

    async def forget(self, principal: Principal, agent: str, memory: str, session: str = "") -> None:
        """Erase one that is the caller's own; what is shared, an admin of the tenant. Raises: NotFound, NotAllowed."""
        one = next((one for one in await self.of(principal, agent, session) if one.id == memory), None)
        if one is None:
            raise NotFound(f"{agent} has no memory {memory[:64]!r} of yours", param="memory")
        if one.scope in SHARED and not principal.admin:
            raise NotAllowed(f"the memory {one.id} is shared by a {one.scope}; an admin of the tenant may erase it")
        await asyncio.to_thread(self._store.forget, principal.tenant, memory=one.id)

    # --- approvals

    async def settled(self, approval: Approval) -> None:
        """Heed what became of an approval, if it is one of a memory. Raises: StoreError."""
        if approval.wish.action != ACTION or approval.state == "waiting":
            return
        shown = msgspec.json.decode(approval.wish.shown, type=Shown)
        await self._found(approval.wish.tenant, shown.agent, [(shown.scope, shown.owner)])

    async def _found(self, tenant: str, agent: str, owners: Sequence[tuple[str, str]]) -> list[Memory]:
        """Memories, the newest first; those whose approval was settled meanwhile as it says."""
        found = await asyncio.to_thread(self._store.memories, tenant, agent, owners, self._clock.now_ns())
        kept: list[Memory] = []
        for one in found:
            known = await self._heeded(one) if one.waits else one
            if known is not None and known.text:  # what was erased reads as empty
                kept.append(known)
        return kept

    async def _heeded(self, one: Memory) -> Memory | None:
        approvals = self._approvals()
        if approvals is None or not one.approval:
            return one
        approval = await approvals.find(one.tenant, one.approval)
        if approval is not None and approval.state == "waiting":
            return one
        if approval is None or approval.state not in ("approved", "modified"):
            await asyncio.to_thread(self._store.forget, one.tenant, memory=one.id)
            return None
        text = one.text
        if approval.state == "modified":
            with suppress(msgspec.MsgspecError):  # another form says no other text
                text = msgspec.json.decode(approval.instead, type=Shown).text[:LONGEST].encode()
        by = ", ".join(vote.by for vote in approval.votes if vote.state in ("approved", "modified"))
        known = structs.replace(one, text=text, waits=False, approved_by=by)
        await asyncio.to_thread(self._store.remember, known)
        return known


def owner_of(scope: str, run: Run) -> str | None:
    """Whose memories of a scope a run reads and writes; None: there is no such."""
    return whose(scope, run.principal, run.session)


def whose(scope: str, principal: Principal, session: str) -> str | None:
    """The same of a caller in a session. A session is its caller's: another who names one like it has memories of their own."""
    match scope:
        case "user":
            return principal.user or None
        case "session":
            return f"{quote(principal.subject(session=session), safe='')}/{session}" if session else None
        case "team":
            return principal.team or None
        case "agent":
            return ""
        case _:
            return None


def to_approve(document: AgentDocument, made: Memory) -> bool:
    """Whether a person has to approve a memory. `untrusted`: where strangers may have had a part in it, and where people
    other than the one who said it would have it put before them.
    """
    match document.spec.memory.approve:
        case "always":
            return True
        case "never":
            return False
        case "untrusted":
            return made.untrusted or made.scope in SHARED


def fitting(found: Sequence[Memory], about: str, most: int) -> list[Memory]:
    """Those that have most in common with a text, rare words counting more; among equals the newest."""
    words = [set(_words(one.text.decode())) for one in found]
    counts = Counter(word for some in words for word in some)
    asked = set(_words(about))
    weights = [sum(log(1 + len(found) / counts[word]) for word in asked & some) for some in words]
    order = sorted(range(len(found)), key=lambda at: (-weights[at], -found[at].created_ns, found[at].id))
    return [found[at] for at in order[:most]]


def _words(text: str) -> Iterable[str]:
    return _WORD.findall(text.casefold())


def _cleared(one: Memory, principal: Principal) -> bool:
    return principal.clearance is None or RANKS[one.data_class] <= RANKS[principal.clearance]


def _recalled(one: Memory) -> Recalled:
    """What a person approved is taken for theirs; what nobody did is as untrusted as it was."""
    people = tuple(f"person/{by}" for by in one.approved_by.split(", ") if by)
    origins = Origins(
        sources=tuple(sorted({f"memory/{one.id}", *one.sources, *people})),
        untrusted=one.untrusted and not people,
        private=one.private,
        data_class=one.data_class,
    )
    return Recalled(id=one.id, text=one.text.decode(), origins=origins)


def _told(one: Memory) -> str:
    return "It is kept once a person approves it." if one.waits else "It is remembered."
