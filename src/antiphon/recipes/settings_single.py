"""One call."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
from antiphon.recipes.settings_members import Effort
from antiphon.recipes.shape import ROUTE_SEAT, StepShape


class SingleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call to one seat."""

    seat: Annotated[
        str,
        Meta(
            max_length=200,
            description="Who answers: a model, `tier/NAME` or a route. Default: the route's own candidates, whichever the call picks.",
        ),
    ] = ROUTE_SEAT
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        Meta(description="Of the answer, 0 to 2. Default null: the caller's."),
    ] = None
    effort: Annotated[
        Effort | None,
        Meta(
            description="How much the model thinks, from `none` to `max`, where it can be told. Default null: the caller's."
        ),
    ] = None
    output_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="The most tokens of the answer, 1 to 1000000. Default null: the caller's."),
    ] = None

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return (self.seat,) if self.seat else ()

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        return (StepShape(name="answer", seat=self.seat, role="answer"),)
