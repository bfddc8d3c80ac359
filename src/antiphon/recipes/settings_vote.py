"""Several answers, and the one that most of them come to."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from antiphon.recipes.port import Seated
from antiphon.recipes.settings_members import SamplesSettings
from antiphon.recipes.shape import StepShape


class VoteSettings(SamplesSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members answer, answers are compared by what they come to, and the most frequent one wins."""

    weights: Annotated[
        dict[str, Annotated[float, Meta(ge=0, le=1000)]],
        Meta(
            max_length=64,
            description="What each vote of a member counts, by its seat, 0 to 1000; a member that isn't there counts 1. Default: all the same.",
        ),
    ] = {}
    by_quality: Annotated[
        bool,
        Meta(
            description="Votes count as the log-odds of the member's measured quality on this route and class of tasks; members that nothing is known of count as the mean of the others. `weights` goes before it. Default false."
        ),
    ] = False
    early_stop: Annotated[
        bool,
        Meta(
            description="Cut off who still answers when the winner can't change any more, or `agree` is reached. Default true."
        ),
    ] = True
    agree: Annotated[
        Annotated[int, Meta(ge=1, le=64)] | None,
        Meta(
            description="So many answers that come to the same end it, 1 to 64, while `early_stop` holds. Default null: only what can't change any more."
        ),
    ] = None

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape."""
        return self.answers(seats, "sample")
