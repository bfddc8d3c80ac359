"""The guards of a revision, and how they are run over texts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct, structs

from antiphon.calls.story import Story
from antiphon.core.body import Body
from antiphon.core.error import GuardFailed
from antiphon.core.verdict import Verdict
from antiphon.governance.answers import Behind
from antiphon.governance.parts import Looking, Parts
from antiphon.governance.standing import Standing, narrowed
from antiphon.guards.port import Asked, Guard, Screened, Text
from antiphon.guards.screen import screen
from antiphon.wire.bounds import LONG_BYTES

FINDERS = frozenset(("pii", "presidio", "secrets", "regex", "python"))
"""Kinds of guards that find what can be masked."""
NOTHING_MORE: tuple[frozenset[str], tuple[Guard, ...]] = (frozenset(), ())
MOST_ROUTES = 4096
"""Names of models whose guards are kept; callers may name any, so that above it all are forgotten."""
MOST_LOOKS = 4
"""Looks at one request: policies may oblige to more by what the guards find that they obliged to."""


class Looked(Struct, frozen=True, kw_only=True):
    """What guards and policies say of a request, once policies oblige to nothing that wasn't done."""

    found: Screened
    verdict: Verdict
    mask: frozenset[str]
    more: tuple[Guard, ...]
    """Guards that policies want beside those of the route."""

    def answers(self, looking: Looking) -> tuple[Guard, ...]:
        """Guards of the answer."""
        return (*looking.answer, *(one for one in self.more if "answer" in one.sides))


class Looks:
    """Knows which guards look at what."""

    def __init__(self, parts: Parts, standing: Standing) -> None:
        self._parts = parts
        self._standing = standing
        self._looking: dict[str, Looking] = {}
        self._named = {one.name: structs.replace(one, routes=None) for one in parts.guards}
        """As policies oblige to them: whichever the route."""

    def of(self, route: str) -> Looking:
        known = self._looking.get(route)
        if known is None:
            if len(self._looking) >= MOST_ROUTES:
                self._looking.clear()
            mine = [one for one in self._parts.guards if one.routes is None or route in one.routes]
            known = self._looking[route] = Looking(
                request=tuple(one for one in mine if "request" in one.sides),
                answer=tuple(one for one in mine if "answer" in one.sides),
                names=tuple(one.name for one in mine),
                wants_system=any(one.kind == "leak" for one in mine),
            )
        return known

    def more(self, verdict: Verdict, looking: Looking) -> tuple[frozenset[str], tuple[Guard, ...]]:
        """What a verdict obliges to mask, and the guards that it wants beside those of the route.

        Raises: GuardFailed, where it obliges to what no guard here does.
        """
        obliged = verdict.obligations
        if not (obliged.mask or obliged.guards):
            return NOTHING_MORE
        missing = [name for name in obliged.guards if name not in self._named]
        if missing:
            raise GuardFailed(
                f"a policy obliges to the guard {missing[0]!r}, and none of this name looks for itself here; add it under "
                "`guards`, or change `@guards`"
            )
        wanted = tuple(self._named[name] for name in obliged.guards)
        mine = (*looking.request, *looking.answer)
        if obliged.mask and not any(one.kind in FINDERS for one in (*mine, *wanted)):
            raise GuardFailed(
                "a policy obliges to mask, and no guard here finds what; add one of kind `pii` under `guards`"
            )
        return frozenset(obliged.mask), tuple(one for one in wanted if one.name not in looking.names)

    async def looked(
        self,
        looking: Looking,
        look: Callable[[tuple[Guard, ...], frozenset[str]], Awaitable[Screened]],
        judge: Callable[[Screened], Awaitable[Verdict]],
    ) -> Looked:
        """Look and judge until policies oblige to nothing more. Raises: GuardFailed, StoreError."""
        mask, more = NOTHING_MORE
        found = await look(looking.request, mask)
        verdict = await judge(found)
        for _ in range(MOST_LOOKS):
            kinds, wanted = self.more(verdict, looking)
            late = tuple(one for one in wanted if one not in more)
            if kinds <= mask and not late:
                return Looked(found=found, verdict=verdict, mask=mask, more=more)
            mask, more = mask | kinds, (*more, *late)
            found = await look((*looking.request, *(one for one in more if "request" in one.sides)), mask)
            verdict = narrowed(verdict, await judge(found))
        raise GuardFailed(
            f"policies oblige to more than {MOST_LOOKS} looks at one request; change `@guards` or `@mask`"
        )

    def check_late(self, verdict: Verdict, story: Story, looked: Looked) -> None:
        """See that a verdict that came late obliges to nothing that is done before. Raises: GuardFailed."""
        late = verdict.obligations
        if not looked.mask.issuperset(late.mask) or not {*story.guards}.issuperset(late.guards):
            raise GuardFailed("a policy obliges to mask or to look once a judge has spoken, when it is too late for it")

    async def screened(
        self,
        texts: Sequence[Text],
        guards: tuple[Guard, ...],
        asked: Asked,
        mask: frozenset[str],
        tenant: str,
        body: Body,
    ) -> Screened:
        """Texts of a request, looked at; long ones beside the loop. Raises: GuardFailed, StoreError."""
        if self._parts.vault is not None:
            await self._parts.vault.ready(tenant)
        token = partial(self.token, tenant)
        look = partial(
            screen, texts, guards, asked, "request", token, mask, closed_from=self._parts.settings.closed_from
        )
        return look() if body.size_bytes < LONG_BYTES else await asyncio.to_thread(look)

    def behind(
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
            token=partial(self.token, asked.tenant),
            restore=restore,
            restores=self._standing.may_see(story.principal, story.data_class),
            keep=partial(self.keep, asked.tenant, f"key/{story.principal.key}"),
            mask=mask,
            closed_from=parts.settings.closed_from,
            capture_most_bytes=0 if story.unseen else parts.capture_most_bytes,
        )

    def keep(self, tenant: str, subject: str, tokens: Mapping[str, str]) -> None:
        """Keep what tokens stand for, before they leave. Raises: StoreError."""
        if self._parts.vault is not None:
            self._parts.vault.keep_now(tenant, subject, tokens)

    def token(self, tenant: str, kind: str, value: str) -> str:
        if self._parts.vault is None:
            raise ValueError("masking needs a vault")
        return self._parts.vault.token(tenant, kind, value)
