"""A call's place in a recipe, whose envelope each of its attempts draws on."""

from typing import Protocol

from antiphon.core.ticket import Bound


class Drawn(Protocol):
    """What an attempt has drawn."""

    def settle(self, cost_nano_usd: int, output_tokens: int) -> None:
        """Count what it used instead, once; 0 and 0: nothing was sent."""
        ...


class Part(Protocol):
    """A call's place in a recipe."""

    step: str
    """The step of the plan that it is made for."""

    def draw(self, bound: Bound, output_tokens: int | None) -> Drawn:
        """Draw what an attempt may use. Raises: EnvelopeExceeded, and then nothing was drawn.

        Args:
            output_tokens: The most of all its answers together; None: unknown.
        """
        ...
