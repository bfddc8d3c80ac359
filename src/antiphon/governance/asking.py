"""Whoever is asked about requests and answers beside the guards that look for themselves: people, models and services."""

import asyncio
from collections.abc import Sequence

from antiphon.calls.deadline import decide
from antiphon.calls.story import Story
from antiphon.core.data_class import DataClass
from antiphon.core.error import ApprovalRefused
from antiphon.core.finding import Finding
from antiphon.core.ports import Origin
from antiphon.core.request import Request
from antiphon.governance.approving import Approving
from antiphon.governance.blocked import blocked
from antiphon.governance.judge import Judge
from antiphon.governance.judge_stream import AnswerJudges, together
from antiphon.governance.judge_webhook import WebhookJudge
from antiphon.guards.port import Asked, Screened, Text
from antiphon.guards.texts import Texts


class Askers:
    """Of one revision: `Asking` for the governor."""

    def __init__(self, judges: Sequence[Judge], approving: Approving | None, max_s: float) -> None:
        """Args:
        approving: None: nobody can be asked, so what has to be approved is refused.
        max_s: The longest that any request may take.
        """
        self._judges = tuple(judges)
        self._approving = approving
        self._max_s = max_s

    @property
    def origins(self) -> set[Origin]:
        """Services that connections are kept to."""
        return {one.origin for one in self._judges if isinstance(one, WebhookJudge)}

    def before(self, route: str) -> bool:
        """Some judges look at requests for a route."""
        return any(one.looks(Asked(route=route), "request") for one in self._judges)

    async def people(self, story: Story, request: Request, reasons: tuple[str, ...]) -> None:
        """Have a request approved. Raises: BadRequest, ApprovalPending, ApprovalRefused, NotFound, TooLarge, StoreError, OverLimit."""
        if self._approving is None:
            raise ApprovalRefused("people have to approve this, and nobody can be asked here")
        limit = decide(story.arrival.headers, story.started_s, self._max_s)
        await self._approving.ask(story, request, reasons, limit.at_s)

    async def first(self, story: Story, texts: Texts, asked: Asked) -> Sequence[tuple[Finding, DataClass | None]]:
        """Judge a request before anything is sent. Raises: GuardBlocked, GuardFailed, and as `people`."""
        judges = [one for one in self._judges if one.when == "before" and one.looks(asked, "request")]
        found, reasons = await _judged(judges, texts.items, asked, story)
        if reasons and story.request is not None and not story.approval:  # people have approved this very request
            await self.people(story, story.request, reasons)
        return found

    async def errand(
        self, story: Story, texts: Sequence[Text], asked: Asked
    ) -> Sequence[tuple[Finding, DataClass | None]]:
        """Judge what is no model call, before it is sent, whenever its judges usually look; none looks at its answer.

        Raises: GuardBlocked, GuardFailed, ApprovalRefused.
        """
        judges = [one for one in self._judges if one.looks(asked, "request")]
        found, reasons = await _judged(judges, texts, asked, story)
        if reasons:
            raise ApprovalRefused("what has to be approved by a person can't be sent here; ask by a model call")
        unheard = [one.guard.name for one in self._judges if one.looks(asked, "answer")]
        if unheard:
            story.notes = (*story.notes, f"guards: {', '.join(unheard)} can't judge this answer")
        return found

    def beside(self, story: Story, texts: Texts, asked: Asked) -> tuple[asyncio.Task[None], ...]:
        """Begin to judge a request beside its call; each ends with GuardBlocked, GuardFailed, or nothing."""
        judges = [one for one in self._judges if one.when == "beside" and one.looks(asked, "request")]
        return tuple(asyncio.ensure_future(_beside(one, story, texts, asked)) for one in judges)

    def answers(self, story: Story, asked: Asked) -> AnswerJudges | None:
        """Who judges its answer; None: nobody does."""
        judges = [one for one in self._judges if one.looks(asked, "answer")]
        if not judges or story.request is None:
            return None
        return AnswerJudges(judges, asked, story, story.request.head.dialect)


async def _judged(
    judges: Sequence[Judge], texts: Sequence[Text], asked: Asked, story: Story
) -> tuple[list[tuple[Finding, DataClass | None]], tuple[str, ...]]:
    """What judges find in a request, and the rules that want a person asked. Raises: GuardBlocked, GuardFailed."""
    answers = await together([one.judge(texts, asked, story, "request") for one in judges])
    found: list[tuple[Finding, DataClass | None]] = [
        (finding, one.raises) for one in answers for finding in one.findings
    ]
    stopped = [one for one in answers if one.blocked]
    if stopped:
        story.findings += [finding for finding, _ in found]
        raise blocked(_joined(stopped), "request")
    return found, tuple(rule for one in answers for rule in one.approve)


async def _beside(judge: Judge, story: Story, texts: Texts, asked: Asked) -> None:
    found = await judge.judge(texts.items, asked, story, "request")
    story.findings += found.findings
    if found.blocked:
        raise blocked(found, "request")


def _joined(found: Sequence[Screened]) -> Screened:
    return Screened(
        findings=tuple(finding for one in found for finding in one.findings),
        blocked=tuple(dict.fromkeys(rule for one in found for rule in one.blocked)),
    )
