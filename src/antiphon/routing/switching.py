"""Whether a session stays with the deployment that answered last, whose prompt cache it would lose."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from antiphon.core.chance import Previous
from antiphon.core.deployment import Price
from antiphon.core.money import NanoUsd
from antiphon.core.plan import Predicted
from antiphon.routing.objective import nano_usd
from antiphon.routing.settings_rules import SwitchSettings

NANO_PER_S = 1_000_000_000


class Switch(Struct, frozen=True, kw_only=True):
    """When a session leaves a deployment, ready to be applied."""

    idle_ns: int
    worth_nano_usd: int | None = None
    least_gain_nano_usd: int = 0


class Stay(Struct, frozen=True, gc=False, kw_only=True):
    """What was decided on a session's deployment, and on what."""

    previous: str
    outcome: Literal["stayed", "switched", "idle", "gone"]
    """`idle`: the session waited too long; `gone`: the deployment isn't among the candidates that are ready."""
    gain_nano_usd: int | None = None
    """Of asking the other one, in money and in quality's worth. None: unknown."""
    loss_nano_usd: int = 0
    """Of the prompt cache."""

    @property
    def told(self) -> str:
        """In a line."""
        gain = "unknown" if self.gain_nano_usd is None else f"{self.gain_nano_usd} nano-USD"
        weighed = f": another gains {gain}, and the prompt cache is worth {self.loss_nano_usd} nano-USD"
        return f"{self.outcome}, from {self.previous}{weighed if self.outcome in {'stayed', 'switched'} else ''}"


def switch(settings: SwitchSettings) -> Switch:
    """A switch cost, ready to be applied."""
    return Switch(
        idle_ns=round(settings.idle_s * NANO_PER_S),
        worth_nano_usd=None if settings.worth_usd is None else nano_usd(settings.worth_usd),
        least_gain_nano_usd=nano_usd(settings.least_gain_usd),
    )


def cache_loss(price: Price | None, cached_tokens: int) -> NanoUsd:
    """What a prompt that a provider has kept saves there; 0 where it has no price for such tokens."""
    if price is None or price.cached_input is None:
        return NanoUsd(0)
    return NanoUsd(max(cached_tokens, 0) * max(price.input - price.cached_input, 0) // 1000)


def settle(switch: Switch, ready: Sequence[Predicted], previous: Previous, price: Price | None, now_ns: int) -> Stay:
    """Whether to stay with who answered last.

    Args:
        ready: Candidates in order, those left out that aren't ready.
        price: Of the previous deployment.
    """
    name = previous.deployment
    if now_ns - previous.at_ns > switch.idle_ns:
        return Stay(previous=name, outcome="idle")
    mine = next((one for one in ready if one.deployment == name), None)
    if mine is None:
        return Stay(previous=name, outcome="gone")
    loss = cache_loss(price, previous.cached_tokens)
    if ready[0] is mine:
        return Stay(previous=name, outcome="stayed", gain_nano_usd=0, loss_nano_usd=loss)
    gain = _gain(ready[0], mine, switch.worth_nano_usd)
    leaves = gain is not None and gain > loss + switch.least_gain_nano_usd
    return Stay(previous=name, outcome="switched" if leaves else "stayed", gain_nano_usd=gain, loss_nano_usd=loss)


def _gain(other: Predicted, mine: Predicted, worth_nano_usd: int | None) -> int | None:
    """Of asking the other one. A difference in quality or cost that is unknown is no gain; None: both are."""
    money = (
        mine.cost_nano_usd - other.cost_nano_usd
        if mine.cost_nano_usd is not None and other.cost_nano_usd is not None
        else None
    )
    if worth_nano_usd is None or mine.quality is None or other.quality is None:
        return money
    return (money or 0) + round((other.quality - mine.quality) * worth_nano_usd)
