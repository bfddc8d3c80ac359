"""Several answers, and a judge who picks one."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from antiphon.recipes.port import Seated
from antiphon.recipes.settings_judging import JudgingSettings
from antiphon.recipes.settings_members import SamplesSettings, Seat
from antiphon.recipes.shape import StepShape, names

JUDGE = "judge"


class BestOfSettings(SamplesSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members answer, and a judge picks the best answer: by a score of each, or in a tournament of pairs."""

    judge: Annotated[
        Seat,
        Meta(description="Who judges: a model, `tier/NAME` or a route. Default: the first member."),
    ] = ""
    by: Annotated[
        Literal["score", "pairs"],
        Meta(
            description="`score`: each answer is judged by itself, a call each; `pairs`: a knock-out of pairs, each judged in both orders, so that an answer that wins by standing first doesn't go on: two calls for each answer but one. Default score."
        ),
    ] = "score"
    judging: Annotated[JudgingSettings, Meta(description="How the judge is asked.")] = JudgingSettings()

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return (*self.members, *([self.judge] if self.judge else []))

    def who_judges(self, seats: Sequence[Seated] = ()) -> str:
        """The judge's seat."""
        return self.judge or self.those(seats)[0]

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape."""
        answers = self.answers(seats)
        judgements = len(answers) if self.by == "score" else 2 * (len(answers) - 1)
        if len(answers) < 2:
            return answers
        judge = StepShape(
            name=JUDGE,
            seat=self.who_judges(seats),
            role="judge",
            after=names(answers),
            only_if="two answers differ",
            most_calls=judgements,
        )
        return (*answers, judge)
