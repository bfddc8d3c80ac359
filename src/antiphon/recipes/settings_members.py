"""Those who answer side by side, in every pattern that has such."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
from antiphon.recipes.shape import ROUTE_SEAT, Role, StepShape

Seat = Annotated[str, Meta(max_length=200)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
MOST_MEMBERS = 32
MOST_ANSWERS = 64
SAMPLES = 5
"""Of a single member. Source: accuracy of self-consistency rises most over the first five paths; Wang et al. 2023,
"Self-Consistency Improves Chain of Thought Reasoning in Language Models", figure 2.
"""


class MembersSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who answers, how, and how long they are waited for."""

    members: Annotated[
        list[Seat],
        Meta(
            max_length=MOST_MEMBERS,
            description="Who answers: models, `tier/NAME` or routes, up to 32; a seat may stand there more than once. Default: the route's candidates, each once.",
        ),
    ] = []
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        Meta(
            description="Of their answers, 0 to 2. Default null: the caller's; 0.7 where that is 0 and one member is to answer several times."
        ),
    ] = None
    effort: Annotated[
        Effort | None,
        Meta(
            description="How much they think, from `none` to `max`, where a model can be told. Default null: the caller's."
        ),
    ] = None
    output_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="The most tokens of each of their answers, 1 to 1000000. Default null: the caller's."),
    ] = None
    concurrency: Annotated[
        Annotated[int, Meta(ge=1, le=256)] | None,
        Meta(description="Calls at once, 1 to 256. Default null: as many as the envelope lets run."),
    ] = None
    quorum: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_ANSWERS)] | None,
        Meta(
            description="So many answers that say something are needed, 1 to 64, and enough once `grace_s` more have passed: who is late then is cut off. Default null: all are waited for, and one is enough."
        ),
    ] = None
    grace_s: Annotated[
        float,
        Meta(
            ge=0, le=3600, description="Seconds that the others get once a quorum has answered, up to 3600. Default 0."
        ),
    ] = 0.0
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds that each round of calls may take: above 0, up to 86400. What came by then is gone on with. Default null: as long as the envelope lasts."
        ),
    ] = None

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(self.members)

    def drawn(self, seats: Sequence[Seated] = ()) -> tuple[str, ...]:
        """The seat of each answer, in order."""
        return self.those(seats)

    def those(self, seats: Sequence[Seated]) -> tuple[str, ...]:
        """The members: those that are named, else the route's candidates, else whoever answers for the route."""
        candidates = tuple(one.seat for one in seats if one.candidate)[:MOST_MEMBERS]
        return tuple(self.members) or candidates or (ROUTE_SEAT,)

    def answers(self, seats: Sequence[Seated], role: Role = "member") -> tuple[StepShape, ...]:
        """A step for each answer."""
        return tuple(
            StepShape(name=f"{role}-{place}", seat=seat, role=role) for place, seat in enumerate(self.drawn(seats), 1)
        )

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        most = len(self.drawn()) if self.members else MOST_ANSWERS
        if self.quorum is None or self.quorum <= most:
            return []
        return [("quorum", f"{self.quorum} is more than the {most} answers that there are", f"write {most} or less")]


class SamplesSettings(MembersSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same where each member may answer several times."""

    samples: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_MEMBERS)] | None,
        Meta(
            description="Answers of each member, 1 to 32; 64 in all. Default null: 5 of a single member, 1 of each of several."
        ),
    ] = None

    def drawn(self, seats: Sequence[Seated] = ()) -> tuple[str, ...]:
        """The seat of each answer: each member's first one, then each one's second, and so on."""
        those = self.those(seats)
        each = self.samples or (SAMPLES if len(those) == 1 else 1)
        return (those * each)[:MOST_ANSWERS]

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        all_of_them = len(self.members) * (self.samples or 1)
        if all_of_them > MOST_ANSWERS:
            return [("samples", f"{all_of_them} answers are more than {MOST_ANSWERS}", "write fewer")]
        return super().check()
