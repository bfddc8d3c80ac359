"""As many answers as are worth their cost: one model, a cascade or a vote, decided call by call."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
from antiphon.recipes.settings_members import MOST_MEMBERS, Seat
from antiphon.recipes.shape import ROUTE_SEAT, StepShape

MOST_CALLS = 6


class AutoSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks while one more answer is worth its cost, and gives the likeliest one.

    With a `file` it goes by expected gain. Without one by a rule: the two cheapest members are asked at once; where they
    come to the same, that is the answer; where not, the dearest member answers. Two members or fewer: the dearest alone.
    """

    members: Annotated[
        list[Seat],
        Meta(
            max_length=MOST_MEMBERS,
            description="Who may be asked, each at most once: models, `tier/NAME` or routes, up to 32. Default: the route's candidates.",
        ),
    ] = []
    file: Annotated[
        str,
        Meta(
            max_length=1000,
            description="A model of expected gain that `antiphon route train --cascades` wrote, by its path from the configuration's. Members that it doesn't know are not asked. Default none: by the rule.",
        ),
    ] = ""
    worth_usd: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000)] | None,
        Meta(
            description="US dollars that a right answer is worth: a call is made while what it adds to the chance of one, times this, is more than it costs. Above 0, up to 1000000. Default null: as the file says, the least at which its examples were answered as well as by the best model alone. Of no effect without a `file`."
        ),
    ] = None
    call_usd: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="US dollars that each call counts beside its price, for the time it takes; 0 to 1000000. Where prices are unknown it is all that a call counts. Default 0. Of no effect without a `file`.",
        ),
    ] = 0.0
    costs: Annotated[
        Literal["trained", "live"],
        Meta(
            description="What a call is taken to cost: `trained`, what calls cost in the file's examples, or `live`, what this request likely costs by its size and current prices, where they are known. Default trained. Of no effect without a `file`."
        ),
    ] = "trained"
    most_calls: Annotated[int, Meta(ge=1, le=MOST_MEMBERS, description="Calls at most, 1 to 32. Default 6.")] = (
        MOST_CALLS
    )
    at_once: Annotated[
        int,
        Meta(
            ge=1,
            le=MOST_MEMBERS,
            description="Calls side by side at most, 1 to 32: those that are worth their cost on their own; faster, and dearer. Default 1: one after another. Of no effect without a `file`.",
        ),
    ] = 1
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds that each round of calls may take: above 0, up to 86400. Default null: as long as the envelope lasts."
        ),
    ] = None

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(self.members)

    def those(self, seats: Sequence[Seated] = ()) -> tuple[str, ...]:
        """The members, each once: those that are named, else the route's candidates, else whoever answers for the route."""
        candidates = tuple(one.seat for one in seats if one.candidate)[:MOST_MEMBERS]
        return tuple(dict.fromkeys(self.members)) or candidates or (ROUTE_SEAT,)

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """A step for each member. `seats`: the route's candidates, in order."""
        only_if = "its expected gain is worth its cost" if self.file else "the rule asks it"
        return tuple(
            StepShape(name=f"member-{place}", seat=seat, role="member", only_if=only_if)
            for place, seat in enumerate(self.those(seats), 1)
        )
