"""Calls of a recipe that answer by a script, on a virtual clock: every recipe's tests use them.

    calls = ScriptedCalls({"a": "first answer", "b": [Says("B", after_s=2), UpstreamBroken("gone")], "judge": choose})
    answer = play(run(recipe, question("What?"), calls))

A script is one entry, or a list of entries that are taken in turn (the last one goes on), or a function of (Asked,
number of the call at its seat) that gives an entry. An entry is a text, `Says`, an error, or `Never`. Seats that no
script names answer `answer of SEAT`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fakes.loop import run_virtually
from msgspec import Struct

from antiphon.core.content import Content, Image, Message, Sampling, Text, ToolCall
from antiphon.core.error import AntiphonError, DeadlineExceeded
from antiphon.core.plan import Envelope
from antiphon.core.receipt import Noted
from antiphon.core.response import Choice, FinishReason, Response
from antiphon.core.score import Source
from antiphon.core.ticket import Bound
from antiphon.core.usage import Usage
from antiphon.recipes.envelope import Purse
from antiphon.recipes.port import Answer, Asked, Calls, Question, Seated, text_of
from antiphon.recipes.settings import RecipeSettings


class Says(Struct, frozen=True, kw_only=True):
    """What a seat answers, and after how long."""

    text: str = ""
    after_s: float = 1.0
    output_tokens: int = 10
    cost_nano_usd: int = 100
    logprobs: tuple[float, ...] | None = None
    margins: tuple[float, ...] | None = None
    tools: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = "stop"


class Fails(Struct, frozen=True, kw_only=True):
    """An error, and after how long."""

    error: AntiphonError
    after_s: float = 1.0


class Never(Struct, frozen=True):
    """It never answers: only the clock or a cancellation ends it."""


Entry = str | Says | AntiphonError | Fails | Never
Script = Entry | Sequence[Entry] | Callable[[Asked, int], Entry]


class Made(Struct, kw_only=True):
    """A call that was made."""

    asked: Asked
    final: bool
    began_s: float
    ended_s: float | None = None
    """None: it runs."""
    outcome: str = ""
    """`answered`, `failed`, `cancelled` or `refused` (by the envelope, before anything was sent)."""
    answer: Answer | None = None

    @property
    def said(self) -> str:
        """The last message's text."""
        content = self.asked.content
        return text_of(content.messages[-1]) if content else ""


class ScriptedCalls(Calls):
    """Records everything in `made` and `notes`."""

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        envelope: Envelope | None = None,
        *,
        bound_nano_usd: int | None = 1000,
        bound_output_tokens: int = 100,
        stream: bool = False,
    ) -> None:
        """
        Args:
            envelope: Default: 1,000 calls and a day.
            bound_nano_usd: The most that a call may cost; `Says.cost_nano_usd` must not be more.
            stream: The caller asked for a stream: `final` returns at once, and its answer streams.
        """
        self._scripts = dict(scripts or {})
        self._envelope = envelope or Envelope(calls=1000, seconds=86_400.0, concurrency=256)
        self._bound = Bound(
            money_nano_usd=bound_nano_usd, tokens=bound_output_tokens, likely_nano_usd=(bound_nano_usd or 0) // 2
        )
        self._bound_output_tokens = bound_output_tokens
        self._stream = stream
        self._asked: Counter[str] = Counter()
        self.purse = Purse(self._envelope, 0.0)  # a virtual loop's time begins at 0
        self.made: list[Made] = []
        self.notes: list[Noted] = []
        self.rated: list[tuple[str, str, float]] = []
        """Step, source and score, 0 to 1."""

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def bound(self, asked: Asked) -> Bound:
        return self._bound

    async def ask(self, asked: Asked) -> Answer:
        return await self._make(asked, final=False)

    async def final(self, asked: Asked) -> Answer:
        return await self._make(asked, final=True)

    def rate(self, answer: Answer, source: Source, score: float) -> None:
        self.rated.append((answer.step, source, score))

    def note(self, noted: Noted) -> None:
        self.notes.append(noted)

    async def _make(self, asked: Asked, *, final: bool) -> Answer:
        purse = self.purse
        made = Made(asked=asked, final=final, began_s=self.now_s())
        self.made.append(made)
        try:
            drawn = purse.draw(self._bound, self._bound_output_tokens, self.now_s())
        except AntiphonError:
            made.ended_s, made.outcome = self.now_s(), "refused"
            raise
        cost, tokens = 0, 0
        made.outcome = "cancelled"
        try:
            entry = self._entry(asked)
            limit_s = min(purse.left_s(self.now_s()), asked.timeout_s or 1e9)
            await _pass(entry, limit_s, streams=final and self._stream)
            if isinstance(entry, Fails):
                raise entry.error
            assert isinstance(entry, Says)
            cost, tokens, made.outcome = entry.cost_nano_usd, entry.output_tokens, "answered"
            made.answer = self._answer(asked, entry, self.now_s() - made.began_s, streams=final and self._stream)
            return made.answer
        except AntiphonError:
            made.outcome = "failed"
            raise
        finally:
            made.ended_s = self.now_s()
            purse.settle(drawn, cost, tokens)

    def _entry(self, asked: Asked) -> Says | Fails | Never:
        script = self._scripts.get(asked.seat, f"answer of {asked.seat}")
        number = self._asked[asked.seat]
        self._asked[asked.seat] += 1
        if isinstance(script, Sequence) and not isinstance(script, str):
            script = script[min(number, len(script) - 1)]
        elif callable(script):
            script = script(asked, number)
        if isinstance(script, str):
            return Says(text=script)
        return Fails(error=script) if isinstance(script, AntiphonError) else script

    def _answer(self, asked: Asked, says: Says, took_s: float, *, streams: bool) -> Answer:
        usage = Usage(input_tokens=5, output_tokens=says.output_tokens)
        return Answer(
            step=asked.step,
            seat=asked.seat,
            deployment=asked.seat,
            response=response_of("" if streams else says.text, says.tools, says.finish_reason, model=asked.seat),
            text="" if streams else says.text,
            usage=usage,
            cost_nano_usd=says.cost_nano_usd,
            took_s=took_s,
            logprobs=says.logprobs if asked.logprobs else None,
            margins=says.margins if asked.logprobs else None,
            streams=streams,
            handle=says.text,
        )

    # What tests ask.

    def steps(self) -> list[str]:
        """Steps in the order in which they were asked."""
        return [made.asked.step for made in self.made]

    def whats(self) -> list[str]:
        """What was noted, in order."""
        return [noted.what for noted in self.notes]

    def of(self, step: str) -> Made:
        """The only call of a step."""
        (found,) = [made for made in self.made if made.asked.step == step]
        return found


