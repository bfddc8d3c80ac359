"""Governs requests: how sensitive one is, what guards make of it, what policy says, who has to be asked, and what its answer
has to pass.
"""

import asyncio
from collections.abc import Mapping
from functools import partial

from msgspec import structs

from antiphon.calls.counting import Counted
from antiphon.calls.story import Story
from antiphon.core.data_class import DataClass, highest
from antiphon.core.error import ApprovalRefused, GuardFailed
from antiphon.core.ports import Reply
from antiphon.core.request import Head, Request
from antiphon.core.verdict import Verdict
from antiphon.governance.answers import Judges
from antiphon.governance.blocked import blocked
from antiphon.governance.errands import Errands
from antiphon.governance.labels import DATA_CLASS
from antiphon.governance.looks import Looked, Looks
from antiphon.governance.parts import Looking, Parts
from antiphon.governance.reply import GoverningReply
from antiphon.governance.standing import NOTHING, Standing, narrowed
from antiphon.governance.tool_calls import ToolCalls
from antiphon.guards.port import Asked, Guard, Screened
from antiphon.guards.texts import Texts, edited_request, texts_of
from antiphon.policy.policies import Policies
from antiphon.policy.verdict import decide, refusal
from antiphon.wire.bounds import LONG_BYTES


class Governor:
    """Governs requests under one revision."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._standing = Standing(parts)
        self._looks = Looks(parts, self._standing)
        self.errands = Errands(parts, self._standing, self._looks)
        self.tool_calls = ToolCalls(parts, self._standing, self._looks)
        self.always = parts.always

    def governs(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request has to be admitted: where nothing is configured, only one that says its class."""
        return self.always or DATA_CLASS in headers

    @property
    def policies(self) -> Policies:
        """Those in force."""
        return self._standing.policies

    def take(self, policies: Policies, *, always: bool) -> None:
        """Judge by these policies from now on."""
        self._standing.policies = policies
        self.always = always

    def judge(self, story: Story, head: Head) -> Verdict:
        """What policy says of a request that nobody looked at: nothing is known of its texts."""
        if not self.always and story.data_class is None:
            return decide(story.principal, head.model)
        return self._standing.judge(story, head)

    def counted(self, story: Story, counted: Counted) -> bool:
        """Judge a request again by how its budgets stand, where policies read that. Returns: whether less is left of it.

        Raises: GuardFailed, where a policy then obliges to what is done before budgets are asked.
        """
        if story.context is None or not self._standing.policies.reads("budget"):
            return False
        used = max((share for _, share in counted.counting.tickets.shares(counted.tab)), default=0.0)
        before = story.allowed
        story.verdict = verdict = self._standing.spent(story, story.context, used)
        if verdict is before:
            return False
        late, done = verdict.obligations, before.obligations
        asks = bool(late.approve) and not (done.approve or story.approval or story.explains)
        if verdict.allowed and (asks or {*late.mask} - {*done.mask} or {*late.guards} - {*done.guards}):
            raise GuardFailed(
                "a policy obliges to approval, masks or guards by how budgets stand, when it is too late for them; let it read "
                "something else than `context.budget`"
            )
        self._standing.oblige(story, verdict)
        return True

    async def admit(self, story: Story, request: Request, reply: Reply) -> tuple[Request, Reply]:
        """Let a request in: as it may be sent, and the reply that its answer has to go by. The story is told of all of it.

        Raises: BadRequest (a label that is none), GuardBlocked, GuardFailed, PolicyDenied, NotAllowed, ApprovalPending,
            ApprovalRefused, StoreError.
        """
        head, asking, standing = request.head, self._parts.asking, self._standing
        story.unseen = True  # nothing of what is not let in is captured
        story.data_class = least = await standing.labelled(story, request)
        looking = self._looks.of(head.model)
        judged = asking is not None and asking.before(head.model)
        reads = bool(looking.request) or looking.wants_system or judged or standing.policies.reads("tainted")
        texts = await _texts(request) if reads else None
        asked = Asked(tenant=story.principal.tenant, route=head.model, data_class=least, system=_system(looking, texts))
        story.guards = looking.names

        async def look(guards: tuple[Guard, ...], mask: frozenset[str]) -> Screened:
            nonlocal texts
            if not guards:
                return NOTHING
            texts = texts or await _texts(request)
            return await self._looks.screened(texts.items, guards, asked, mask, asked.tenant, request.body)

        looked = await self._looks.looked(looking, look, lambda found: standing.judged(story, request, found, texts))
        found, story.verdict, story.findings = looked.found, looked.verdict, list(looked.found.findings)
        story.guards = (*looking.names, *(one.name for one in looked.more))
        if found.blocked:
            raise blocked(found, "request")
        self._allowed(story, head)
        sent = await self._sent(story, request, found, texts)
        story.request = sent
        standing.oblige(story, looked.verdict)
        if story.explains:
            return sent, reply
        await self._people(story, sent, found.approve)
        asked = structs.replace(asked, data_class=story.data_class or least)
        pending, judges = await self._asked(story, sent, asked, looked, judged=judged)
        restore = dict(found.tokens) if found.tokens and standing.may_see(story.principal, story.data_class) else {}
        reply.classed(story.data_class or least)
        answers = looked.answers(looking)
        if not (answers or looked.mask or restore or pending or judges is not None):
            return sent, reply
        story.masked = True
        behind = self._looks.behind(story, answers, asked, looked.mask, restore)
        behind = structs.replace(behind, pending=pending, judges=judges)
        return sent, GoverningReply(reply, story, behind, head.dialect)

    def _allowed(self, story: Story, head: Head) -> None:
        """Raises: PolicyDenied, NotAllowed."""
        if not story.allowed.allowed:
            raise refusal(story.allowed, story.principal, head.model)

    async def _sent(self, story: Story, request: Request, found: Screened, texts: Texts | None) -> Request:
        """A request as guards leave it; what its tokens stand for is kept first. Raises: BadRequest, StoreError."""
        vault = self._parts.vault
        if found.tokens and vault is not None and not story.explains:
            await vault.keep(story.principal.tenant, subject_of(story, request), dict(found.tokens))
        if not found.edits or texts is None:
            return request
        edit = partial(edited_request, request, found.edits, texts)
        return await asyncio.to_thread(edit) if request.body.size_bytes >= LONG_BYTES else edit()

    async def _people(self, story: Story, request: Request, found: tuple[str, ...]) -> None:
        """Have people approve what policy or guards want approved. Raises: ApprovalPending, ApprovalRefused, StoreError."""
        verdict, asking = story.allowed, self._parts.asking
        reasons = (*(f"policy:{one}" for one in verdict.reasons if verdict.obligations.approve), *found)
        if not reasons:
            return
        if asking is None:
            raise ApprovalRefused("people have to approve this, and nobody can be asked here")
        await asking.people(story, request, reasons)

    async def _asked(
        self, story: Story, request: Request, asked: Asked, looked: Looked, *, judged: bool
    ) -> tuple[tuple[asyncio.Task[None], ...], Judges | None]:
        """Ask those who judge by a call of their own: the verdict may only narrow by what they say.

        Raises: as `admit`; GuardFailed too, where a policy then obliges to what is done before judges are asked.
        """
        asking = self._parts.asking
        if asking is None:
            return (), None
        if not judged:
            return (), asking.answers(story, asked)
        texts = await _texts(request)
        raised = await asking.first(story, texts, asked)
        if raised:
            story.findings += [finding for finding, _ in raised]
            classes: list[DataClass | None] = [one for _, one in raised]
            found = Screened(
                findings=tuple(story.findings),
                raises=highest(*classes),
                private=any(finding.action == "route_private" and not finding.shadow for finding, _ in raised),
            )
            story.verdict = verdict = narrowed(story.allowed, await self._standing.judged(story, request, found, texts))
            self._allowed(story, request.head)
            self._standing.oblige(story, verdict)
            self._looks.check_late(verdict, story, looked)
            if not story.approval:
                await self._people(story, request, ())
        pending = asking.beside(story, texts, asked)
        for task in pending:
            self._parts.spawn(task)
        return pending, asking.answers(story, asked)


def subject_of(story: Story, request: Request) -> str:
    """Whose data a request's content is."""
    return story.principal.subject(request.head.user, request.lineage.session)


def _system(looking: Looking, texts: Texts | None) -> str:
    """What the model is told, where somebody looks for it in the answer."""
    if texts is None or not looking.wants_system:
        return ""
    return "\n".join(one.text for one in texts.items if one.channel in ("system", "definition"))


async def _texts(request: Request) -> Texts:
    """All texts of a request; of a long one beside the loop. Raises: BadRequest."""
    if request.body.size_bytes < LONG_BYTES:
        return texts_of(request)
    return await asyncio.to_thread(texts_of, request)
