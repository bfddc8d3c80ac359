"""What a run of a recipe may use in all: each call draws its bound before it is made, and gives back what it didn't use."""

from msgspec import Struct

from antiphon.core.error import EnvelopeExceeded
from antiphon.core.plan import Envelope
from antiphon.core.ticket import Bound


class Draw(Struct, frozen=True, gc=False):
    """What one call has drawn."""

    money_nano_usd: int
    tokens: int


class Purse:
    """An envelope while it is used. Never more is drawn than it has, whatever fails."""

    __slots__ = ("_calls", "_money", "_running", "_tokens", "_until_s", "envelope", "most_at_once")

    def __init__(self, envelope: Envelope, began_s: float) -> None:
        """`began_s`: steady seconds."""
        self.envelope = envelope
        self._calls = 0
        self._running = 0
        self.most_at_once = 0
        self._money = 0
        """Drawn by those that run, and used by those that have ended."""
        self._tokens = 0
        self._until_s = began_s + envelope.seconds

    @property
    def calls(self) -> int:
        """Calls that were begun."""
        return self._calls

    @property
    def spent_nano_usd(self) -> int:
        """Drawn and used so far."""
        return self._money

    @property
    def tokens(self) -> int:
        """Output tokens, drawn and used so far."""
        return self._tokens

    def left_s(self, now_s: float) -> float:
        """Seconds that are left; 0 when it is over."""
        return max(0.0, self._until_s - now_s)

    def why_not(self, bound: Bound, output_tokens: int | None, now_s: float, *, again: bool = False) -> str:
        """Why a call can't be made; empty when it can."""
        limits = self.envelope
        if self._calls >= limits.calls and not again:
            return f"{self._calls} of {limits.calls} calls were made"
        if now_s >= self._until_s:
            return f"its {limits.seconds:g} s are over"
        if limits.money_nano_usd is not None:
            if bound.money_nano_usd is None:
                return "what the call may cost is unknown, and the envelope bounds money"
            if self._money + bound.money_nano_usd > limits.money_nano_usd:
                return (
                    f"{bound.money_nano_usd} nano-USD more than the {limits.money_nano_usd - self._money} that are left"
                )
        if limits.output_tokens is not None and output_tokens is None:
            return "how long its answer may be is unknown, and the envelope bounds output tokens: send `max_tokens`"
        if limits.output_tokens is not None and self._tokens + (output_tokens or 0) > limits.output_tokens:
            return (
                f"{output_tokens} output tokens are more than the {limits.output_tokens - self._tokens} that are left"
            )
        return ""

    def draw(self, bound: Bound, output_tokens: int | None, now_s: float, *, again: bool = False) -> Draw:
        """Draw a call's bound.

        Args:
            output_tokens: The most of all its answers together; None: unknown.
            again: It is a further attempt of a call that was counted.
        Raises: EnvelopeExceeded, and then nothing was drawn.
        """
        why = self.why_not(bound, output_tokens, now_s, again=again)
        if why:
            raise EnvelopeExceeded(f"the recipe's envelope has no room for another call: {why}")
        drawn = Draw(bound.money_nano_usd or 0, output_tokens or 0)
        self._calls += 0 if again else 1
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        self._money += drawn.money_nano_usd
        self._tokens += drawn.tokens
        return drawn

    def settle(self, drawn: Draw, cost_nano_usd: int, output_tokens: int) -> None:
        """Count what a call used instead of what it drew. What an upstream bills beyond its own maximum counts whole."""
        self._running -= 1
        self._money += cost_nano_usd - drawn.money_nano_usd
        self._tokens += output_tokens - drawn.tokens
