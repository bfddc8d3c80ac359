"""Steps that rest on each other's answers: written down, or planned by a model within bounds."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.recipes.graph import Node, ancestors, waits, wrong
from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_workflow import FINAL, OBJECT, PLAN, VERIFY
from antiphon.recipes.shape import ROUTE_SEAT, StepShape
from antiphon.recipes.template import STEP, steps_in, wrong_places

StepFailure = Literal["skip", "fail"]
Mistake = tuple[str, str, str]
FINAL_STEP, PLANNER = "final", "planner"
_NAME = "^[a-z0-9][a-z0-9_-]{0,62}$"
_RESERVED = frozenset({FINAL_STEP, PLANNER, "request", "repair"})
_SEAT = "a model, `tier/NAME` or a route"

Seat = Annotated[
    str, Meta(max_length=200, description=f"Who answers: {_SEAT}. Default: the route's own candidates.")
]
Prompt = Annotated[str, Meta(max_length=20_000)]
PLACES = "It may name `{request}`, the last thing that the user said, and `{steps.NAME}`, the answer of a step that ended before; a brace that would be read so and isn't meant so stands twice."


class WorkStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: a role, who plays it, and what it waits for. It begins as soon as that is there."""

    name: Annotated[
        str,
        Meta(pattern=_NAME, description="Small letters, digits, `-` and `_`; each step has another, and none is `final`, `planner`, `repair` or `request`."),
    ]
    seat: Seat = ROUTE_SEAT
    prompt: Annotated[
        Prompt,
        Meta(description=f"What it is told behind the caller's conversation, up to 20000 characters. {PLACES} Default none: it answers the request; a verifier is told how to judge."),
    ] = ""
    after: Annotated[
        list[str], Meta(max_length=32, description="Steps that end before it begins, up to 32. Default none.")
    ] = []
    sees: Annotated[
        list[str] | None,
        Meta(max_length=32, description="Steps whose answers it is told; all must end before it. Default null: those in `after`."),
    ] = None
    verifies: Annotated[
        str,
        Meta(max_length=64, description="A step whose answer it judges, and sends back with its objections. Default none."),
    ] = ""
    repairs: Annotated[
        int, Meta(ge=0, le=5, description="How often it sends that answer back at most, 0 to 5. Default 1.")
    ] = 1
    on_failure: Annotated[
        StepFailure,
        Meta(description="When nobody at its seat can answer: `skip` goes on without it, `fail` ends the workflow. Default skip."),
    ] = "skip"
    fallback: Annotated[
        str, Meta(max_length=200, description=f"Who is asked before that: {_SEAT}. Default: nobody.")
    ] = ""
    tools: Annotated[
        bool,
        Meta(description="It may ask for the caller's tools: such an answer ends the workflow, and goes to the caller as it is. Default false: only the final step may."),
    ] = False
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(description="Seconds of each of its calls: above 0, up to 86400. Default null: as long as the envelope lasts."),
    ] = None

    @property
    def seen(self) -> tuple[str, ...]:
        """Steps whose answers it is told."""
        return tuple(dict.fromkeys((*(self.after if self.sees is None else self.sees), *steps_in(self.prompt))))

    @property
    def node(self) -> Node:
        return Node(name=self.name, after=tuple(self.after), verifies=self.verifies)


class FinalStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Writes the answer that the caller gets, as a stream where one was asked for."""

    seat: Seat = ROUTE_SEAT
    prompt: Annotated[
        Prompt,
        Meta(description=f"What it is told behind the caller's conversation, up to 20000 characters. {PLACES} Default: to answer from what the steps found."),
    ] = FINAL
    sees: Annotated[
        list[str] | None,
        Meta(max_length=32, description="Steps whose answers it is told. Default null: all but those that only judge."),
    ] = None


class Worker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody whom the planner may set to work."""

    seat: Seat = ROUTE_SEAT
    does: Annotated[
        str, Meta(max_length=500, description="What it is good at, as the planner is told, up to 500 characters. Default none.")
    ] = ""


class PlannerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that plans the steps. A plan that breaks the bounds is sent back once; then the fallback is taken."""

    workers: Annotated[
        dict[Annotated[str, Meta(pattern=_NAME)], Worker],
        Meta(min_length=1, max_length=16, description="Who may be set to work, by name, 1 to 16."),
    ]
    seat: Seat = ROUTE_SEAT
    most_steps: Annotated[int, Meta(ge=1, le=16, description="Steps of a plan, 1 to 16. Default 3.")] = 3
    prompt: Annotated[
        Prompt,
        Meta(description="What the planner is told before the workers and bounds, up to 20000 characters. Default: to split the request into the fewest steps."),
    ] = PLAN
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(description="Seconds of each of its calls: above 0, up to 86400. Default null: as long as the envelope lasts."),
    ] = None


class WorkflowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A directed graph of steps, then the final one."""

    steps_: Annotated[
        list[WorkStep],
        Meta(max_length=32, description="The steps, up to 32. With a `planner` they are what is done when it gives no valid plan. Default none: then the first of the planner's workers answers the request."),
    ] = []
    planner: Annotated[PlannerSettings | None, Meta(description="Plans the steps. Default null: they are those in `steps`.")] = None
    final: Annotated[
        FinalStep | None, Meta(description="Writes the answer. Null: the last step's answer is it, and isn't streamed.")
    ] = FinalStep()
    most_parallel: Annotated[int, Meta(ge=1, le=32, description="Steps at once, 1 to 32. Default 4.")] = 4
    verify_prompt: Annotated[
        Prompt, Meta(description="What verifiers are told behind their own prompt. Default: to give a verdict as JSON.")
    ] = VERIFY
    repair_prompt: Annotated[
        Prompt, Meta(description="What a step is told that is sent back. Default: to mend what is objected to.")
    ] = OBJECT
