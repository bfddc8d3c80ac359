"""Members answer, see each other's answers, and revise their own; then a vote or a judge decides."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_rounds import DEBATE, JUDGE
from antiphon.recipes.settings_members import MOST_ANSWERS, Seat
from antiphon.recipes.settings_rounds import RoundsSettings
from antiphon.recipes.shape import StepShape

JUDGE_STEP = "judge"


class DebateSettings(RoundsSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A debate. Source: Du et al. 2023, "Improving Factuality and Reasoning in Language Models through Multiagent Debate",
    arXiv 2305.14325: gains are most within three members and two rounds.
    """

    rounds: Annotated[
        int, Meta(ge=1, le=5, description="How often members revise their answers at most, 1 to 5. Default 2.")
    ] = 2
    decide: Annotated[
        Literal["vote", "judge"],
        Meta(
            description="What decides in the end: `vote` releases the answer that most members come to, `judge` lets a seat write the answer, as a stream where one was asked for. Default vote."
        ),
    ] = "vote"
    judge: Annotated[
        Seat, Meta(description="Who judges: a model, `tier/NAME` or a route. Default: the first member.")
    ] = ""
    most_references: Annotated[
        Annotated[int, Meta(ge=1, le=32)] | None,
        Meta(
            description="Answers of others that each member sees, 1 to 32, drawn at random for each. Default null: all."
        ),
    ] = None
    prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What members are told before the answers, up to 20000 characters. Default: to look for mistakes, and to change their answer only where they are convinced.",
        ),
    ] = DEBATE
    judge_prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What the judge is told before the answers, up to 20000 characters. Default: to decide which is right, and answer.",
        ),
    ] = JUDGE

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return (*self.members, *([self.judge] if self.judge else []))

    def judge_seat(self, seats: Sequence[Seated] = ()) -> str:
        return self.judge or self.those(seats)[0]

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        made: list[StepShape] = []
        before: tuple[str, ...] = ()
        only_if = "the answers before it differ" if self.early_stop else ""
        for number in range(1, self.rounds + 2):
            calls = calls_of(self, number, seats)
            made += [
                StepShape(name=step, seat=seat, role="member", after=before, only_if=only_if if before else "")
                for step, seat in calls
            ]
            before = tuple(step for step, _ in calls)
        if self.decide == "judge":
            seat = self.judge_seat(seats)
            made.append(StepShape(name=JUDGE_STEP, seat=seat, role="final", after=before, only_if=only_if))
        return tuple(made)

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        found = super().check()
        answers = len(self.members) * (self.rounds + 1)
        if answers > MOST_ANSWERS:
            found.append(("rounds", f"{answers} answers are more than {MOST_ANSWERS}", "write fewer rounds or members"))
        if len(self.members) == 1:
            found.append(("members", "one member has nobody to debate with", "name two or more"))
        if self.judge and self.decide != "judge":
            found.append(("judge", "a vote decides", "write `decide: judge`, or leave it out"))
        return found


def calls_of(settings: DebateSettings, number: int, seats: Sequence[Seated]) -> tuple[tuple[str, str], ...]:
    """A round's calls, the first answers being round 1: step and seat of each member, in order."""
    return tuple((f"round-{number}-{place}", seat) for place, seat in enumerate(settings.those(seats), 1))
