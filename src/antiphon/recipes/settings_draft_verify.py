"""A cheap draft, and a strong verifier that accepts it or writes the answer itself."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_verdict import REWRITE, VERIFY
from antiphon.recipes.settings_members import Seat
from antiphon.recipes.shape import ROUTE_SEAT, StepShape

DRAFT, VERIFIER, FINAL_STEP = "draft", "verifier", "final"
_NAMED = "a model, `tier/NAME` or a route"


class DraftVerifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Draft, judge, and write only where the judgement says so."""

    draft: Annotated[Seat, Meta(description=f"Who drafts: {_NAMED}. Default: the route's first candidate.")] = ""
    verifier: Annotated[
        Seat,
        Meta(
            description=f"Who judges the draft, and writes the answer where it doesn't accept it: {_NAMED}. Default: the route's last candidate."
        ),
    ] = ""
    contract_first: Annotated[
        bool,
        Meta(
            description="A draft that breaks the recipe's contract isn't judged: the verifier writes at once. Default true."
        ),
    ] = True
    verify_prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What the verifier is told before the draft, up to 20000 characters. Default: to judge whether it can go out as it is.",
        ),
    ] = VERIFY
    prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What the verifier is told before it writes, up to 20000 characters. Default: to answer itself, and take over what is right.",
        ),
    ] = REWRITE

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(seat for seat in (self.draft, self.verifier) if seat)

    def both(self, seats: Sequence[Seated] = ()) -> tuple[str, str]:
        """Who drafts, and who verifies."""
        candidates = [one.seat for one in seats if one.candidate] or [ROUTE_SEAT]
        return self.draft or candidates[0], self.verifier or candidates[-1]

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        draft, verifier = self.both(seats)
        return (
            StepShape(name=DRAFT, seat=draft, role="draft"),
            StepShape(name=VERIFIER, seat=verifier, role="verifier", after=(DRAFT,), only_if="there is a whole draft"),
            StepShape(
                name=FINAL_STEP, seat=verifier, role="final", after=(VERIFIER,), only_if="the draft isn't accepted"
            ),
        )
