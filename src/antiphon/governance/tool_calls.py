"""Governs calls of tools that callers make themselves: arguments and results pass the same guards as requests and answers."""

import asyncio

import msgspec
from msgspec import Struct, structs

from antiphon.calls.story import Story
from antiphon.core.body import Body
from antiphon.core.data_class import RANKS, DataClass, highest
from antiphon.core.error import GuardFailed, NotAllowed
from antiphon.core.request import Lineage
from antiphon.core.tool import Tool
from antiphon.governance.answers import Behind, screened
from antiphon.governance.blocked import blocked
from antiphon.governance.bodies import Bodies, read
from antiphon.governance.looks import Looked, Looks
from antiphon.governance.parts import Parts
from antiphon.governance.standing import NOTHING, Standing, narrowed
from antiphon.guards.port import Asked, Guard, Screened
from antiphon.policy.asked import Resource
from antiphon.policy.verdict import refusal

JSON = b"application/json"


class AdmittedCall(Struct, frozen=True, kw_only=True):
    """A call as it may be made."""

    arguments: dict[str, object]
    """As guards leave them."""
    approve: tuple[str, ...] = ()
    """Why a person has to approve it: policies and guards by name; empty: nobody has to."""
    behind: Behind | None = None
    """What its result has to pass."""


class ToolCalls:
    """Lets calls of tools in."""

    def __init__(self, parts: Parts, standing: Standing, looks: Looks) -> None:
        self._parts = parts
        self._standing = standing
        self._looks = looks

    async def admit(self, story: Story, resource: Resource, tool: Tool, said: bytes, lineage: Lineage) -> AdmittedCall:
        """Let a call in. The story is told of all of it.

        Args:
            said: The arguments, JSON.
        Raises: BadRequest, GuardBlocked, GuardFailed, PolicyDenied, NotAllowed, StoreError.
        """
        route, tenant, body = route_of(tool.name), story.principal.tenant, Body((said,))
        looking = self._looks.of(route)
        stated = self._standing.stated(story)
        story.data_class = least = highest(stated, tool.data_class)
        given = await self._standing.before(story, stated, lineage.session) if tool.takes is not None else stated
        asked = Asked(tenant=tenant, route=route, data_class=least)
        texts: Bodies | None = None

        async def look(own: tuple[Guard, ...], mask: frozenset[str]) -> Screened:
            nonlocal texts
            if not own:
                return NOTHING
            texts = texts or await asyncio.to_thread(read, body, JSON)
            return await self._looks.screened(texts.items, own, asked, mask, tenant, body)

        looked = await self._looks.looked(
            looking, look, lambda found: self._standing.tool(story, resource, found, lineage)
        )
        found, story.verdict, story.findings = looked.found, looked.verdict, list(looked.found.findings)
        story.guards = (*looking.names, *(one.name for one in looked.more))
        if found.blocked:
            raise blocked(found, "request")
        check(story, tool.name)
        if texts is not None and found.edits:
            said = texts.edited(found.edits).whole()
        judged = await self._judged(story, resource, said, asked, looked, lineage)
        takes(tool, self._standing.raised(highest(given, judged), found))
        self._standing.oblige(story, story.allowed)
        if found.tokens and self._parts.vault is not None:
            await self._parts.vault.keep(tenant, f"key/{story.principal.key}", dict(found.tokens))
        answers = looked.answers(looking)
        may_see = found.tokens and self._standing.may_see(story.principal, story.data_class)
        restore = dict(found.tokens) if may_see else {}
        behind = None
        if answers or looked.mask or restore:
            behind = self._looks.behind(story, answers, asked, looked.mask, restore)
        policies = story.allowed.reasons if story.allowed.obligations.approve else ()
        return AdmittedCall(
            arguments=msgspec.json.decode(said, type=dict[str, object]),
            approve=(*(f"policy:{one}" for one in policies), *found.approve),
            behind=behind,
        )

    async def _judged(
        self, story: Story, resource: Resource, said: bytes, asked: Asked, looked: Looked, lineage: Lineage
    ) -> DataClass:
        """Ask those who judge by a call of their own. Returns: the class that they find. Raises: as `admit`."""
        asking = self._parts.asking
        if asking is None or not asking.before(asked.route):
            return "public"
        texts = await asyncio.to_thread(read, Body((said,)), JSON)
        judged = structs.replace(asked, data_class=story.data_class or "public")
        raised = await asking.errand(story, texts.items, judged)
        if not raised:
            return "public"
        story.findings += [finding for finding, _ in raised]
        classes: list[DataClass | None] = [one for _, one in raised]
        found = Screened(findings=tuple(story.findings), raises=highest(*classes))
        story.verdict = narrowed(story.allowed, await self._standing.tool(story, resource, found, lineage))
        check(story, resource.name)
        self._looks.check_late(story.allowed, story, looked)
        return found.raises or "public"


def passed(story: Story, behind: Behind | None, result: bytes) -> bytes:
    """A result, JSON, as the caller may see it. Raises: GuardBlocked, GuardFailed, StoreError."""
    if behind is None:
        return result
    seen = screened(story, behind, result, "")[1]
    try:
        msgspec.json.decode(seen)
    except msgspec.MsgspecError as error:
        raise GuardFailed("a guard left the result as no JSON") from error
    return seen


def check(story: Story, tool: str) -> None:
    """Whether policies let the caller use a tool. Raises: PolicyDenied, NotAllowed."""
    if not story.allowed.allowed:
        raise refusal(story.allowed, story.principal, route_of(tool))


def takes(tool: Tool, data_class: DataClass) -> None:
    """Whether a tool may be given data of a class. Raises: NotAllowed."""
    if tool.takes is not None and RANKS[data_class] > RANKS[tool.takes]:
        raise NotAllowed(too_sensitive(tool.name, tool.takes, data_class), code="tool_not_allowed")


def too_sensitive(name: str, takes: DataClass, data_class: DataClass) -> str:
    """What is said of a tool that may not be given what it would be."""
    return f"{name} is given nothing above {takes}, and this is {data_class}; do without it, or ask an operator"


def route_of(tool: str) -> str:
    """What guards and keys call a tool among routes."""
    return f"tool/{tool}"
