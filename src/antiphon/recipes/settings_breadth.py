"""Rounds of many answers, each of which sees those of the round before; then one that makes the best of them."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_rounds import BREADTH
from antiphon.recipes.settings_members import MOST_ANSWERS, Seat
from antiphon.recipes.settings_rounds import RoundsSettings
from antiphon.recipes.shape import StepShape

Distribution = Literal["equal", "weighted", "round_robin", "first"]
FINAL_STEP = "final"
Width = Annotated[int, Meta(ge=1, le=32)]


class BreadthSettings(RoundsSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members answer side by side, then again with the answers in view; a last call makes one answer of them.

    Source: PaCoRe, arXiv 2601.05593 (rounds of parallel answers, compacted, that the next round sees).
    """

    schedule: Annotated[
        tuple[Width, ...],
        Meta(
            min_length=1,
            max_length=5,
            description="Answers of each round, such as `[4, 2]`: 1 to 5 rounds, 1 to 32 answers each, 64 in all. The last call isn't among them. Default [4].",
        ),
    ] = (4,)
    distribution: Annotated[
        Distribution,
        Meta(
            description="Who gives a round's answers: `equal` all members, those that stand first one more where it doesn't come out even; `round_robin` one after another, each round going on where the last one ended; `weighted` by `weights`; `first` the first member alone. Default equal."
        ),
    ] = "equal"
    weights: Annotated[
        dict[str, Annotated[float, Meta(ge=0, le=1000)]],
        Meta(
            max_length=64,
            description="For `weighted`: each member's part of a round's answers, by its seat, 0 to 1000; one that isn't there has 1. Default: all the same.",
        ),
    ] = {}
    final: Annotated[
        Seat,
        Meta(description="Who makes one answer of them: a model, `tier/NAME` or a route. Default: the first member."),
    ] = ""
    most_references: Annotated[
        Annotated[int, Meta(ge=1, le=32)] | None,
        Meta(description="Answers of a round that the next one sees, 1 to 32, drawn at random. Default null: all."),
    ] = None
    prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What members are told before the answers of the round before, up to 20000 characters. Default: to weigh them and answer.",
        ),
    ] = BREADTH
    final_prompt: Annotated[
        str,
        Meta(
            max_length=20_000,
            description="What is said before the answers to who makes one of them, up to 20000 characters. Default: the same.",
        ),
    ] = BREADTH

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return (*self.members, *([self.final] if self.final else []))

    def rounds(self, seats: Sequence[Seated] = ()) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Each round's calls: step and seat."""
        those, passed, made = self.those(seats), 0, list[tuple[tuple[str, str], ...]]()
        for number, width in enumerate(self.schedule, 1):
            drawn = distributed(those, width, self.distribution, self.weights, passed)
            passed += width
            made.append(tuple((f"round-{number}-{place}", seat) for place, seat in enumerate(drawn, 1)))
        return tuple(made)

    def final_seat(self, seats: Sequence[Seated] = ()) -> str:
        return self.final or self.those(seats)[0]

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        made: list[StepShape] = []
        before: tuple[str, ...] = ()
        for calls in self.rounds(seats):
            only_if = "the answers before it differ" if before and self.early_stop else ""
            made += [
                StepShape(name=step, seat=seat, role="member", after=before, only_if=only_if) for step, seat in calls
            ]
            before = tuple(step for step, _ in calls)
        only_if = "the answers before it differ" if self.early_stop else ""
        final = StepShape(name=FINAL_STEP, seat=self.final_seat(seats), role="final", after=before, only_if=only_if)
        return (*made, final)

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        found: list[tuple[str, str, str]] = []
        if sum(self.schedule) > MOST_ANSWERS:
            found.append(("schedule", f"{sum(self.schedule)} answers are more than {MOST_ANSWERS}", "write fewer"))
        if self.quorum is not None and self.quorum > min(self.schedule):
            least = min(self.schedule)
            found.append(
                ("quorum", f"{self.quorum} is more than the {least} answers of a round", f"write {least} or less")
            )
        unknown = [seat for seat in self.weights if self.members and seat not in self.members]
        found += [
            (f"weights.{seat}", "it is no member", "name it under `members`, or leave it out") for seat in unknown
        ]
        if self.weights and self.distribution != "weighted":
            found.append(("weights", f"the distribution is {self.distribution}", "write `distribution: weighted`"))
        if self.weights and self.members and not any(self.weights.get(seat, 1.0) for seat in self.members):
            found.append(("weights", "no member has any", "give one of them more than 0"))
        return found


def distributed(
    seats: Sequence[str], width: int, how: Distribution, weights: dict[str, float], passed: int = 0
) -> tuple[str, ...]:
    """The seat of each of a round's answers, seats in their order.

    Args:
        passed: Answers of the rounds before.
    """
    match how:
        case "first":
            counts = [width, *[0] * (len(seats) - 1)]
        case "equal":
            counts = [width // len(seats) + (place < width % len(seats)) for place in range(len(seats))]
        case "round_robin":
            turns = [(passed + turn) % len(seats) for turn in range(width)]
            counts = [turns.count(place) for place in range(len(seats))]
        case "weighted":
            counts = _by_weight([weights.get(seat, 1.0) for seat in seats], width)
    return tuple(seat for seat, count in zip(seats, counts, strict=True) for _ in range(count))


def _by_weight(weights: Sequence[float], width: int) -> list[int]:
    """Whole parts by the largest remainders. Source: Hamilton's method of apportionment."""
    total = sum(weights)
    exact = [width * weight / total for weight in weights] if total else [width / len(weights)] * len(weights)
    counts = [int(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda place: (counts[place] - exact[place], place))
    for place in order[: width - sum(counts)]:
        counts[place] += 1
    return counts
