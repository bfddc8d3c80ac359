"""A recipe's calls as they are really made: through `calls`, each attempt with its ticket, its record and its draw."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, structs

from antiphon.calls.answer import LONG_BYTES as LONG_ANSWER_BYTES
from antiphon.calls.answer import Whole
from antiphon.calls.ask import Ask
from antiphon.calls.attempt import DETAIL_CHARACTERS
from antiphon.calls.bound import bounds_of
from antiphon.calls.caller import Caller
from antiphon.calls.course import Answered
from antiphon.calls.deadline import Deadline
from antiphon.calls.prepared import Prepared
from antiphon.calls.retry import failure_of
from antiphon.calls.story import Story
from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, CannotCarry, EnvelopeExceeded, Unavailable
from antiphon.core.receipt import Noted, Rated
from antiphon.core.request import Request
from antiphon.core.response import Response
from antiphon.core.sandbox import Sandbox
from antiphon.core.score import Source
from antiphon.core.ticket import Bound
from antiphon.metering.holding import Holding
from antiphon.providers.target import PLAINLY, How, Target, say
from antiphon.recipes.envelope import Draw, Purse
from antiphon.recipes.inner import chat_codec, inner, logprobs_of
from antiphon.recipes.port import Answer, Asked, Calls, text_of
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codec import ChatCodec
from antiphon.wire.passage import meaning

TOP_LOGPROBS = 2
"""The best token and the next best: what a margin takes."""
MOST_NOTED = 512
"""Decisions of one run that its receipt keeps, and as many scores."""
LEFT_OUT = "left_out"
"""What stands in the place of further decisions."""
_SEED_STEP = 0x9E3779B97F4A7C15
"""Spreads the seeds of calls: 2**64 divided by the golden ratio. Source: Knuth, TAOCP 3, 6.4."""


class _Drawn:
    """What one attempt drew, and what was let go of for its ticket."""

    __slots__ = ("_drawn", "_given", "_held", "_purse", "_settled")

    def __init__(self, purse: Purse, drawn: Draw, held: Holding | None, bound: Bound) -> None:
        self._purse = purse
        self._drawn = drawn
        self._held = held
        self._given = () if held is None else held.give(bound)
        self._settled = False

    def settle(self, cost_nano_usd: int, output_tokens: int) -> None:
        if self._settled:
            return
        self._settled = True
        self._purse.settle(self._drawn, cost_nano_usd, output_tokens)
        if self._held is not None and not (cost_nano_usd or output_tokens):
            self._held.take_back(self._given)


class _Given(Struct, frozen=True):
    """What a call gave, by which its answer is known again."""

    answered: Answered
    response: Response


class _Part:
    """One call's place."""

    __slots__ = ("_held", "_live", "_made", "step")

    def __init__(self, live: "Live", step: str, held: Holding | None) -> None:
        self.step = step
        self._live = live
        self._held = held
        self._made = False

    def draw(self, bound: Bound, output_tokens: int | None) -> _Drawn:
        """Raises: EnvelopeExceeded."""
        purse = self._live.purse
        drawn = purse.draw(bound, output_tokens, self._live.now_s(), again=self._made)
        self._made = True
        return _Drawn(purse, drawn, self._held, bound)


