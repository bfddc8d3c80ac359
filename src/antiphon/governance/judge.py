"""A guard that has to ask somebody else: what it is asked about, and what its answer, its silence and its failure mean."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from antiphon.calls.story import Story
from antiphon.core.data_class import RANKS, DataClass
from antiphon.core.error import AntiphonError, GuardFailed, UpstreamTimeout
from antiphon.core.finding import Channel, Side
from antiphon.governance.settings import DataClassSettings
from antiphon.guards.piece import Found
from antiphon.guards.port import Asked, Detector, Guard, Match, Screened, Text
from antiphon.guards.screen import Rules, applies, finding_of
from antiphon.guards.settings import GuardSettings
from antiphon.guards.settings_judge import JudgeSettings, StreamWhen, WebhookSettings, When

NOTHING = Screened()
SPOKEN: frozenset[Channel] = frozenset(("user", "tool", "assistant", "arguments"))
"""Texts of requests that are asked about where nothing else is said: not what the operator wrote."""
THRESHOLD = 0.5
_CLOSED: Mapping[str, Literal["always", "never", "by_class"]] = MappingProxyType(
    {"closed": "always", "open": "never", "by_class": "by_class"}
)


class Place(Match, frozen=True, gc=False):
    """A match in one of several texts."""

    text: int = -1
    """Which of the texts; -1: all of them together."""


class Unasked(Detector):
    """Stands where a detector does. A judge has none: it finds nothing by itself."""

    def find(self, text: str) -> Sequence[Match]:
        return ()


UNASKED = Unasked()


class Judge(ABC):
    """One such guard, under one revision."""

    def __init__(self, guard: Guard, settings: JudgeSettings | WebhookSettings, classes: DataClassSettings) -> None:
        self.guard = guard
        self.when: When = settings.when
        self.stream: StreamWhen = settings.stream
        self.window_characters = settings.window_characters
        self._timeout_s = settings.timeout_s
        self._classes = classes

    def looks(self, asked: Asked, side: Side) -> bool:
        """Whether it is asked about this side of this request."""
        return applies(self.guard, asked, side)

    async def judge(self, texts: Sequence[Text], asked: Asked, story: Story, side: Side) -> Screened:
        """Ask about texts, and decide what the answer means. Nothing is edited by it.

        Raises: GuardFailed, where it failed and nothing passes without it.
        """
        fit = [text for text in texts if text.text.strip() and (side == "answer" or self._meant(text))]
        if not fit:
            return NOTHING
        if self.guard.name not in story.guards:
            story.guards = (*story.guards, self.guard.name)
        rules = Rules(side=side, data_class=asked.data_class, closed_from=self._classes.closed_from)
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._ask(fit, asked, story, side)
        except TimeoutError as error:
            late = UpstreamTimeout(f"no answer within {self._timeout_s:g} s")
            late.__cause__ = error
            return Screened(findings=(rules.failed(self.guard, "", late),))
        except AntiphonError as error:
            return Screened(findings=(rules.failed(self.guard, "", error),))
        return self._decided(found, fit, rules)

    def private_only(self, asked: Asked, story: Story) -> bool:
        """Whether only what is private may see this request."""
        least: DataClass | None = self._classes.private_from
        return story.allowed.private or (least is not None and RANKS[asked.data_class] >= RANKS[least])

    def _meant(self, text: Text) -> bool:
        return text.channel in (SPOKEN if self.guard.channels is None else self.guard.channels)

    def _decided(self, found: Sequence[Place], texts: Sequence[Text], rules: Rules) -> Screened:
        guard, side = self.guard, rules.side
        strong = [one for one in found if one.score >= guard.threshold]
        decided = [(one, Found(guard, one, rules.decide(guard, one))) for one in strong]
        decided = [(one, it) for one, it in decided if it.decision.action != "allow"]
        if not decided:
            return NOTHING
        enforced = [it for _, it in decided if not it.decision.shadow]

        def ruled(action: str) -> tuple[str, ...]:
            return tuple(sorted({it.match.rule for it in enforced if it.decision.action == action}))

        return Screened(
            findings=tuple(
                finding_of(it, texts[one.text].where if one.text >= 0 else _common(texts), side) for one, it in decided
            ),
            blocked=ruled("block"),
            approve=ruled("approve"),
            private=bool(ruled("route_private")),
            raises=guard.raises if enforced and side == "request" else None,
        )

    @abstractmethod
    async def _ask(self, texts: Sequence[Text], asked: Asked, story: Story, side: Side) -> list[Place]:
        """What was found. Raises: AntiphonError; whatever it is, the guard has failed."""


def _common(texts: Sequence[Text]) -> str:
    """Where a finding is that is of all texts together."""
    return texts[0].where if len(texts) == 1 else ""


def guard_of(name: str, kind: str, settings: GuardSettings) -> Guard:
    """What is done about what such a guard finds."""
    action = settings.action or "block"
    usual = THRESHOLD if kind == "model" else 0.0
    return Guard(
        name=name,
        kind=kind,
        detector=UNASKED,
        sides=frozenset(settings.on) or frozenset(("request", "answer")),
        channels=frozenset(settings.channels) or None,
        action=action,
        answer_action=settings.answer_action or action,
        actions=tuple(settings.actions.items()),
        shadow=settings.mode == "shadow",
        closed=_CLOSED[settings.failure],
        raises=settings.raises,
        routes=frozenset(settings.routes) or None,
        threshold=usual if settings.threshold is None else settings.threshold,
    )


def not_asked(name: str) -> GuardFailed:
    """It would have seen what only the private may."""
    return GuardFailed(f"the guard `{name}` is not asked about what only private services may see")