async def _pass(entry: Says | Fails | Never, limit_s: float, *, streams: bool) -> None:
    after_s = float("inf") if isinstance(entry, Never) else entry.after_s
    if streams and isinstance(entry, Says):
        after_s = min(after_s, 0.1)
    await asyncio.sleep(min(after_s, limit_s))
    if after_s > limit_s:
        raise DeadlineExceeded(f"{limit_s:g} s are over")


def response_of(
    text: str, tools: tuple[ToolCall, ...] = (), finish_reason: FinishReason | None = "stop", model: str = "m"
) -> Response:
    """An answer as an upstream gives it."""
    parts = ((Text(text=text),) if text or not tools else ()) + tools
    message = Message(role="assistant", parts=parts, form="text" if text or not tools else "none")
    reason: FinishReason | None = "tool_calls" if tools else finish_reason
    choice = Choice(index=0, message=message, finish_reason=reason)
    return Response(dialect="openai_chat", id="r-1", model=model, created_s=0, choices=(choice,))


def answer_of(text: str, seat: str = "a", step: str = "member-1", **beside: Any) -> Answer:
    """One that came, without a call."""
    return Answer(step=step, seat=seat, deployment=seat, response=response_of(text, model=seat), text=text, **beside)


def user(text: str) -> Message:
    return Message(role="user", parts=(Text(text=text),), form="text")


def picture(text: str, url: str = "data:image/png;base64,iVBORw0KGgo=") -> Message:
    """A user's message of a text and an image."""
    return Message(role="user", parts=(Text(text=text), Image(url=url)))


def question(
    said: str | Sequence[Message] = "What is 6 times 7?",
    *,
    stream: bool = False,
    seed: int = 7,
    seats: Sequence[str | Seated] = (),
    sampling: Sampling | None = None,
    impact: str = "",
    **content: Any,
) -> Question:
    """A request. `content`: further fields of its Content."""
    messages = (user(said),) if isinstance(said, str) else tuple(said)
    return Question(
        content=Content(dialect="openai_chat", messages=messages, sampling=sampling or Sampling(), **content),
        stream=stream,
        seed=seed,
        seats=tuple(Seated(seat=one) if isinstance(one, str) else one for one in seats),
        impact=impact,
    )


def play(story: Coroutine[Any, Any, Any]) -> Any:
    """Await a run on a virtual clock; fails when it leaves a task behind."""
    return run_virtually(story)


def scripted(recipe: RecipeSettings, scripts: Mapping[str, Script] | None = None, **beside: Any) -> ScriptedCalls:
    """Calls within a recipe's own envelope."""
    return ScriptedCalls(scripts, recipe.envelope_of(), **beside)
