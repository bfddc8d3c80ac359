"""Several answers, each rated by those who didn't give it."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from antiphon.recipes.port import Seated
from antiphon.recipes.settings_judging import JudgingSettings
from antiphon.recipes.settings_members import MOST_MEMBERS, SamplesSettings, Seat
from antiphon.recipes.shape import StepShape, names

Aggregate = Literal["mean", "trimmed", "median", "rank"]


class RatingsSettings(SamplesSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members answer, raters give each answer a number without knowing whose it is, and the best rated one is released."""

    raters: Annotated[
        list[Seat],
        Meta(
            max_length=MOST_MEMBERS,
            description="Who rates: models, `tier/NAME` or routes, up to 32. Default: the members, each all answers but its own.",
        ),
    ] = []
    aggregate: Annotated[
        Aggregate,
        Meta(
            description="How ratings of an answer become one: `mean`; `trimmed`, the mean without the highest and the lowest, where there are three or more; `median`; `rank`, the mean place in each rater's own order, so that harsh and mild raters count the same. Default mean."
        ),
    ] = "mean"
    choices: Annotated[
        Literal["best", "all"],
        Meta(
            description="What is released: the `best` answer, and as many of the next ones as the caller asked for with `n`; or `all`, each as a choice, the best first. Default best."
        ),
    ] = "best"
    judging: Annotated[JudgingSettings, Meta(description="How raters are asked.")] = JudgingSettings()

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return (*self.members, *self.raters)

    def who_rates(self, seats: Sequence[Seated] = ()) -> tuple[str, ...]:
        """Seats of the raters."""
        return tuple(self.raters) or tuple(dict.fromkeys(self.drawn(seats)))

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape."""
        answers = self.answers(seats)
        raters = tuple(
            StepShape(name=f"rate-{place}", seat=seat, role="rater", after=names(answers), only_if="two answers differ")
            for place, seat in enumerate(self.who_rates(seats), 1)
        )
        return (*answers, *raters)
