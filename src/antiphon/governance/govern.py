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
from antiphon.core.ports import Reply
from antiphon.core.request import Head, Request
from antiphon.core.verdict import Verdict
from antiphon.governance.answers import Judges
from antiphon.governance.blocked import blocked
from antiphon.governance.errands import Errands
from antiphon.governance.labels import DATA_CLASS
from antiphon.governance.looks import Looks
from antiphon.governance.parts import Looking, Parts
from antiphon.governance.reply import GoverningReply
from antiphon.governance.standing import NOTHING, Standing, narrowed
from antiphon.guards.port import Asked, Screened
from antiphon.guards.texts import Texts, edited_request, texts_of
from antiphon.policy.policies import Policies
from antiphon.policy.verdict import refusal
from antiphon.wire.bounds import LONG_BYTES


class Governor:
    """Governs requests under one revision."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._standing = Standing(parts)
        self._looks = Looks(parts, self._standing)
        self.errands = Errands(parts, self._standing, self._looks)
        self.always = parts.always

    def governs(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request has to be admitted: where nothing is configured, only one that says its class."""
        return self.always or DATA_CLASS in headers

    def take(self, policies: Policies, *, always: bool) -> None:
        """Judge by these policies from now on."""
        self._standing.policies = policies
        self.always = always

    def judge(self, story: Story, head: Head) -> Verdict:
        """What policy says of a request that nobody looked at: nothing is known of its texts."""
        return self._standing.judge(story, head)

    def counted(self, story: Story, counted: Counted) -> bool:
        """Judge a request again by how its budgets stand, where policies read that. Returns: whether less is left of it."""
        if story.context is None or not self._standing.policies.reads("budget"):
            return False
        used = max((share for _, share in counted.counting.tickets.shares(counted.tab)), default=0.0)
        before = story.allowed
        story.verdict = self._standing.spent(story, story.context, used)
        return story.verdict is not before

    async def admit(self, story: Story, request: Request, reply: Reply) -> tuple[Request, Reply]:
        """Let a request in: as it may be sent, and the reply that its answer has to go by. The story is told of all of it.

        Raises: BadRequest (a label that is none), GuardBlocked, GuardFailed, PolicyDenied, NotAllowed, ApprovalPending,
            ApprovalRefused, StoreError.
        """
        parts, head = self._parts, request.head
        story.data_class = least = await self._standing.labelled(story, request)
        looking, asking = self._looks.of(head.model), parts.asking
        judged = asking is not None and asking.before(head.model)
        reads = bool(looking.request) or looking.wants_system or judged or self._standing.policies.reads("tainted")
        texts = await _texts(request) if reads else None
        asked = Asked(tenant=story.principal.tenant, route=head.model, data_class=least, system=_system(looking, texts))
        found, guards = NOTHING, looking.request
        story.guards = looking.names
        if guards and texts is not None:
            found = await self._looks.screened(texts.items, guards, asked, frozenset(), asked.tenant, request.body)
        verdict = await self._standing.judged(story, request, found, texts)
        mask, more = self._looks.more(verdict, looking)
        if mask or more:
            texts = texts or await _texts(request)
            guards = (*guards, *(one for one in more if "request" in one.sides))
            found = await self._looks.screened(texts.items, guards, asked, mask, asked.tenant, request.body)
            verdict = narrowed(verdict, await self._standing.judged(story, request, found, texts))
            story.guards = (*story.guards, *(one.name for one in more))
        story.verdict = verdict
        story.findings = list(found.findings)
        if found.blocked:
            raise blocked(found, "request")
        if not verdict.allowed:
            raise refusal(verdict, story.principal, head.model)
        self._standing.oblige(story, verdict)
        if found.tokens and parts.vault is not None and not story.explains:
            await parts.vault.keep(story.principal.tenant, subject_of(story, request), dict(found.tokens))
        if found.edits and texts is not None:
            long = request.body.size_bytes >= LONG_BYTES
            edit = partial(edited_request, request, found.edits, texts)
            request = await asyncio.to_thread(edit) if long else edit()
        story.request = request
        by_policy = tuple(f"policy:{one}" for one in verdict.reasons) if verdict.obligations.approve else ()
        reasons = (*by_policy, *found.approve)
        if story.explains:
            return request, reply
        if reasons and asking is not None:
            await asking.people(story, request, reasons)
        answers = (*looking.answer, *(one for one in more if "answer" in one.sides))
        asked = structs.replace(asked, data_class=story.data_class or least)
        pending, judges = await self._asked(story, request, asked, judged=judged)
        restore = (
            dict(found.tokens) if found.tokens and self._standing.may_see(story.principal, story.data_class) else {}
        )
        if not (answers or mask or restore or pending or judges is not None):
            return request, reply
        story.masked = True
        behind = structs.replace(
            self._looks.behind(story, answers, asked, mask, restore), pending=pending, judges=judges
        )
        return request, GoverningReply(reply, story, behind, head.dialect)

    async def _asked(
        self, story: Story, request: Request, asked: Asked, *, judged: bool
    ) -> tuple[tuple[asyncio.Task[None], ...], Judges | None]:
        """Ask those who judge by a call of their own: the verdict may only narrow by what they say."""
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
            if not verdict.allowed:
                raise refusal(verdict, story.principal, request.head.model)
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
