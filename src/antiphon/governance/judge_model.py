"""A guard that asks a model: by way of `calls`, with a ticket of the request's own, where its verdict allows."""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from antiphon.calls.answer import Whole
from antiphon.calls.ask import Ask
from antiphon.calls.caller import Caller
from antiphon.calls.deadline import Deadline
from antiphon.calls.prepared import Policy, Prepared
from antiphon.calls.story import Story
from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import GuardFailed
from antiphon.core.finding import Side
from antiphon.core.request import Head, Lineage, Request, Spots
from antiphon.core.ticket import Bound
from antiphon.governance.judge import Judge, Place
from antiphon.governance.judge_prompt import cut, parts, question, read
from antiphon.governance.settings import DataClassSettings
from antiphon.guards.port import Asked, Guard, Text
from antiphon.guards.settings_judge import JudgeSettings
from antiphon.providers.target import Target
from antiphon.recipes.port import text_of
from antiphon.routing.plan import choice, plan
from antiphon.routing.route import Route
from antiphon.wire.codec import Asked as AskedOf
from antiphon.wire.codec import Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.codec import OpenAIChat

_CODEC = OpenAIChat()
MOST_PREPARED = 256
"""Verdicts for which one judge keeps who may be asked."""


class Calling(Struct, frozen=True, kw_only=True):
    """What a model is asked by."""

    caller: Caller
    policy: Policy
    targets: Mapping[str, Target]
    max_s: float
    """The longest that any request may take."""


class _Step:
    """The place of such a call in the receipt. It draws on no envelope: its ticket alone pays."""

    def __init__(self, step: str) -> None:
        self.step = step

    def draw(self, bound: Bound, output_tokens: int | None) -> "_Step":
        return self

    def settle(self, cost_nano_usd: int, output_tokens: int) -> None:
        """Nothing was drawn."""


class ModelJudge(Judge):
    """Asks about as many texts at once as fit. Yes to any of its questions is a finding."""

    def __init__(
        self, guard: Guard, settings: JudgeSettings, classes: DataClassSettings, route: Route, calling: Calling
    ) -> None:
        """`route`: the deployments that may be asked."""
        super().__init__(guard, settings, classes)
        self._settings = settings
        self._route = route
        self._calling = calling
        self._prepared: dict[tuple[str, ...], Prepared] = {}

    async def _ask(self, texts: Sequence[Text], asked: Asked, story: Story, side: Side) -> list[Place]:
        settings = self._settings
        pieces, places = cut(texts, settings.most_characters)
        questions = parts(pieces, settings.most_characters)
        if len(questions) > settings.most_parts:
            raise GuardFailed(f"the texts take {len(questions)} questions, and {settings.most_parts} are allowed")
        prepared = self._ready(story)
        scores = await asyncio.gather(
            *(self._one([pieces[at] for at in part], prepared, story, side) for part in questions)
        )
        return [
            _place(part, pieces, places, score, settings.kind, f"model.{self.guard.name}")
            for part, score in zip(questions, scores, strict=True)
            if score > 0
        ]

    async def _one(self, texts: Sequence[Text], prepared: Prepared, story: Story, side: Side) -> float:
        content = question(self._settings.question, texts, side, self._settings.output_tokens)
        return read(await self._answer(content, prepared, story))

    def _ready(self, story: Story) -> Prepared:
        """Who may be asked. Raises: AntiphonError, where the verdict leaves nobody."""
        verdict = story.allowed
        known = self._prepared.get(verdict.excluded)
        if known is None:
            content = question("?", [], "request", self._settings.output_tokens)
            head = _read(content, self._route.name)[0]
            made = plan(self._route, head, choice(self._route, head, verdict))
            known = self._calling.caller.prepare(made.steps[0], self._calling.policy, self._calling.targets)
            if len(self._prepared) >= MOST_PREPARED:
                self._prepared.clear()
            self._prepared[verdict.excluded] = known
        return known

    async def _answer(self, content: Content, prepared: Prepared, story: Story) -> str:
        """Raises: AntiphonError."""
        calling, caller = self._calling, self._calling.caller
        head, body, spots = _read(content, self._route.name)
        lineage = Lineage() if story.request is None else story.request.lineage
        said = Request(head=head, body=body, spots=spots, digest=sha256(body.whole()).hexdigest(), lineage=lineage)
        at_s = min(caller.now() + self._timeout_s, story.started_s + calling.max_s)
        ask = Ask(
            request=said,
            deadline=Deadline(at_s=at_s, bound="route", allowed_s=self._timeout_s),
            seed=story.seed,
            part=_Step(f"guard.{self.guard.name}"),
        )
        answered = await caller.call(story, prepared, ask)
        got = answered.answer
        assert isinstance(got, Whole)
        answered.attempt.losses += got.losses
        caller.settle(answered.attempt, got.facts.usage)
        caller.written(answered.attempt, story)
        response, _ = _CODEC.decode_answer(got.body)
        return text_of(response.choices[0].message) if response.choices else ""


def _read(content: Content, model: str) -> tuple[Head, Body, Spots]:
    body = Body((_CODEC.encode(content, Terms(model=model), Losses()),))
    head, spots = _CODEC.read(body, AskedOf(endpoint="/v1/chat/completions"))
    return head, body, spots


def _place(
    part: Sequence[int], pieces: Sequence[Text], places: Sequence[tuple[int, int]], score: float, kind: str, rule: str
) -> Place:
    """Where a finding is: the piece that was asked about alone, or somewhere in several."""
    if len(part) > 1:
        return Place(start=0, end=0, kind=kind, rule=rule, score=score)
    text, start = places[part[0]]
    return Place(start=start, end=start + len(pieces[part[0]].text), kind=kind, rule=rule, score=score, text=text)
