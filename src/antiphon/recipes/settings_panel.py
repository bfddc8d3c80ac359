"""Independent answers, a comparison of them, and one answer made of both."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_panel import FINAL, JUDGE
from antiphon.recipes.settings_judging import JudgingSettings
from antiphon.recipes.settings_members import SamplesSettings, Seat
from antiphon.recipes.shape import StepShape, names

JUDGE_STEP = "judge"
FINAL_STEP = "final"
Prompt = Annotated[str, Meta(min_length=1, max_length=20_000)]


class PanelSettings(SamplesSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members answer independently, a judge compares their answers, and a final author writes the answer."""

    judge: Annotated[
        Seat, Meta(description="Who compares: a model, `tier/NAME` or a route. Default: the first member.")
    ] = ""
    final: Annotated[
        Seat, Meta(description="Who writes the answer: a model, `tier/NAME` or a route. Default: the judge.")
    ] = ""
    judge_prompt: Annotated[
        Prompt,
        Meta(
            description="What the judge is to do, in words, up to 20000 characters; the answers and the form of its own answer are put to it. Default: compare, don't answer."
        ),
    ] = JUDGE
    final_prompt: Annotated[
        Prompt,
        Meta(
            description="What the final author is to do, up to 20000 characters; the answers and their comparison are put to it. Default: write the best answer, without a word about others."
        ),
    ] = FINAL
    unanimous: Annotated[
        bool,
        Meta(
            description="When all answers come to the same, and there are two or more, one of them is released without the judge and the final call. Default false."
        ),
    ] = False
    tools: Annotated[
        Literal["final", "all"],
        Meta(
            description="Who is offered the caller's tools: the `final` author alone, or `all` members too: where half of them or more call tools, the first such answer is released. Default final."
        ),
    ] = "final"
    judging: Annotated[JudgingSettings, Meta(description="How the judge is asked.")] = JudgingSettings()

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(seat for seat in (*self.members, self.judge, self.final) if seat)

    def who_judges(self, seats: Sequence[Seated] = ()) -> str:
        """The judge's seat."""
        return self.judge or self.those(seats)[0]

    def who_writes(self, seats: Sequence[Seated] = ()) -> str:
        """The final author's seat."""
        return self.final or self.who_judges(seats)

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape."""
        answers = self.answers(seats)
        writes = self.who_writes(seats)
        if len(answers) < 2:
            alone = "no member has answered"
            return (
                *answers,
                StepShape(name=FINAL_STEP, seat=writes, role="final", after=names(answers), only_if=alone),
            )
        differ = "two answers differ" if self.unanimous else "two members have answered"
        judge = StepShape(
            name=JUDGE_STEP,
            seat=self.who_judges(seats),
            role="judge",
            after=names(answers),
            only_if=differ,
            most_calls=2,
        )
        final = StepShape(
            name=FINAL_STEP, seat=writes, role="final", after=(JUDGE_STEP,), only_if=f"{differ}, or none has answered"
        )
        return (*answers, judge, final)
