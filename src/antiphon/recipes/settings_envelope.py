"""The most that one run of a recipe may use."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.core.money import NANO_PER_USD
from antiphon.core.plan import Envelope
from antiphon.recipes.shape import StepShape, most_calls


class EnvelopeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one run. A call that doesn't fit into what is left of them isn't made."""

    money_usd: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000)] | None,
        Meta(
            description="US dollars that all calls together may cost: above 0, up to 1000000. Each call draws the most that it may cost before it is made. Default null: budgets alone bound it."
        ),
    ] = None
    calls: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | None,
        Meta(description="Calls in all, 1 to 1000. Default null: as many as the recipe's steps can make."),
    ] = None
    seconds: Annotated[
        float, Meta(gt=0, le=86_400, description="Seconds in all: above 0, up to 86400. Default 600.")
    ] = 600.0
    output_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=100_000_000)] | None,
        Meta(description="Output tokens of all answers together, 1 to 100000000. Default null: no bound of its own."),
    ] = None
    concurrency: Annotated[int, Meta(ge=1, le=256, description="Calls at once, 1 to 256. Default 8.")] = 8

    def envelope(self, steps: Sequence[StepShape], attempts: int = 1) -> Envelope:
        """As the plan has it. `attempts`: of each call."""
        return Envelope(
            attempts=attempts,
            seconds=self.seconds,
            output_tokens=self.output_tokens,
            money_nano_usd=None if self.money_usd is None else round(self.money_usd * NANO_PER_USD),
            calls=most_calls(steps) if self.calls is None else self.calls,
            concurrency=self.concurrency,
        )
