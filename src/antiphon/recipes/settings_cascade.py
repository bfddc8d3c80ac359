"""From the cheap to the dear: each stage is asked only when the one before it wasn't sure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from antiphon.recipes.port import Seated
from antiphon.recipes.settings_judging import JudgingSettings
from antiphon.recipes.settings_members import Seat
from antiphon.recipes.shape import ROUTE_SEAT, StepShape

Method = Literal["logprob", "margin", "hybrid", "agreement", "self_check", "verifier", "contract"]
Order = Literal["declared", "cost", "size", "quality", "value"]
Impact = Literal["low", "medium", "high"]
Fraction = Annotated[float, Meta(ge=0, le=1)]
CHECKS: Mapping[Method, str] = MappingProxyType({"self_check": "self-check", "verifier": "verify"})
BY: tuple[Method, ...] = ("logprob", "self_check")
MOST_STAGES = 8


class StageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage."""

    seat: Annotated[Seat, Meta(description="Who answers: a model, `tier/NAME` or a route.")]
    by: Annotated[
        list[Method] | None,
        Meta(description="As `by` of the cascade, for this stage. Default null: the cascade's."),
    ] = None
    threshold: Annotated[
        Fraction | None,
        Meta(
            description="Confidence from which this stage's answer is accepted, 0 to 1, whichever method gave it. Default null: the cascade's for the method."
        ),
    ] = None
    size_b: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000)] | None,
        Meta(description="Parameters of its model in thousand millions, for the order `size`. Default null: unknown."),
    ] = None


class ThresholdsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Confidence from which an answer is accepted, by the method that told it."""

    logprob: Annotated[
        float, Meta(ge=0, le=1, description="0 to 1. Default 0.85: a mean log-probability of -0.45.")
    ] = 0.85
    margin: Annotated[float, Meta(ge=0, le=1, description="0 to 1. Default 0.6: a mean margin of 2.75.")] = 0.6
    hybrid: Annotated[float, Meta(ge=0, le=1, description="0 to 1. Default 0.75.")] = 0.75
    agreement: Annotated[float, Meta(ge=0, le=1, description="0 to 1. Default 0.6: two answers of three.")] = 0.6
    self_check: Annotated[float, Meta(ge=0, le=1, description="0 to 1. Default 0.7.")] = 0.7
    verifier: Annotated[float, Meta(ge=0, le=1, description="0 to 1. Default 0.7.")] = 0.7
    contract: Annotated[
        float, Meta(ge=0, le=1, description="0 to 1; an answer that keeps the contract has 1. Default 1.")
    ] = 1.0


class PointSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a calibration."""

    score: Annotated[float, Meta(ge=0, le=1, description="What the method says, 0 to 1.")]
    chance: Annotated[float, Meta(ge=0, le=1, description="How often such an answer is right, 0 to 1.")]


class CalibrationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a method's score of a seat's answers means."""

    seat: Annotated[Seat, Meta(description="Whose answers: a stage's seat.")]
    method: Annotated[Method, Meta(description="Whose score.")]
    points: Annotated[
        list[PointSettings],
        Meta(
            min_length=1,
            max_length=200,
            description="Scores and chances, both rising, with straight lines between them, up to 200.",
        ),
    ]

    @property
    def table(self) -> tuple[tuple[float, float], ...]:
        """Scores and chances."""
        return tuple((point.score, point.chance) for point in self.points)


class CascadeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stages are asked one after the other until an answer is accepted. The last one's answer is taken as it is."""

    stages: Annotated[
        list[StageSettings],
        Meta(max_length=MOST_STAGES, description="The stages, up to 8. Default: the route's candidates, each one."),
    ] = []
    order: Annotated[
        Order,
        Meta(
            description="In which they are asked: as `declared`; by `cost`, the cheapest first; by `size`, the smallest first; by `quality`, the weakest first; by `value`, the best first of quality against cost. One of which this is unknown comes last, never first. Default declared."
        ),
    ] = "declared"
    cost_weight: Annotated[
        Fraction,
        Meta(
            description="What cheapness counts for in the order `value`, 0 to 1; quality counts for the rest. Default 0.3."
        ),
    ] = 0.3
    by: Annotated[
        list[Method],
        Meta(
            min_length=1,
            max_length=7,
            description="How sure an answer is, by the first of these that can tell: `logprob` (mean log-probability of its tokens), `margin` (mean distance to the next best token), `hybrid` (both), `agreement` (of further answers), `self_check` (the model rates its answer), `verifier` (another model rates it), `contract` (it keeps the recipe's contract). Default [logprob, self_check].",
        ),
    ] = field(default_factory=lambda: list(BY))
    thresholds: Annotated[
        ThresholdsSettings, Meta(description="Confidence from which an answer is accepted, by method.")
    ] = ThresholdsSettings()
    calibration: Annotated[
        list[CalibrationSettings],
        Meta(
            max_length=64,
            description="What a method's score of a seat's answers means: thresholds are held against the chance that the answer is right then. Default: scores are held against thresholds as they are.",
        ),
    ] = []
    logprob_weight: Annotated[
        Fraction,
        Meta(
            description="What the log-probability counts for in `hybrid`, 0 to 1; the margin counts for the rest. Default 0.5."
        ),
    ] = 0.5
    verifier: Annotated[
        Seat, Meta(description="Who rates answers for `verifier`: a model, `tier/NAME` or a route. Default: none.")
    ] = ""
    agree_with: Annotated[
        Seat,
        Meta(
            description="Whose answers are to agree with a stage's for `agreement`. Default: further ones of its own."
        ),
    ] = ""
    samples: Annotated[
        int,
        Meta(
            ge=2,
            le=16,
            description="Answers that are compared for `agreement`, the stage's first one included, 2 to 16. Default 3.",
        ),
    ] = 3
    last_at: Annotated[
        list[Impact],
        Meta(
            max_length=3,
            description="Impacts of requests that go to the last stage at once, of low, medium and high. Default: none.",
        ),
    ] = []
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds that each stage but the last may take, and each check of it: above 0, up to 86400. Default null: as long as the envelope lasts."
        ),
    ] = None
    judging: Annotated[JudgingSettings, Meta(description="How answers are rated for `self_check` and `verifier`.")] = (
        JudgingSettings()
    )

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        named = [stage.seat for stage in self.stages]
        return tuple(seat for seat in (*named, self.verifier, self.agree_with) if seat)

    def ordered(self, seats: Sequence[Seated] = ()) -> tuple[tuple[int, StageSettings], ...]:
        """Stages in the order in which they are asked, each with its place among those that are declared, from 1."""
        candidates = [StageSettings(seat=one.seat) for one in seats if one.candidate][:MOST_STAGES]
        stages = list(enumerate(self.stages or candidates or [StageSettings(seat=ROUTE_SEAT)], 1))
        if self.order == "declared":
            return tuple(stages)
        known = {one.seat: one for one in seats}
        measures = {
            place: self._measure(stage, known.get(stage.seat, Seated(seat=stage.seat)), seats)
            for place, stage in stages
        }
        unknown = float("inf")
        return tuple(sorted(stages, key=lambda one: unknown if (found := measures[one[0]]) is None else found))

    def _measure(self, stage: StageSettings, known: Seated, seats: Sequence[Seated]) -> float | None:
        """What stages are ordered by, the least first; None: unknown."""
        match self.order:
            case "cost":
                return known.cost_nano_usd
            case "size":
                return stage.size_b or known.size_b
            case "quality":
                return known.quality
            case _:
                dearest = max((one.cost_nano_usd or 0 for one in seats), default=0)
                if known.quality is None or known.cost_nano_usd is None:
                    return None
                cheapness = 1.0 - known.cost_nano_usd / dearest if dearest else 1.0
                return -((1.0 - self.cost_weight) * known.quality + self.cost_weight * cheapness)

    def methods(self, stage: StageSettings) -> tuple[Method, ...]:
        """How a stage's answer is looked at."""
        return tuple(self.by if stage.by is None else stage.by)

    def threshold(self, stage: StageSettings, method: Method) -> float:
        """From which confidence an answer is accepted."""
        own: float = getattr(self.thresholds, method)
        return own if stage.threshold is None else stage.threshold

    def table(self, seat: str, method: Method) -> tuple[tuple[float, float], ...]:
        """What a method's score of a seat's answers means; empty: what it says."""
        return next((one.table for one in self.calibration if (one.seat, one.method) == (seat, method)), ())

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape, in the order in which stages are asked."""
        made: list[StepShape] = []
        before: tuple[str, ...] = ()
        ordered = self.ordered(seats)
        for place, stage in ordered:
            name = f"stage-{place}"
            only_if = "no answer before it is accepted" if before else ""
            made.append(StepShape(name=name, seat=stage.seat, role="stage", after=before, only_if=only_if))
            before = (name,)
            if place == ordered[-1][0]:
                break
            made += self._checks(place, stage)
        return tuple(made)

    def _checks(self, place: int, stage: StageSettings) -> list[StepShape]:
        after = (f"stage-{place}",)
        made: list[StepShape] = []
        for method in self.methods(stage):
            only_if = "what comes before it in `by` can't tell"
            if method == "agreement":
                seat = self.agree_with or stage.seat
                made.append(
                    StepShape(
                        name=f"sample-{place}",
                        seat=seat,
                        role="sample",
                        after=after,
                        only_if=only_if,
                        most_calls=self.samples - 1,
                    )
                )
            elif method in CHECKS:
                seat = stage.seat if method == "self_check" else self.verifier
                made.append(
                    StepShape(
                        name=f"{CHECKS[method]}-{place}", seat=seat, role="verifier", after=after, only_if=only_if
                    )
                )
        return made

    def used(self) -> frozenset[Method]:
        """Methods that any stage goes by."""
        return frozenset((*self.by, *(method for stage in self.stages for method in self.methods(stage))))

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        found: list[tuple[str, str, str]] = []
        if "verifier" in self.used() and not self.verifier:
            found.append(("verifier", "`by` has verifier, and nobody is named", "name who verifies"))
        for one in self.calibration:
            scores, chances = [score for score, _ in one.table], [chance for _, chance in one.table]
            if scores != sorted(set(scores)) or chances != sorted(chances):
                wrong = f"the points of {one.seat}'s {one.method} don't rise"
                found.append(("calibration", wrong, "write each score once, in order, no chance falling"))
        return found
