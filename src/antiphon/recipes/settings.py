"""Recipes: bounded teams of calls. Each has exactly one pattern."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Protocol, cast

from msgspec import Meta, Struct

from antiphon.core.plan import Envelope, Pattern
from antiphon.recipes.contract_check import mistakes
from antiphon.recipes.port import Seated
from antiphon.recipes.settings_auto import AutoSettings
from antiphon.recipes.settings_best_of import BestOfSettings
from antiphon.recipes.settings_breadth import BreadthSettings
from antiphon.recipes.settings_cascade import CascadeSettings
from antiphon.recipes.settings_contract import ContractSettings
from antiphon.recipes.settings_debate import DebateSettings
from antiphon.recipes.settings_draft_verify import DraftVerifySettings
from antiphon.recipes.settings_envelope import EnvelopeSettings
from antiphon.recipes.settings_map_reduce import MapReduceSettings
from antiphon.recipes.settings_panel import PanelSettings
from antiphon.recipes.settings_python import PythonSettings
from antiphon.recipes.settings_ratings import RatingsSettings
from antiphon.recipes.settings_refine import RefineSettings
from antiphon.recipes.settings_single import SingleSettings
from antiphon.recipes.settings_vote import VoteSettings
from antiphon.recipes.settings_workflow import WorkflowSettings
from antiphon.recipes.shape import ANSWERING, ROUTE_SEAT, StepShape

Mistake = tuple[str, str, str]
"""Path below the section, what is wrong, what to write."""
REPAIR = "repair"
"""Name of the contract's first repair; the next is `repair-2`."""
OnFailure = Literal["best", "fail"]
Progress = Literal["none", "comments", "reasoning"]


class PatternSettings(Protocol):
    """What every pattern's settings have. `check() -> list[Mistake]` is optional."""

    def seats(self) -> tuple[str, ...]:
        """Seats that are named."""
        ...

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """The pattern's shape. `seats`: the route's candidates, in order, for what names nobody."""
        ...


class RecipeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A recipe: exactly one pattern, and what bounds it."""

    single: Annotated[SingleSettings | None, Meta(description="One call.")] = None
    cascade: Annotated[
        CascadeSettings | None, Meta(description="From the cheap to the dear, until an answer is sure enough.")
    ] = None
    vote: Annotated[
        VoteSettings | None, Meta(description="Several answers, and the one that most of them come to.")
    ] = None
    ratings: Annotated[
        RatingsSettings | None, Meta(description="Several answers, each rated by those who didn't give it.")
    ] = None
    best_of: Annotated[BestOfSettings | None, Meta(description="Several answers, and a judge who picks one.")] = None
    panel: Annotated[
        PanelSettings | None,
        Meta(description="Independent answers, a comparison of them, and one answer made of both."),
    ] = None
    auto: Annotated[
        AutoSettings | None, Meta(description="As many answers as are worth their cost, decided call by call.")
    ] = None
    python: Annotated[PythonSettings | None, Meta(description="A Python function.")] = None
    workflow: Annotated[WorkflowSettings | None, Meta(description="Steps that rest on each other's answers.")] = None
    breadth: Annotated[BreadthSettings | None, Meta(description="Rounds of many answers, then one made of them.")] = (
        None
    )
    debate: Annotated[
        DebateSettings | None, Meta(description="Members answer, see each other's answers, and revise their own.")
    ] = None
    refine: Annotated[RefineSettings | None, Meta(description="Draft, criticise, revise until it holds.")] = None
    draft_verify: Annotated[
        DraftVerifySettings | None, Meta(description="A draft, and a verifier that accepts it or writes the answer.")
    ] = None
    map_reduce: Annotated[
        MapReduceSettings | None, Meta(description="A long input in parts, and one answer made of their results.")
    ] = None
    envelope: Annotated[EnvelopeSettings, Meta(description="The most that one run may use.")] = EnvelopeSettings()
    contract: Annotated[
        ContractSettings | None, Meta(description="What the answer must be. Default null: anything.")
    ] = None
    on_failure: Annotated[
        OnFailure,
        Meta(
            description="When a step fails that the recipe needs: `best` gives the best answer so far, `fail` the error. Without any answer both give the error. Default best."
        ),
    ] = "best"
    progress: Annotated[
        Progress,
        Meta(
            description="What a caller who streams is told while the recipe works: `none`, `comments` (SSE comments, which clients skip) or `reasoning` (as thoughts of the model). Default none."
        ),
    ] = "none"

    @property
    def pattern(self) -> Pattern:
        """Its pattern's name. Raises: ValueError, unless exactly one is set."""
        given = self.given()
        if len(given) != 1:
            raise ValueError(f"a recipe has exactly one pattern, not {' and '.join(given) or 'none'}")
        return given[0]

    def given(self) -> tuple[Pattern, ...]:
        """Patterns that are set."""
        return tuple(name for name in PATTERNS if getattr(self, name) is not None)

    @property
    def chosen(self) -> PatternSettings:
        """Its pattern's settings."""
        return cast("PatternSettings", getattr(self, self.pattern))

    def seats(self) -> tuple[str, ...]:
        """Seats that it names, each once."""
        return tuple(dict.fromkeys(self.chosen.seats()))

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """All steps: the pattern's, then the contract's repair."""
        steps = self.chosen.steps(seats)
        if self.contract is None or self.contract.on_violation == "warn" or not self.contract.repairs:
            return steps
        repairs = [REPAIR, *(f"{REPAIR}-{number}" for number in range(2, self.contract.repairs + 1))]
        before = (tuple(step.name for step in steps if step.role in ANSWERING), *((name,) for name in repairs))
        return steps + tuple(
            StepShape(
                name=name,
                seat=ROUTE_SEAT,
                role="repair",
                after=after,
                only_if="the answer breaks the contract; the seat that gave it is asked",
            )
            for name, after in zip(repairs, before, strict=False)
        )

    def envelope_of(self, seats: Sequence[Seated] = (), attempts: int = 1) -> Envelope:
        """What one run may use."""
        return self.envelope.envelope(self.steps(seats), attempts)

    def check(self) -> list[Mistake]:
        """Mistakes that only show across fields."""
        given = self.given()
        if len(given) != 1:
            listed = " and ".join(given) or "none"
            return [("", f"it has {listed} of the patterns", f"write exactly one of {', '.join(PATTERNS)}")]
        check = cast("Callable[[], list[Mistake]]", getattr(self.chosen, "check", list))
        found = [(f"{given[0]}.{path}" if path else given[0], wrong, remedy) for path, wrong, remedy in check()]
        if self.contract is not None:
            broken = mistakes(self.contract)
            found += [(f"contract.{path}" if path else "contract", wrong, remedy) for path, wrong, remedy in broken]
        if self.refine is not None and self.refine.until != "critic" and self.contract is None:
            found.append(
                ("refine.until", "the recipe has no contract", "give it a `contract`, or write `until: critic`")
            )
        if self.cascade is not None and self.contract is None and "contract" in self.cascade.used():
            found.append(("cascade.by", "the recipe has no contract", "give it a `contract`, or leave `contract` out"))
        return found


_BESIDE = frozenset({"envelope", "contract", "on_failure", "progress", "description"})
PATTERNS: tuple[Pattern, ...] = tuple(
    cast("Pattern", name) for name in RecipeSettings.__struct_fields__ if name not in _BESIDE
)
"""Patterns that there are."""
