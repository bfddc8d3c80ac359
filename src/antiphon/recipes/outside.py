"""Facts that take more than the request: vectors of embedders, functions of the operator's, questions to models."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256

from msgspec import Struct

from antiphon.calls.answer import Whole
from antiphon.calls.ask import Ask
from antiphon.calls.caller import Caller
from antiphon.calls.deadline import Deadline
from antiphon.calls.part import Part
from antiphon.calls.prepared import Policy, Prepared
from antiphon.calls.story import Story
from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.embedding import Embedder
from antiphon.core.error import AntiphonError
from antiphon.core.request import Request
from antiphon.core.ticket import Bound
from antiphon.policy.verdict import ALLOWED
from antiphon.providers.target import Target
from antiphon.recipes.port import text_of
from antiphon.recipes.weigh import NOTHING
from antiphon.routing.plan import choice, plan
from antiphon.routing.route import Route
from antiphon.routing.selector import Foreseen, Selector
from antiphon.signals.extractor import Extractor
from antiphon.signals.extractor import Outside as Needed
from antiphon.signals.facts import RequestFacts
from antiphon.signals.said import Unread
from antiphon.wire.codec import Asked, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.codec import OpenAIChat

EMBED_S = 2.0
"""The longest that a request waits for its vector."""
_CODEC = OpenAIChat()


class Selecting(Struct, frozen=True, kw_only=True):
    """A learned selector under one revision."""

    selector: Selector
    embedder: str = ""
    """Name of whose vectors it takes; empty: nobody's."""
    names: Mapping[str, str] = {}
    """Deployments by the name that its file has for them, where that is another."""


class Questioned(Struct, frozen=True, kw_only=True):
    """A model that is asked about requests."""

    route: Route
    timeout_s: float


class _Signal:
    """The place of such a call in the receipt. It draws on no envelope: its ticket alone pays."""

    def __init__(self, step: str) -> None:
        self.step = step

    def draw(self, bound: Bound, output_tokens: int | None) -> "_Signal":
        return self

    def settle(self, cost_nano_usd: int, output_tokens: int) -> None:
        """Nothing was drawn."""


class Outside:
    """Supplies them, under one revision."""

    def __init__(
        self,
        extractor: Extractor,
        caller: Caller,
        *,
        embedders: Mapping[str, Embedder],
        models: Mapping[str, Questioned],
        selectors: Mapping[str, Selecting],
        policy: Policy,
        targets: Mapping[str, Target],
        max_s: float,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Args:
        max_s: The longest that any request may take.
        """
        self._extractor = extractor
        self._caller = caller
        self._embedders = embedders
        self._models = models
        self._selectors = selectors
        self._policy = policy
        self._targets = targets
        self._max_s = max_s
        self._now = now
        self._prepared: dict[tuple[str, tuple[str, ...]], Prepared] = {}

    async def supply(self, facts: RequestFacts, names: Collection[str], story: Story, request: Request) -> None:
        """Work facts out, side by side, and put them in. What fails is unknown, and the fact says why."""
        needed = {need: name for name in names for need in self._extractor.needs(name)}
        await asyncio.gather(*(self._one(need, name, facts, story, request) for need, name in needed.items()))
        for name in names:
            if name.startswith("like."):
                facts.forget(name)

    async def foresee(self, name: str, facts: RequestFacts, *, private: bool = False) -> Foreseen:
        """What a selector says of each deployment; nothing, where the request has no text."""
        selecting = self._selectors[name]
        text = self._extractor.to_embed(facts)
        if not text:
            return NOTHING
        if selecting.embedder:
            await self._embed(selecting.embedder, facts, private=private)
        found, names = selecting.selector.foresee(text, facts.vectors.get(selecting.embedder)), selecting.names
        if not names:
            return found
        return Foreseen(
            {names.get(one, one): said for one, said in found.chances.items()},
            {names.get(one, one): tokens for one, tokens in found.output_tokens.items()},
        )

    async def _one(self, need: Needed, name: str, facts: RequestFacts, story: Story, request: Request) -> None:
        match need.kind:
            case "vector":
                await self._embed(need.name, facts, private=story.allowed.private)
            case "function":
                await self._extractor.functions.work_out(need.name, facts)
            case "model" if story.explains:
                facts.supply(name, None, confidence=0.0, why="explaining asks no model")
            case "model":
                await self._ask(need.name, facts, story, request)

    async def _embed(self, embedder: str, facts: RequestFacts, *, private: bool) -> None:
        """A request that has no vector in time goes on without one, and so does one that the embedder may not see."""
        text, known = self._extractor.to_embed(facts), self._embedders.get(embedder)
        if known is None or (private and not known.private) or not text or embedder in facts.vectors:
            return
        try:
            async with asyncio.timeout(EMBED_S):
                (facts.vectors[embedder],) = await known.embed([text])
        except (AntiphonError, TimeoutError):
            return  # the facts that need it say that there is none

    async def _ask(self, name: str, facts: RequestFacts, story: Story, request: Request) -> None:
        """Ask a model, under a ticket of the request's own."""
        began_s, asked = self._now(), self._models[name]
        try:
            content = self._extractor.question(name, facts)
            async with asyncio.timeout(asked.timeout_s):
                answer = await self._answer(name, asked, content, story, request)
        except Unread as error:
            facts.supply(f"asked.{name}", None, confidence=0.0, why=str(error))
        except (AntiphonError, TimeoutError) as error:
            why = error.said_code if isinstance(error, AntiphonError) else f"no answer within {asked.timeout_s:g} s"
            facts.supply(f"asked.{name}", None, confidence=0.0, why=why)
        else:
            self._extractor.answered(name, facts, answer, int((self._now() - began_s) * 1e6))

    async def _answer(self, name: str, asked: Questioned, content: Content, story: Story, request: Request) -> str:
        body = Body((_CODEC.encode(content, Terms(model=asked.route.name), Losses()),))
        head, spots = _CODEC.read(body, Asked(endpoint="/v1/chat/completions"))
        digest = sha256(body.whole()).hexdigest()
        said = Request(head=head, body=body, spots=spots, digest=digest, lineage=request.lineage)
        verdict = story.verdict or ALLOWED
        prepared = self._prepared.get((name, verdict.excluded))
        if prepared is None:
            made = plan(asked.route, head, choice(asked.route, head, verdict))
            prepared = self._caller.prepare(made.steps[0], self._policy, self._targets)
            self._prepared[name, verdict.excluded] = prepared
        at_s = min(self._now() + asked.timeout_s, story.started_s + self._max_s)
        part: Part = _Signal(f"asked.{name}")
        limit = Deadline(at_s=at_s, bound="route", allowed_s=asked.timeout_s)
        answered = await self._caller.call(
            story, prepared, Ask(request=said, deadline=limit, seed=story.seed, part=part)
        )
        got = answered.answer
        assert isinstance(got, Whole)
        answered.attempt.losses += got.losses
        self._caller.settle(answered.attempt, got.facts.usage)
        self._caller.written(answered.attempt, story)
        response, _ = _CODEC.decode_answer(got.body)
        return text_of(response.choices[0].message) if response.choices else ""