class Live(Calls):
    """The calls of one run."""

    def __init__(
        self,
        caller: Caller,
        story: Story,
        seats: Mapping[str, Prepared],
        ask: Ask,
        purse: Purse,
        noted: Callable[[Noted], None],
        held: Holding | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        """Args:
        seats: Who answers at each; one that nobody may sit at is left out.
        ask: What the request as a whole asks of its calls.
        noted: Tells what was decided.
        sandbox: Where code of answers runs; None: nowhere.
        """
        codec = chat_codec(ask.request.head)
        if codec is None:
            raise ValueError("recipes answer chats alone")
        self.purse = purse
        self.sandbox = sandbox
        self._caller = caller
        self._story = story
        self._seats = seats
        self._ask = ask
        self._noted = noted
        self._held = held
        self._codec: ChatCodec = codec
        self._plain = structs.replace(ask.how, prompt=None) if ask.how is not PLAINLY else PLAINLY
        self._answers = 0
        self._streams: list[Answered] = []
        self._running: set[asyncio.Task[Any]] = set()
        """Tasks of the recipe's that wait for a call."""
        self._idle = asyncio.Event()
        self._task = asyncio.current_task()
        """Runs the recipe."""
        self._over = False
        self._long = ask.request.body.size_bytes >= LONG_BYTES

    def now_s(self) -> float:
        return self._caller.now()

    def note(self, noted: Noted) -> None:
        steps = self._story.steps
        noted = structs.replace(noted, why=noted.why[:DETAIL_CHARACTERS], at_us=self._since_us())
        if len(steps) < MOST_NOTED:
            steps.append(noted)
            self._noted(noted)
        elif steps[-1].what != LEFT_OUT:
            steps.append(Noted(step=noted.step, what=LEFT_OUT, why=f"more than {MOST_NOTED}", at_us=noted.at_us))

    def rate(self, answer: Answer, source: Source, score: float) -> None:
        if len(self._story.rated) >= MOST_NOTED:
            return
        self._story.rated.append(
            Rated(
                step=answer.step,
                deployment=answer.deployment,
                source=source,
                score=min(1.0, max(0.0, score)),
                at_us=self._since_us(),
            )
        )

    def _since_us(self) -> int:
        return int((self.now_s() - self._story.started_s) * 1e6)

    def bound(self, asked: Asked) -> Bound:
        prepared = self._seats.get(asked.seat)
        if prepared is None:
            return Bound(money_nano_usd=None, tokens=None)
        request, _ = self._request(asked, stream=False)
        return most(request, prepared, self._how(asked), self._caller)

    async def ask(self, asked: Asked) -> Answer:
        return await self._made(asked, stream=False)

    async def final(self, asked: Asked) -> Answer:
        return await self._made(asked, stream=self._ask.request.head.stream)

    def released(self, answer: Answer) -> tuple[Answered, Response | None]:
        """What goes to the caller for an answer: the call's own, and what is said in its place where it was edited."""
        given = answer.handle
        if not isinstance(given, _Given):
            raise AntiphonError(
                "the recipe gave an answer that none of its calls gave", code="recipe_failed", status=502
            )
        return given.answered, None if answer.streams or answer.response is given.response else answer.response

    async def end(self, released: Answered | None) -> None:
        """The run is over: no further call is made, and those that nobody waits for are cut off.

        Args:
            released: The call whose answer goes out; None: none does.
        """
        self._over = True
        for task in self._running:
            task.cancel()
        try:
            if self._running:
                await self._idle.wait()
        except BaseException:
            released = None
            raise
        finally:
            for one in self._streams:
                if one is not released:
                    self._caller.lose(one)

    async def _made(self, asked: Asked, *, stream: bool) -> Answer:
        if self._over:
            raise EnvelopeExceeded("the recipe has ended: it makes no further call")
        task = asyncio.current_task()
        assert task is not None
        if task is self._task:
            return await self._tried(asked, stream=stream)
        self._running.add(task)
        try:
            return await self._tried(asked, stream=stream)
        finally:
            self._running.discard(task)
            if self._over and not self._running:
                self._idle.set()

    async def _tried(self, asked: Asked, *, stream: bool) -> Answer:
        began_s = self.now_s()
        try:
            return await self._call(asked, asked.content, stream=stream, began_s=began_s)
        except AntiphonError as error:
            if asked.stands_in is None or not _too_long(error):
                raise
            return await self._call(asked, asked.stands_in, stream=stream, began_s=began_s)

    async def _call(self, asked: Asked, content: Content | None, *, stream: bool, began_s: float) -> Answer:
        prepared = self._seats.get(asked.seat)
        if prepared is None:
            raise Unavailable(f"nobody may sit at {asked.seat!r} for this request", code="no_seat")
        said = structs.replace(asked, content=content)
        if self._long:
            request, losses = await asyncio.to_thread(self._request, said, stream=stream)
        else:
            request, losses = self._request(said, stream=stream)
        ask = structs.replace(
            self._ask,
            request=request,
            losses=self._ask.losses + losses,
            how=self._how(asked),
            deadline=self._deadline(asked.timeout_s),
            seed=(self._ask.seed + (asked.seed + self._answers) * _SEED_STEP) % 2**63,
            part=_Part(self, asked.step, self._held),
        )
        answered = await self._caller.call(self._story, prepared, ask)
        self._answers += 1
        got = answered.answer
        if not isinstance(got, Whole):
            response = Response(dialect=request.head.dialect, id="", model="", created_s=0, choices=())
            self._streams.append(answered)
            return self._answer(asked, answered, response, began_s, streams=True)
        answered.attempt.service = got.facts.service
        self._caller.settle(answered.attempt, got.facts.usage)
        self._caller.written(answered.attempt, self._story)
        if len(got.body) >= LONG_ANSWER_BYTES:
            response, _ = await asyncio.to_thread(self._codec.decode_answer, got.body)
        else:
            response, _ = self._codec.decode_answer(got.body)
        self._noted(Noted(step=asked.step, what="answered", why=answered.attempt.name))  # told on the way, not kept
        return self._answer(asked, answered, response, began_s)

    def _answer(
        self, asked: Asked, answered: Answered, response: Response, began_s: float, *, streams: bool = False
    ) -> Answer:
        logprobs, margins = logprobs_of(response)
        return Answer(
            step=asked.step,
            seat=asked.seat,
            deployment=answered.attempt.name,
            response=response,
            text=text_of(response.choices[0].message) if response.choices else "",
            usage=answered.attempt.usage,
            cost_nano_usd=answered.attempt.cost_nano_usd,
            took_s=self.now_s() - began_s,
            logprobs=logprobs,
            margins=margins,
            streams=streams,
            handle=_Given(answered, response),
        )

    def _request(self, asked: Asked, *, stream: bool) -> tuple[Request, Any]:
        """The request of one call. Raises: BadRequest."""
        request, content = self._ask.request, asked.content
        wants = asked.logprobs and self._gives_logprobs(asked.seat)
        if content is None and not (wants or asked.seed) and request.head.stream == stream:
            return request, ()
        said = content or self.content()
        sampling = said.sampling
        if wants:
            sampling = structs.replace(
                sampling, logprobs=True, top_logprobs=max(sampling.top_logprobs or 0, TOP_LOGPROBS)
            )
        if asked.seed:
            sampling = structs.replace(sampling, seed=asked.seed)
        return inner(request, self._codec, structs.replace(said, sampling=sampling), stream=stream)

    def content(self) -> Content:
        """What the caller said, without the route's prompt, which goes before it on the way out. Raises: BadRequest."""
        said = meaning(self._ask.request, self._codec)
        assert isinstance(said, Content)
        return said

    def _how(self, asked: Asked) -> How:
        """A request of the recipe's own brings the route's prompt with it, where it wants that."""
        return self._ask.how if asked.content is None else self._plain

    def _gives_logprobs(self, seat: str) -> bool:
        prepared = self._seats.get(seat)
        known = prepared and [one.capabilities for one in prepared.first]
        return bool(known) and all(one is None or "logprobs" in one for one in known or ())

    def _deadline(self, timeout_s: float | None) -> Deadline:
        """Until when a call may run. Raises: EnvelopeExceeded."""
        now_s, limit = self.now_s(), self._ask.deadline
        left_s = self.purse.left_s(now_s)
        if left_s <= 0:
            raise EnvelopeExceeded(f"the {self.purse.envelope.seconds:g} s of the recipe's envelope are over")
        own_s = min(left_s, timeout_s or left_s)
        if now_s + own_s >= limit.at_s:
            return limit
        allowed_s = self.purse.envelope.seconds if own_s == left_s else own_s
        return structs.replace(limit, at_s=now_s + own_s, bound="recipe", allowed_s=allowed_s)


def most(request: Request, prepared: Prepared, how: How, caller: Caller) -> Bound:
    """The most that an attempt of a request may use, whoever of a seat makes it. What is unknown of one is unknown."""
    bounds = [_bound(request, target, how, caller) for rank in prepared.ranks for target in rank.targets.values()]
    known = [one for one in bounds if one is not None]
    money = [one.money_nano_usd for one in known]
    tokens = [one.tokens for one in known]
    return Bound(
        money_nano_usd=None if None in money or not money else max(one for one in money if one is not None),
        tokens=None if None in tokens or not tokens else max(one for one in tokens if one is not None),
        likely_nano_usd=max((one.likely_nano_usd for one in known), default=0),
        likely_input_tokens=max((one.likely_input_tokens for one in known), default=0),
        likely_output_tokens=max((one.likely_output_tokens for one in known), default=0),
    )


def _bound(request: Request, target: Target, how: How, caller: Caller) -> Bound | None:
    """None: it can't be asked this at all."""
    try:
        said = say(request, target, how)
    except CannotCarry:
        return None
    return bounds_of(request, target, said, caller.fleet[target.deployment.name].tokens_of)


def _too_long(error: AntiphonError) -> bool:
    return failure_of(error) == "context_window"
