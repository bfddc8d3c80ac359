"""Where a request stands: how sensitive it is, what policy says of it, and what follows from that."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import structs

from antiphon.calls.story import Story
from antiphon.core.data_class import RANKS, DataClass, highest
from antiphon.core.finding import UNTRUSTED
from antiphon.core.principal import Principal
from antiphon.core.request import Head, Lineage, Request
from antiphon.core.verdict import Verdict
from antiphon.governance.labels import in_body, labelled, purpose
from antiphon.governance.parts import Errand, Parts
from antiphon.guards.port import Screened
from antiphon.guards.texts import Texts
from antiphon.policy.asked import Budget, Context, Resource
from antiphon.signals.about import About
from antiphon.signals.said import Unread, said
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codecs import CODECS

NOTHING = Screened()
LOW = 0.8
"""A budget runs low once this share of it is used."""
POLICY_FACTS = {"language": "text.language", "task": "task.name", "domain": "domain.name"}
"""Facts that policies can read, by their word for each."""
DISCLOSED = b"x-antiphon-disclosure: ai-generated\r\n"
_EVERYTHING = "*"
_MODALITIES = {"images": "image", "audio": "audio", "files": "file"}


class Standing:
    """Tells stories their class, and judges them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.policies = parts.policies

    def judge(self, story: Story, head: Head) -> Verdict:
        """What policy says of a request that nobody looked at: nothing is known of its texts."""
        return self.policies.verdict(story.principal, self._context(story, head, NOTHING), self._parts.deployments)

    def spent(self, story: Story, context: Context, used: float) -> Verdict:
        """The verdict with this share of the fullest budget used; it may only narrow."""
        budget: Budget = "spent" if used >= 1 else "low" if used >= LOW else "ok"
        if budget == context.budget:
            return story.allowed
        story.context = context = structs.replace(context, budget=budget)
        return narrowed(story.allowed, self.policies.verdict(story.principal, context, self._parts.deployments))

    def stated(self, story: Story) -> DataClass:
        """How sensitive a request is said to be, its body aside. Raises: BadRequest."""
        return highest(self._parts.settings.default, labelled(story.arrival.headers), story.principal.data_class)

    async def labelled(self, story: Story, request: Request) -> DataClass:
        """How sensitive a request is said to be. Raises: BadRequest."""
        body = request.body
        long = body.size_bytes >= LONG_BYTES
        said_in = await asyncio.to_thread(in_body, body) if long else in_body(body)
        return highest(self.stated(story), said_in, self._of_tools(request), request.data_class)

    def _of_tools(self, request: Request) -> DataClass | None:
        """The highest class of the tools that a request brings; None: none has one. What can't be read counts as them all."""
        classes = self._parts.settings.tools
        if not classes or "tools" not in request.head.needs:
            return None
        try:
            names = said(request).tools
        except Unread:
            return highest(*classes.values())
        found: list[DataClass | None] = [classes.get(name) for name in names]
        return highest(*found)

    async def judged(self, story: Story, request: Request, found: Screened, texts: Texts | None) -> Verdict:
        """The class that a request is of, and what policy says of it. Raises: StoreError."""
        await self.classed(story, found, request.lineage.session)
        story.context = context = self._context(story, request.head, found, request, texts)
        return self.policies.verdict(story.principal, context, self._parts.deployments)

    async def account(self, story: Story, errand: Errand, found: Screened, lineage: Lineage) -> Verdict:
        """What policy says of asking an account as it is. Raises: StoreError."""
        await self.classed(story, found, lineage.session)
        context = self._errand(story, errand, found, lineage)
        verdict = self.policies.verdict(story.principal, context, self._parts.accounts)
        if not errand.own:
            return verdict
        own = self.policies.verdict(story.principal, context, self._parts.deployments)
        if own.allowed and errand.own not in own.excluded:
            return verdict
        why = dict(zip(own.excluded, own.why, strict=False)).get(errand.own, "")
        return structs.replace(verdict, allowed=False, reasons=tuple(why.split(",")) if why else own.reasons)

    async def tool(self, story: Story, resource: Resource, found: Screened, lineage: Lineage) -> Verdict:
        """What policy says of using a tool. Raises: StoreError."""
        await self.classed(story, found, lineage.session)
        context = self._circumstances(story, "", found, lineage.session)
        story.context = context = structs.replace(context, operation="tool", tools=frozenset((resource.name,)))
        return self.policies.may(story.principal, "use_tool", resource, context)

    def barred(self, story: Story, errand: Errand, found: Screened, lineage: Lineage) -> Mapping[str, str]:
        """Deployments that what a file asks for may not go to, with the rules that leave them out."""
        if errand.operation != "files":
            return {}
        deployments = self._parts.deployments
        verdict = self.policies.verdict(story.principal, self._errand(story, errand, found, lineage), deployments)
        if not verdict.allowed:
            return dict.fromkeys(deployments, ", ".join(verdict.reasons))
        return dict(zip(verdict.excluded, verdict.why, strict=False))

    def _errand(self, story: Story, errand: Errand, found: Screened, lineage: Lineage) -> Context:
        context = self._circumstances(story, errand.model, found, lineage.session)
        return structs.replace(context, operation=errand.operation)

    def still(self, story: Story, head: Head, deployment: str, found: Screened) -> bool:
        """Whether a session may go on with its deployment, after what was found."""
        settings = self._parts.settings
        raised = highest(story.data_class or settings.default, found.raises)
        if found.private and settings.private_from is not None:
            raised = highest(raised, settings.private_from)
        story.data_class = raised
        verdict = narrowed(
            story.allowed,
            self.policies.verdict(story.principal, self._context(story, head, found), self._parts.deployments),
        )
        return verdict.allowed and deployment not in verdict.excluded and not found.approve

    async def classed(self, story: Story, found: Screened, session: str) -> None:
        """Tell a story its class, by what was found and by the session that it is of. Raises: StoreError."""
        settings = self._parts.settings
        least = self.raised(story.data_class or settings.default, found)
        if settings.sessions and session and not story.explains:
            least = await self._parts.sessions.raised(story.principal.tenant, session, least)
        story.data_class = least

    def raised(self, data_class: DataClass, found: Screened) -> DataClass:
        """A class, with what was found."""
        settings = self._parts.settings
        least = highest(data_class, found.raises)
        return highest(least, settings.private_from) if found.private else least

    async def before(self, story: Story, stated: DataClass, session: str) -> DataClass:
        """A class, with that of the session so far. Raises: StoreError."""
        if not self._parts.settings.sessions or not session or story.explains:
            return stated
        return await self._parts.sessions.raised(story.principal.tenant, session, stated)

    def may_see(self, principal: Principal, data_class: DataClass | None) -> bool:
        """Whether a caller gets back what was masked in its own request."""
        clearance = principal.clearance
        cleared = clearance is None or RANKS[clearance] >= RANKS[data_class or "public"]
        return self._parts.settings.restore and cleared

    def oblige(self, story: Story, verdict: Verdict) -> None:
        """Do what the verdict obliges to, as far as it is done here; again, where more was found since."""
        obliged, hide = verdict.obligations, self._parts.settings.hide_from
        hidden = hide is not None and RANKS[story.data_class or "public"] >= RANKS[hide]
        story.unseen = hidden or obliged.log in ("none", "metadata")
        if obliged.disclose and DISCLOSED not in story.lines:
            story.lines += DISCLOSED

    def _context(
        self,
        story: Story,
        head: Head,
        found: Screened,
        request: Request | None = None,
        texts: Texts | None = None,
    ) -> Context:
        session = "" if request is None else request.lineage.session
        tainted = _tainted(texts) or (request is not None and request.tainted)
        return structs.replace(
            self._circumstances(story, head.model, found, session, tainted=tainted),
            operation=CODECS[head.dialect].operation,
            modalities=frozenset(word for need, word in _MODALITIES.items() if need in head.needs) | {"text"},
            tools=self._tools(request),
            facts=self._facts(story, request),
            recipe=self._parts.recipes.get(head.model, ""),
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

    def _facts(self, story: Story, request: Request | None) -> frozenset[str]:
        """Facts as policies read them, where they do: `language:de`, `task:code`, `domain:law`."""
        extractor = self._parts.extractor
        if request is None or extractor is None or not self.policies.reads("facts"):
            return frozenset()
        about = About(
            request=request, principal=story.principal, headers=story.arrival.headers, now_ns=story.arrival.at_ns
        )
        facts = extractor.facts(about)
        found = ((word, facts.value(name)) for word, name in POLICY_FACTS.items())
        return frozenset(f"{word}:{value}" for word, value in found if isinstance(value, str) and value)

    def _tools(self, request: Request | None) -> frozenset[str]:
        """Names of a request's tools, where policies read them."""
        if request is None or not self.policies.reads("tools") or "tools" not in request.head.needs:
            return frozenset()
        try:
            return frozenset(said(request).tools)
        except Unread:
            return frozenset({_EVERYTHING})


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


def _tainted(texts: Texts | None) -> bool:
    """Whether something is among them that nobody wrote who may instruct a model."""
    return texts is not None and any(one.channel in UNTRUSTED for one in texts.items)
