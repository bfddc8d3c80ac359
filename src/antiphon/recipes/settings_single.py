"""One call."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
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

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return (self.seat,) if self.seat else ()

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        return (StepShape(name="answer", seat=self.seat, role="answer"),)
