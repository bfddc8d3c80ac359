"""Governs requests: how sensitive one is, what guards make of it, what policy says, who has to be asked, and what its answer
has to pass.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec
from msgspec import Struct, structs

from antiphon.calls.story import Story
from antiphon.core.body import Body
from antiphon.core.data_class import RANKS, DataClass, highest
from antiphon.core.error import ApprovalRefused, GuardFailed
from antiphon.core.finding import UNTRUSTED
from antiphon.core.ports import Reply
from antiphon.core.principal import Principal
from antiphon.core.request import NO_LINEAGE, Head, Lineage, Request
from antiphon.core.verdict import Verdict
from antiphon.governance.answers import Behind, Judges
from antiphon.governance.blocked import blocked
from antiphon.governance.bodies import read as read_body
from antiphon.governance.labels import DATA_CLASS, in_metadata, labelled, purpose
from antiphon.governance.parts import Errand, Governed, Looking, Parts
from antiphon.governance.reply import GoverningReply
from antiphon.guards.port import Asked, Guard, Screened, Text
from antiphon.guards.screen import screen
from antiphon.guards.texts import Texts, edited_request, texts_of
from antiphon.policy.asked import Context
from antiphon.policy.verdict import refusal
from antiphon.signals.said import Unread, said
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codecs import CODECS

NOTHING = Screened()
_EVERYTHING = "*"
_MODALITIES = {"images": "image", "audio": "audio", "files": "file"}
_METADATA = b'"data_class"'


class _Labels(Struct):
    data_class: object = None


class _Body(Struct):
    metadata: _Labels | None = None


_metadata = msgspec.json.Decoder(_Body)


class Governor:
    """Governs requests under one revision."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._looking: dict[str, Looking] = {}
        self._named = {one.name: one for one in parts.guards}
        self._policies = parts.policies
        self.always = parts.always

    def governs(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request has to be admitted: where nothing is configured, only one that says its class."""
        return self.always or DATA_CLASS in headers

    def judge(self, story: Story, head: Head) -> Verdict:
        """What policy says of a request that nobody looked at: nothing is known of its texts."""
        return self._policies.verdict(story.principal, self._context(story, head, NOTHING), self._parts.deployments)

    async def admit(self, story: Story, request: Request, reply: Reply) -> tuple[Request, Reply]:
        """Let a request in: as it may be sent, and the reply that its answer has to go by. The story is told of all of it.

        Raises: BadRequest (a label that is none), GuardBlocked, GuardFailed, PolicyDenied, NotAllowed, ApprovalPending,
            ApprovalRefused, StoreError.
        """
        parts, head = self._parts, request.head
        story.data_class = least = self._labelled(story, request)
        looking, asking = self._for(head.model), parts.asking
        judged = asking is not None and asking.before(head.model)
        reads = bool(looking.request) or looking.wants_system or judged or self._policies.reads("tainted")
        texts = await _texts(request) if reads else None
        asked = Asked(tenant=story.principal.tenant, route=head.model, data_class=least, system=_system(looking, texts))
        found, guards = NOTHING, looking.request
        story.guards = looking.names
        if guards and texts is not None:
            found = await self._screened(texts.items, guards, asked, frozenset(), asked.tenant, request.body)
        verdict = await self._judged(story, request, found, texts)
        mask, more = self._more(verdict, looking)
        if mask or more:
            texts = texts or await _texts(request)
            guards = (*guards, *(one for one in more if "request" in one.sides))
            found = await self._screened(texts.items, guards, asked, mask, asked.tenant, request.body)
            verdict = narrowed(verdict, await self._judged(story, request, found, texts))
            story.guards = (*story.guards, *(one.name for one in more))
        story.verdict = verdict
        story.findings = list(found.findings)
        if found.blocked:
            raise blocked(found, "request")
        if not verdict.allowed:
            raise refusal(verdict, story.principal, head.model)
        self._oblige(story, verdict)
        if found.tokens and parts.vault is not None and not story.explains:
            await parts.vault.keep(story.principal.tenant, subject_of(story, request), dict(found.tokens))
        if found.edits and texts is not None:
            request = edited_request(request, found.edits, texts)
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
        restore = dict(found.tokens) if found.tokens and self._may_see(story.principal, story.data_class) else {}
        if not (answers or mask or restore or pending or judges is not None):
            return request, reply
        story.masked = True
        behind = structs.replace(self._behind(story, answers, asked, mask, restore), pending=pending, judges=judges)
        return request, GoverningReply(reply, story, behind, head.dialect)

    async def errand(self, story: Story, errand: Errand, lineage: Lineage = NO_LINEAGE) -> Governed:
        """Let in what goes upstream and is no model call. The story is told of all of it.

        Raises: as `admit`; GuardFailed, where its body can't be read and a guard would have to look at it.
        """
        parts, tenant = self._parts, story.principal.tenant
        story.data_class = least = highest(
            parts.settings.default, labelled(story.arrival.headers), story.principal.data_class
        )
        looking = self._for(errand.model)
        story.guards = looking.names
        asked = Asked(tenant=tenant, route=errand.model, data_class=least)
        read = await asyncio.to_thread(read_body, errand.body, errand.content_type) if looking.request else None
        found = NOTHING
        if read is not None:
            found = await self._screened(read.items, looking.request, asked, frozenset(), tenant, errand.body)
        verdict = await self._account(story, errand, found, lineage)
        mask, more = self._more(verdict, looking)
        if mask or more:
            read = read or await asyncio.to_thread(read_body, errand.body, errand.content_type)
            guards = (*looking.request, *(one for one in more if "request" in one.sides))
            found = await self._screened(read.items, guards, asked, mask, tenant, errand.body)
            verdict = narrowed(verdict, await self._account(story, errand, found, lineage))
            story.guards = (*story.guards, *(one.name for one in more))
        story.verdict, story.findings = verdict, list(found.findings)
        if read is not None and read.blind:
            self._blind(story, read.blind, looking.request)
        if found.blocked:
            raise blocked(found, "request")
        if not verdict.allowed or errand.deployment in verdict.excluded:
            raise refusal(verdict, story.principal, errand.model or errand.account)
        self._oblige(story, verdict)
        if found.approve or verdict.obligations.approve:
            raise ApprovalRefused("what has to be approved by a person can't be sent here; ask by a model call")
        if found.tokens and parts.vault is not None:
            await parts.vault.keep(tenant, f"key/{story.principal.key}", dict(found.tokens))
        answers = (*looking.answer, *(one for one in more if "answer" in one.sides))
        restore = dict(found.tokens) if found.tokens and self._may_see(story.principal, story.data_class) else {}
        behind = None
        if answers or mask or restore:
            behind = self._behind(story, answers, asked, mask, restore)
        body = errand.body if read is None or not found.edits else read.edited(found.edits)
        return Governed(body=body, behind=behind)

    # --- guards

    def _behind(
        self,
        story: Story,
        guards: tuple[Guard, ...],
        asked: Asked,
        mask: frozenset[str],
        restore: Mapping[str, str],
    ) -> Behind:
        parts = self._parts
        return Behind(
            guards=guards,
            asked=structs.replace(asked, data_class=story.data_class or asked.data_class),
            token=partial(self._token, asked.tenant),
            restore=restore,
            mask=mask,
            closed_from=parts.settings.closed_from,
            capture_most_bytes=0 if story.unseen else parts.capture_most_bytes,
        )

    def _blind(self, story: Story, what: str, guards: tuple[Guard, ...]) -> None:
        """Something of a body could not be read. Raises: GuardFailed, where that is not let through."""
        rank = RANKS[story.data_class or "public"]
        by_class = rank >= RANKS[self._parts.settings.closed_from]
        closed = [one.name for one in guards if one.closed == "always" or (one.closed == "by_class" and by_class)]
        if closed:
            raise GuardFailed(
                f"{what} can't be read, so that the guard {closed[0]} can't look at it; send it as text, or let the guard "
                "fail open (`failure`)"
            )
        story.notes = (*story.notes, f"guards: {what} could not be read")

    def _more(self, verdict: Verdict, looking: Looking) -> tuple[frozenset[str], tuple[Guard, ...]]:
        """What a verdict obliges to mask, and the guards that it wants beside those of the route."""
        obliged = verdict.obligations
        more = tuple(self._named[name] for name in obliged.guards if name in self._named)
        return frozenset(obliged.mask), tuple(
            one for one in more if one not in looking.request and one not in looking.answer
        )

    async def _account(self, story: Story, errand: Errand, found: Screened, lineage: Lineage) -> Verdict:
        """What policy says of asking an account as it is. Raises: StoreError."""
        await self._classed(story, found, lineage.session)
        context = structs.replace(
            self._circumstances(story, errand.model, found, lineage.session), operation=errand.operation
        )
        return self._policies.verdict(story.principal, context, self._parts.accounts)

    def _for(self, route: str) -> Looking:
        known = self._looking.get(route)
        if known is None:
            mine = [one for one in self._parts.guards if one.routes is None or route in one.routes]
            known = self._looking[route] = Looking(
                request=tuple(one for one in mine if "request" in one.sides),
                answer=tuple(one for one in mine if "answer" in one.sides),
                names=tuple(one.name for one in mine),
                wants_system=any(one.kind == "leak" for one in mine),
            )
        return known

    async def _screened(
        self,
        texts: Sequence[Text],
        guards: tuple[Guard, ...],
        asked: Asked,
        mask: frozenset[str],
        tenant: str,
        body: Body,
    ) -> Screened:
        """Texts of a request, looked at; long ones beside the loop. Raises: GuardFailed."""
        token = partial(self._token, tenant)
        look = partial(
            screen, texts, guards, asked, "request", token, mask, closed_from=self._parts.settings.closed_from
        )
        return look() if body.size_bytes < LONG_BYTES else await asyncio.to_thread(look)

    def _token(self, tenant: str, kind: str, value: str) -> str:
        if self._parts.vault is None:
            raise ValueError("masking needs a vault")
        return self._parts.vault.token(tenant, kind, value)

    def _may_see(self, principal: Principal, data_class: DataClass | None) -> bool:
        """Whether a caller gets back what was masked in its own request."""
        clearance = principal.clearance
        cleared = clearance is None or RANKS[clearance] >= RANKS[data_class or "public"]
        return self._parts.settings.restore and cleared

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
            story.verdict = verdict = narrowed(story.allowed, await self._judged(story, request, found, texts))
            if not verdict.allowed:
                raise refusal(verdict, story.principal, request.head.model)
        pending = asking.beside(story, texts, asked)
        for task in pending:
            self._parts.spawn(task)
        return pending, asking.answers(story, asked)

    # --- class and verdict

    def _labelled(self, story: Story, request: Request) -> DataClass:
        """How sensitive a request is said to be. Raises: BadRequest."""
        said_by = highest(self._parts.settings.default, labelled(story.arrival.headers), story.principal.data_class)
        body = request.body
        if body.size_bytes < LONG_BYTES and _METADATA in body.whole():
            try:
                found = _metadata.decode(body.whole())
            except msgspec.MsgspecError:
                found = _Body()
            said_by = highest(said_by, None if found.metadata is None else in_metadata(found.metadata.data_class))
        return said_by

    async def _judged(self, story: Story, request: Request, found: Screened, texts: Texts | None) -> Verdict:
        """The class that a request is of, and what policy says of it. Raises: StoreError."""
        await self._classed(story, found, request.lineage.session)
        context = self._context(story, request.head, found, request, texts)
        return self._policies.verdict(story.principal, context, self._parts.deployments)

    async def _classed(self, story: Story, found: Screened, session: str) -> None:
        """Tell a story its class, by what was found and by the session that it is of. Raises: StoreError."""
        settings = self._parts.settings
        least = highest(story.data_class or settings.default, found.raises)
        if found.private and settings.private_from is not None:
            least = highest(least, settings.private_from)
        if settings.sessions and session and not story.explains:
            least = await self._parts.sessions.raised(story.principal.tenant, session, least)
        story.data_class = least

    def _context(
        self,
        story: Story,
        head: Head,
        found: Screened,
        request: Request | None = None,
        texts: Texts | None = None,
    ) -> Context:
        session = "" if request is None else request.lineage.session
        return structs.replace(
            self._circumstances(story, head.model, found, session, tainted=texts is not None and _tainted(texts)),
            operation=CODECS[head.dialect].operation,
            modalities=frozenset(word for need, word in _MODALITIES.items() if need in head.needs) | {"text"},
            tools=self._tools(request),
        )

    def _circumstances(
        self, story: Story, model: str, found: Screened, session: str, *, tainted: bool = False
    ) -> Context:
        at = datetime.fromtimestamp(story.arrival.at_ns / 1e9, UTC)
        scores = [one.score for one in found.findings if one.kind == "injection"]
        return Context(
            data_class=story.data_class or self._parts.settings.default,
            model=model,
            route=model,
            purpose=purpose(story.arrival.headers),
            findings=frozenset(one.kind for one in found.findings if not one.shadow),
            injection=int(100 * max(scores, default=0.0)),
            tainted=tainted,
            session=bool(session),
            hour=at.hour,
            weekday=at.isoweekday(),
            lot=session,
        )

    def _tools(self, request: Request | None) -> frozenset[str]:
        """Names of a request's tools, where policies read them."""
        if request is None or not self._policies.reads("tools") or "tools" not in request.head.needs:
            return frozenset()
        try:
            return frozenset(said(request).tools)
        except Unread:
            return frozenset({_EVERYTHING})

    def _oblige(self, story: Story, verdict: Verdict) -> None:
        """Do what the verdict obliges to, as far as it is done here."""
        obliged, hide = verdict.obligations, self._parts.settings.hide_from
        hidden = hide is not None and RANKS[story.data_class or "public"] >= RANKS[hide]
        story.unseen = hidden or obliged.log in ("none", "metadata")
        if obliged.disclose:
            story.lines += b"x-antiphon-disclosure: ai-generated\r\n"


def narrowed(first: Verdict, final: Verdict) -> Verdict:
    """The final verdict, with whatever the first excluded left out too."""
    gone = [(name, why) for name, why in zip(first.excluded, first.why, strict=False) if name not in final.excluded]
    if not gone and (first.allowed or not final.allowed) and first.private <= final.private:
        return final
    return structs.replace(
        final,
        allowed=final.allowed and first.allowed,
        excluded=(*final.excluded, *(name for name, _ in gone)),
        why=(*final.why, *(why for _, why in gone)),
        private=final.private or first.private,
    )


def subject_of(story: Story, request: Request) -> str:
    """Whose data a request's content is: the end user that it names, else its session, else its key."""
    head, lineage = request.head, request.lineage
    if head.user:
        return f"user/{head.user}"
    return f"session/{lineage.session}" if lineage.session else f"key/{story.principal.key}"


def _tainted(texts: Texts) -> bool:
    """Whether something is among them that nobody wrote who may instruct a model."""
    return any(one.channel in UNTRUSTED for one in texts.items)


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
