"""A recipe that is a Python function."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
from antiphon.recipes.shape import ROUTE_SEAT, StepShape

CALL = r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$"


class PythonSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An `async def` of (request, calls, envelope) that gives an answer."""

    call: Annotated[
        str,
        Meta(
            pattern=CALL,
            max_length=400,
            description="`module:name` of an `async def` of three arguments (request, calls, envelope). The module is imported when the configuration is read.",
        ),
    ]
    members: Annotated[
        list[str],
        Meta(
            max_length=64,
            description="Seats that it may ask: models, `tier/NAME` or routes, up to 64. Its calls name one of them; an empty name asks the route's own candidates. Default: none but those.",
        ),
    ] = []
    most_calls: Annotated[
        int, Meta(ge=1, le=1000, description="The most calls of each seat, 1 to 1000. Default 8.")
    ] = 8
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds that it may take: above 0, up to 86400. Then the best answer that came is given. Default null: as long as the envelope lasts."
        ),
    ] = None

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(dict.fromkeys(self.members))

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """A step for each seat: its calls ask as `again("answer-1", number)`."""
        return tuple(
            StepShape(
                name=f"answer-{place}",
                seat=seat,
                role="answer",
                only_if="the function asks",
                most_calls=self.most_calls,
            )
            for place, seat in enumerate(self.seats() or (ROUTE_SEAT,), 1)
        )
