"""What a recipe works with: the request, calls to its seats, and what came of them."""

from abc import ABC, abstractmethod
from typing import Any

from msgspec import Struct

from antiphon.core.content import Content, Message, Text, ToolCall
from antiphon.core.error import AntiphonError
from antiphon.core.receipt import Noted
from antiphon.core.request import Need
from antiphon.core.response import Response
from antiphon.core.sandbox import Sandbox
from antiphon.core.score import Source
from antiphon.core.ticket import Bound
from antiphon.core.usage import Usage
from antiphon.recipes.settings_contract import ContractSettings
from antiphon.routing.gain import Gain


class Seated(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What is known of a seat when the plan is made. None: unknown."""

    seat: str
    candidate: bool = True
    """It is one of the route's own."""
    cost_nano_usd: int | None = None
    """What a call of this request likely costs there."""
    quality: float | None = None
    """Chance that its answer is right, 0 to 1."""
    size_b: float | None = None
    """Parameters, in thousand millions."""
    logprobs: bool | None = None
    """Whether it gives log-probabilities."""


class Question(Struct, frozen=True, kw_only=True):
    """The request that a recipe answers."""

    content: Content
    """As the caller said it, the route's prompt before it."""
    stream: bool = False
    needs: frozenset[Need] = frozenset()
    seed: int = 0
    """All chance of the recipe comes from it."""
    task: str = ""
    """Task class; empty: unknown."""
    objective: str = ""
    seats: tuple[Seated, ...] = ()
    """The route's candidates in the order that was decided on, who answer where a recipe names nobody; and the seats
    that the recipe names."""
    impact: str = ""
    """`low`, `medium` or `high`: what hangs on the answer; empty: unknown."""
    contract: ContractSettings | None = None
    """What the recipe asks of an answer."""
    gain: Gain | None = None
    """The model of expected gain that the recipe goes by; None: it has none."""


class Asked(Struct, frozen=True, kw_only=True):
    """One call of a recipe."""

    step: str
    """Name of its step in the plan, `member-2` or `judge`: the receipt tells its attempts and outcome by it."""
    seat: str
    """Who answers: a seat of the plan. It stands for one or more deployments, made safe by `calls`."""
    content: Content | None = None
    """What is said; None: the caller's request as it came."""
    stands_in: Content | None = None
    """What is said where `content` was refused as too long; None: nothing else is tried."""
    logprobs: bool = False
    """Ask for log-probabilities where the seat can give them."""
    seed: int = 0
    """Which of several answers of one seat this is to be; 0: the request's own. It goes out as `seed` where that is known."""
    timeout_s: float | None = None
    """Of this call alone; None: as long as the envelope lasts."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a call gave."""

    step: str
    seat: str
    deployment: str
    response: Response
    """In canonical form; of a streamed final answer nothing is in it yet."""
    text: str
    """The text of its first choice, thoughts aside."""
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    took_s: float = 0.0
    logprobs: tuple[float, ...] | None = None
    """Of its tokens, in order; None: it gave none."""
    margins: tuple[float, ...] | None = None
    """By how much each token's log-probability is above the next best one's."""
    streams: bool = False
    """It is under way to the caller: nothing may be done with it but to return it."""
    handle: Any = None
    """Whoever made the call finds its bytes by this."""

    @property
    def message(self) -> Message:
        """Of its first choice. Raises: IndexError, when it has none."""
        return self.response.choices[0].message

    @property
    def calls_tools(self) -> bool:
        """It asks for tools: no text of it may be judged, voted on or edited."""
        choices = self.response.choices
        return bool(choices) and any(isinstance(part, ToolCall) for part in choices[0].message.parts)


class Failed(Struct, frozen=True, kw_only=True):
    """A call that gave nothing."""

    step: str
    seat: str
    error: AntiphonError
    took_s: float = 0.0


class Calls(ABC):
    """Makes the calls of one recipe's run. Each draws on the envelope before it is made, and gives the rest back."""

    sandbox: Sandbox | None = None
    """Where programs in answers run; None: nowhere."""

    @abstractmethod
    def now_s(self) -> float:
        """Seconds on the steady clock."""

    @abstractmethod
    def bound(self, asked: Asked) -> Bound:
        """The most that a call may use. No part of it is sent."""

    @abstractmethod
    async def ask(self, asked: Asked) -> Answer:
        """Make a call, and wait for its whole answer.

        Raises: EnvelopeExceeded, before anything is sent, when the call is more than is left; AntiphonError, when nobody
            at its seat could answer. Cancelled, it ends at once and its attempts are settled.
        """

    @abstractmethod
    async def final(self, asked: Asked) -> Answer:
        """The same for the answer that goes to the caller: where the caller asked for a stream, it returns at the first
        content, and the rest goes out as it comes.
        """

    @abstractmethod
    def note(self, noted: Noted) -> None:
        """Tell the receipt what was decided, and a caller who asked for progress."""

    def rate(self, answer: Answer, source: Source, score: float) -> None:  # noqa: B027 - scores are for those who keep them
        """Tell how good an answer was found to be, 0 to 1: it counts for the quality of the deployment that gave it."""


def text_of(message: Message) -> str:
    """A message's text, thoughts aside."""
    return "".join(part.text for part in message.parts if isinstance(part, Text))
