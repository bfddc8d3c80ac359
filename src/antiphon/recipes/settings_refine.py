"""An answer that is criticised and revised until it holds."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_verdict import REVISE, VERIFY
from antiphon.recipes.settings_members import Seat
from antiphon.recipes.shape import ROUTE_SEAT, StepShape

DRAFT, CRITIC, REVISION = "draft", "critic", "revision"


class RefineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Draft, criticise, revise. The best draft so far is kept."""

    seat: Annotated[
        Seat,
        Meta(description="Who writes: a model, `tier/NAME` or a route. Default: the route's own candidates."),
    ] = ROUTE_SEAT
    critic: Annotated[Seat, Meta(description="Who criticises, in the same form. Default: who writes.")] = ""
    until: Annotated[
        Literal["critic", "contract", "both"],
        Meta(
            description="Who has to accept an answer: `critic` a model's judgement, `contract` the recipe's contract (a program is run, a schema is checked; no model is asked), `both` the contract first. Default critic."
        ),
    ] = "critic"
    rounds: Annotated[int, Meta(ge=1, le=5, description="How often it is revised at most, 1 to 5. Default 2.")] = 2
    check_last: Annotated[
        bool,
        Meta(
            description="The last revision is criticised too, so that the best of all goes out; false: it goes out as it is, as a stream where one was asked for. The contract is checked either way. Default true."
        ),
    ] = True
    critic_prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What the critic is told before the answer, up to 20000 characters. Default: to judge whether it can go out as it is.",
        ),
    ] = VERIFY
    prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What the writer is told before its answer and the objections, up to 20000 characters. Default: to mend what is rightly objected to.",
        ),
    ] = REVISE

    @property
    def critic_seat(self) -> str:
        return self.critic or self.seat

    @property
    def criticises(self) -> bool:
        """A model is asked."""
        return self.until != "contract"

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(seat for seat in (self.seat, self.critic) if seat)

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        made = [StepShape(name=DRAFT, seat=self.seat, role="draft")]
        before = DRAFT
        for number in range(1, self.rounds + 1):
            if self.criticises:
                made.append(self._critic(number, before))
                before = critic_step(number)
            name = revision_step(number)
            made.append(
                StepShape(name=name, seat=self.seat, role="draft", after=(before,), only_if="there are objections")
            )
            before = name
        if self.criticises and self.check_last:
            made.append(self._critic(self.rounds + 1, before))
        return tuple(made)

    def _critic(self, number: int, after: str) -> StepShape:
        only_if = "the contract holds" if self.until == "both" else ""
        return StepShape(
            name=critic_step(number), seat=self.critic_seat, role="critic", after=(after,), only_if=only_if
        )


def critic_step(number: int) -> str:
    return f"{CRITIC}-{number}"


def revision_step(number: int) -> str:
    return f"{REVISION}-{number}"
