"""Governs what goes upstream beside model calls: pass-through, files, batches, sessions that go both ways.

Bodies may be anything. What can be read is looked at as a request's texts are; what can't be passes only where every guard
of requests may fail open.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from msgspec import structs

from antiphon.calls.story import Story
from antiphon.core.data_class import RANKS, DataClass, highest
from antiphon.core.error import ApprovalRefused, GuardBlocked
from antiphon.core.request import Head, Lineage
from antiphon.core.verdict import Verdict
from antiphon.governance.blocked import blocked
from antiphon.governance.bodies import Bodies
from antiphon.governance.bodies import read as read_body
from antiphon.governance.conversation import Conversation
from antiphon.governance.labels import in_texts, may_label
from antiphon.governance.looks import Looked, Looks
from antiphon.governance.parts import Errand, Governed, Parts
from antiphon.governance.standing import NOTHING, Standing, narrowed
from antiphon.guards.port import Asked, Guard, Screened, Text
from antiphon.guards.screen import screen
from antiphon.policy.verdict import refusal

NOBODY = "what has to be approved by a person can't be sent here; ask by a model call"


class Errands:
    """Lets errands in, and sessions."""

    def __init__(self, parts: Parts, standing: Standing, looks: Looks) -> None:
        self._parts = parts
        self._standing = standing
        self._looks = looks

    async def errand(self, story: Story, errand: Errand, lineage: Lineage) -> Governed:
        """Let in what goes upstream and is no model call. The story is told of all of it.

        Raises: as `admit`; GuardBlocked too, where its body can't be read and a guard would have to look at it.
        """
        parts, tenant, standing = self._parts, story.principal.tenant, self._standing
        looking = self._looks.of(errand.model)
        read = await asyncio.to_thread(_read, errand) if looking.request or may_label(errand.body) else None
        story.data_class = least = highest(standing.stated(story), None if read is None else in_texts(read.items))
        asked, guards = Asked(tenant=tenant, route=errand.model, data_class=least), looking.request

        async def look(own: tuple[Guard, ...], mask: frozenset[str]) -> Screened:
            nonlocal read, guards
            if not own:
                return NOTHING
            guards, read = own, read or await asyncio.to_thread(_read, errand)
            found = await self._looks.screened(read.items, own, asked, mask, tenant, errand.body)
            return self._queried(errand, own, asked, mask, found)

        looked = await self._looks.looked(looking, look, lambda found: standing.account(story, errand, found, lineage))
        found, story.verdict, story.findings = looked.found, looked.verdict, list(looked.found.findings)
        story.guards = (*looking.names, *(one.name for one in looked.more))
        if read is not None and read.blind:
            self._blind(story, read.blind, guards)
        if found.blocked:
            raise blocked(found, "request")
        _check(story, errand)
        if found.approve:
            raise ApprovalRefused(NOBODY)
        body = errand.body if read is None or not found.edits else read.edited(found.edits)
        await self._judged(story, structs.replace(errand, body=body), asked, looked, lineage)
        standing.oblige(story, story.allowed)
        if found.tokens and parts.vault is not None:
            await parts.vault.keep(tenant, f"key/{story.principal.key}", dict(found.tokens))
        answers = looked.answers(looking)
        restore = dict(found.tokens) if found.tokens and standing.may_see(story.principal, story.data_class) else {}
        behind = None
        if answers or looked.mask or restore:
            behind = self._looks.behind(story, answers, asked, looked.mask, restore)
        return Governed(body=body, behind=behind, barred=standing.barred(story, errand, found, lineage))

    async def _judged(self, story: Story, errand: Errand, asked: Asked, looked: Looked, lineage: Lineage) -> None:
        """Ask those who judge by a call of their own. Raises: as `errand`."""
        asking = self._parts.asking
        if asking is None or not asking.before(errand.model):
            return
        read = await asyncio.to_thread(_read, errand)
        raised = await asking.errand(story, read.items, structs.replace(asked, data_class=story.data_class or "public"))
        if not raised:
            return
        story.findings += [finding for finding, _ in raised]
        classes: list[DataClass | None] = [one for _, one in raised]
        found = Screened(
            findings=tuple(story.findings),
            raises=highest(*classes),
            private=any(finding.action == "route_private" and not finding.shadow for finding, _ in raised),
        )
        story.verdict = narrowed(story.allowed, await self._standing.account(story, errand, found, lineage))
        _check(story, errand)
        self._looks.check_late(story.allowed, story, looked)

    async def converse(self, story: Story, head: Head, lineage: Lineage) -> Callable[[str], Conversation | None]:
        """Let in a session that goes both ways, of which nothing was said yet.

        Returns: its guards, once it is known with which deployment it is; None: nothing looks at it.
        Raises: BadRequest, PolicyDenied, NotAllowed, ApprovalRefused, StoreError.
        """
        tenant = story.principal.tenant
        story.data_class = least = self._standing.stated(story)
        looking = self._looks.of(head.model)
        await self._standing.classed(story, NOTHING, lineage.session)
        story.verdict = verdict = self._standing.judge(story, head)
        if not verdict.allowed:
            raise refusal(verdict, story.principal, head.model)
        if verdict.obligations.approve:
            raise ApprovalRefused("what has to be approved by a person can't be a session; ask by a model call")
        self._standing.oblige(story, verdict)
        mask, more = self._looks.more(verdict, looking)
        story.guards = (*looking.names, *(one.name for one in more))
        asked = Asked(tenant=tenant, route=head.model, data_class=story.data_class or least)
        behind = self._looks.behind(
            story, (*looking.answer, *(one for one in more if "answer" in one.sides)), asked, mask, {}
        )
        asking = (*looking.request, *(one for one in more if "request" in one.sides))

        def with_deployment(deployment: str) -> Conversation | None:
            if not (story.guards or mask):
                return None
            still = partial(self._standing.still, story, head, deployment)
            return Conversation(
                story, asking, behind, still, partial(self._looks.keep, tenant, f"key/{story.principal.key}")
            )

        return with_deployment

    def _queried(
        self, errand: Errand, guards: tuple[Guard, ...], asked: Asked, mask: frozenset[str], found: Screened
    ) -> Screened:
        """The same with what a path and a query say, which can't be edited: what had to be is blocked. Raises: GuardFailed."""
        if not errand.query:
            return found
        texts = [Text("query", "field", errand.query)]
        token, closed_from = partial(self._looks.token, asked.tenant), self._parts.settings.closed_from
        more = screen(texts, guards, asked, "request", token, mask, closed_from=closed_from)
        edited = tuple(one.rule for one in more.findings if not one.shadow) if more.edits else ()
        return structs.replace(
            found,
            findings=(*found.findings, *more.findings),
            blocked=(*found.blocked, *(more.blocked or edited)),
            raises=found.raises if more.raises is None else highest(found.raises, more.raises),
            private=found.private or more.private,
            approve=(*found.approve, *more.approve),
        )

    def _blind(self, story: Story, what: str, guards: tuple[Guard, ...]) -> None:
        """Something of a body could not be read. Raises: GuardBlocked, where that is not let through."""
        rank = RANKS[story.data_class or "public"]
        by_class = rank >= RANKS[self._parts.settings.closed_from]
        closed = [one.name for one in guards if one.closed == "always" or (one.closed == "by_class" and by_class)]
        if closed:
            raise GuardBlocked(
                f"{what} can't be read, so that the guard {closed[0]} can't look at it; send it as text, or let the guard "
                "fail open (`failure`)",
                reasons=(f"{closed[0]}.unreadable",),
            )
        story.notes = (*story.notes, f"guards: {what} could not be read")


def _check(story: Story, errand: Errand) -> None:
    """Whether an account may be asked. Raises: PolicyDenied, NotAllowed, ApprovalRefused."""
    verdict = story.allowed
    if not verdict.allowed or errand.deployment in verdict.excluded:
        raise refusal(_why(verdict, errand), story.principal, errand.model or errand.account)
    if verdict.obligations.approve:
        raise ApprovalRefused(NOBODY)


def _why(verdict: Verdict, errand: Errand) -> Verdict:
    """A verdict that leaves the account out, with the rules that do."""
    why = dict(zip(verdict.excluded, verdict.why, strict=False)).get(errand.deployment)
    return structs.replace(verdict, reasons=tuple(why.split(","))) if why else verdict


def _read(errand: Errand) -> Bodies:
    """What can be read of an errand's body. What is compressed is not: it may become a thousand times as long."""
    if errand.coding:
        return Bodies(
            body=errand.body, pieces=(), blind=f"a body in the coding {errand.coding.decode('latin-1')[:32]!r}"
        )
    return read_body(errand.body, errand.content_type)
