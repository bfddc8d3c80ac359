"""A recipe ready to be run for requests of one kind, and a run of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct, structs

from antiphon.calls.ask import Ask
from antiphon.calls.caller import Caller
from antiphon.calls.counting import Counting
from antiphon.calls.course import Answered
from antiphon.calls.prepared import Prepared
from antiphon.calls.story import Story
from antiphon.core.content import Content, Message, Text
from antiphon.core.money import NanoUsd
from antiphon.core.ports import Reply
from antiphon.core.receipt import Noted
from antiphon.core.request import Head
from antiphon.core.response import Response
from antiphon.core.sandbox import Sandbox
from antiphon.core.ticket import Bound
from antiphon.metering.holding import Holding
from antiphon.recipes.envelope import Purse
from antiphon.recipes.inner import chat_codec
from antiphon.recipes.live import Live, most
from antiphon.recipes.port import Question
from antiphon.recipes.progress import Kind, kind_of
from antiphon.recipes.run import run
from antiphon.recipes.seats import Recipe, Seating, known_now
from antiphon.routing.decide import IMPACT
from antiphon.routing.known import TASK
from antiphon.wire.bounds import LONG_BYTES


class Team(Struct, frozen=True, kw_only=True):
    """A recipe and everybody who takes a part in it."""

    recipe: Recipe
    seating: Seating
    seats: Mapping[str, Prepared]
    sandbox: Sandbox | None = None
    """Where code of answers runs; None: nowhere."""

    def version(self) -> str:
        """Its name, and a digest of all that its answers depend on."""
        digest = sha256(msgspec.json.encode(self.recipe.settings))
        for seat, prepared in sorted(self.seats.items()):
            digest.update(b"%b\0%b\0" % (seat.encode(), prepared.answerers))
        return f"{self.recipe.name}@{digest.hexdigest()[:16]}"

    def telling(self, headers: Mapping[bytes, bytes], head: Head) -> Kind:
        """What a caller is told while it works. Raises: BadRequest, naming the header."""
        codec = chat_codec(head)
        return "none" if codec is None else kind_of(headers, self.recipe.settings.progress, head, codec)


async def play(
    team: Team,
    caller: Caller,
    story: Story,
    ask: Ask,
    noted: Callable[[Noted], None],
    counting: Counting | None = None,
) -> tuple[Answered, Response | None]:
    """Run a recipe. Returns: the call whose answer goes out, and what is said in its place where that was edited.

    Raises: AntiphonError, when nobody gave an answer, or its envelope can't be held on the budgets.
    """
    purse = Purse(team.seating.envelope, caller.now())
    held = await _held(team, caller, story, ask, counting)
    live, released = Live(caller, story, team.seats, ask, purse, noted, held, team.sandbox), None
    try:
        said, prompt = await _meaning(live, ask), ask.how.prompt
        question = Question(
            content=_prompted(said, prompt) if prompt else said,
            stream=ask.request.head.stream,
            needs=ask.request.head.needs,
            seed=ask.seed,
            task=_word(story, TASK),  # the receipt has it then, so that its scores count for this class of tasks
            impact=_word(story, IMPACT) if team.recipe.weighs_impact else "",
            objective="" if story.grounds is None else story.grounds.asked,
            seats=team.seating.seated
            if story.grounds is None
            else known_now(team.seating.seated, story.grounds.predicted),
            gain=team.recipe.gain,
        )
        found = live.released(await run(team.recipe.settings, question, live))
        released = found[0]
        return found
    finally:
        try:
            await live.end(released)
        finally:
            if held is not None:
                held.end()


def _word(story: Story, fact: str) -> str:
    """What a fact in words says; empty: unknown."""
    value = None if story.facts is None else story.facts.value(fact)
    return value if isinstance(value, str) else ""


async def _meaning(live: Live, ask: Ask) -> Content:
    """What the caller said; a long body is read beside the loop."""
    if ask.request.body.size_bytes < LONG_BYTES:
        return live.content()
    return await asyncio.to_thread(live.content)


async def _held(team: Team, caller: Caller, story: Story, ask: Ask, counting: Counting | None) -> Holding | None:
    """Hold the envelope on the budgets. Raises: BudgetExceeded, StoreError, DeadlineExceeded."""
    counted = story.counted
    if counting is None or counted is None or not counting.tickets.counting:
        return None
    if ask.request.body.size_bytes < LONG_BYTES:
        bound = bound_of(team, caller, ask)
    else:
        bound = await asyncio.to_thread(bound_of, team, caller, ask)
    return await counting.hold(counted, bound, ask.deadline.head_by_s(begun=False))


def bound_of(team: Team, caller: Caller, ask: Ask) -> Bound:
    """What a run holds: the money that its envelope says, else what its calls come to if each asks what the caller asks."""
    shapes = team.recipe.settings.steps(team.seating.seated)
    each = {
        seat: most(ask.request, prepared, ask.how, caller)
        for seat, prepared in team.seats.items()
        if any(shape.seat == seat for shape in shapes)
    }
    calls = [each[shape.seat] for shape in shapes if shape.seat in each for _ in range(shape.most_calls)]
    most_calls = team.seating.envelope.calls
    money = _sum_of_most([one.money_nano_usd for one in calls], most_calls)
    tokens = _sum_of_most([one.tokens for one in calls], most_calls)
    own = team.seating.envelope.money_nano_usd
    least = own if money is None or (own is not None and own < money) else money
    return Bound(
        money_nano_usd=None if least is None else NanoUsd(least),
        tokens=tokens,
        likely_nano_usd=sum(one.likely_nano_usd for one in calls),
        likely_input_tokens=sum(one.likely_input_tokens for one in calls),
        likely_output_tokens=sum(one.likely_output_tokens for one in calls),
    )


def _sum_of_most(amounts: Sequence[int | None], most: int) -> int | None:
    """What the dearest calls come to, so many of them; None: that of one is unknown."""
    known = [one for one in amounts if one is not None]
    return sum(sorted(known, reverse=True)[:most]) if len(known) == len(amounts) else None


def _prompted(content: Content, prompt: str) -> Content:
    """The same with the route's prompt before all else."""
    message = Message(role="system", parts=(Text(text=prompt),), form="text")
    return structs.replace(content, messages=(message, *content.messages))


def recorded(team: Team | None, story: Story, reply: Reply) -> Reply:
    """The reply that keeps an answer for the cache, where it is to be kept: not with what is told on the way to it."""
    request = story.request
    told = team is not None and request is not None and team.telling(story.arrival.headers, request.head) != "none"
    return reply if told else story.looked.recording(reply, story)
