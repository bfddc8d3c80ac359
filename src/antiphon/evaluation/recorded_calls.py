"""Calls that answer from recorded outcomes: recipes run on them as they are, with tokens and costs as recorded."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from antiphon.core.content import Content, Message, Text
from antiphon.core.error import Unavailable
from antiphon.core.money import NanoUsd
from antiphon.core.plan import Envelope
from antiphon.core.receipt import Noted
from antiphon.core.response import Choice, Response
from antiphon.core.ticket import Bound
from antiphon.core.usage import Usage
from antiphon.evaluation.outcomes import Outcome
from antiphon.recipes.envelope import Purse
from antiphon.recipes.port import Answer, Asked, Calls, Question, Seated
from antiphon.recipes.shape import step_of
from antiphon.routing.gain import Gain

Script = Callable[[Asked, Sequence[Answer]], str]
"""What a step says whose text nobody recorded: of what was asked, and of the answers so far."""
ROOMY = Envelope(calls=1000, seconds=86_400.0, concurrency=256)


class RecordedCalls(Calls):
    """The calls of one run over one prompt. Nothing is sent; a call takes no time."""

    def __init__(
        self,
        outcomes: Mapping[str, Outcome],
        *,
        texts: Mapping[str, str] | None = None,
        scripts: Mapping[str, Script] | None = None,
        envelope: Envelope = ROOMY,
    ) -> None:
        """Args:
        outcomes: By seat.
        texts: Whole answers by seat, where they were recorded; else an answer is what was extracted from it.
        scripts: By step. A scripted step costs what its seat's own answer to the prompt did.
        """
        self._outcomes = outcomes
        self._texts = texts or {}
        self._scripts = scripts or {}
        self.purse = Purse(envelope, 0.0)
        self.made: list[Answer] = []
        """In the order in which they were asked for."""
        self.notes: list[Noted] = []

    @property
    def cost_nano_usd(self) -> int:
        """Of all calls together; what was not recorded counts nothing."""
        return self.purse.spent_nano_usd

    def now_s(self) -> float:
        return 0.0

    def bound(self, asked: Asked) -> Bound:
        """As recorded: what a call uses is known."""
        outcome = self._outcomes.get(asked.seat)
        if outcome is None:
            return Bound(money_nano_usd=None, tokens=None)
        tokens = (outcome.input_tokens or 0) + (outcome.output_tokens or 0)
        return Bound(
            money_nano_usd=None if outcome.cost_nano_usd is None else NanoUsd(outcome.cost_nano_usd),
            tokens=tokens,
            likely_nano_usd=outcome.cost_nano_usd or 0,
        )

    async def ask(self, asked: Asked) -> Answer:
        """Raises: EnvelopeExceeded; Unavailable, when nothing was recorded of the seat."""
        outcome = self._outcomes.get(asked.seat)
        if outcome is None:
            raise Unavailable(f"nothing was recorded of {asked.seat!r} for this prompt", code="no_seat")
        output_tokens = outcome.output_tokens or 0
        drawn = self.purse.draw(self.bound(asked), output_tokens, self.now_s())
        try:
            await asyncio.sleep(0)
            script = self._scripts.get(step_of(asked.step))
            text = self._texts.get(asked.seat, outcome.answer or "")
            answer = _answer(asked, outcome, script(asked, self.made) if script else text)
            self.made.append(answer)
            return answer
        finally:
            self.purse.settle(drawn, outcome.cost_nano_usd or 0, output_tokens)

    async def final(self, asked: Asked) -> Answer:
        return await self.ask(asked)

    def note(self, noted: Noted) -> None:
        self.notes.append(noted)


def question(prompt: str, seats: Sequence[Seated], *, seed: int = 0, gain: Gain | None = None) -> Question:
    """A recorded prompt as the request that a recipe answers."""
    message = Message(role="user", parts=(Text(text=prompt),), form="text")
    return Question(
        content=Content(dialect="openai_chat", messages=(message,)), seed=seed, seats=tuple(seats), gain=gain
    )


def _answer(asked: Asked, outcome: Outcome, text: str) -> Answer:
    usage = None
    if outcome.output_tokens is not None:
        usage = Usage(input_tokens=outcome.input_tokens or 0, output_tokens=outcome.output_tokens)
    message = Message(role="assistant", parts=(Text(text=text),), form="text")
    response = Response(
        dialect="openai_chat",
        id="",
        model=asked.seat,
        created_s=0,
        choices=(Choice(index=0, message=message, finish_reason="stop"),),
        usage=usage,
    )
    return Answer(
        step=asked.step,
        seat=asked.seat,
        deployment=asked.seat,
        response=response,
        text=text,
        usage=usage,
        cost_nano_usd=outcome.cost_nano_usd,
    )
