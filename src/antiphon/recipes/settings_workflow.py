"""Steps that rest on each other's answers: written down, or planned by a model within bounds."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from antiphon.recipes.graph import Node, ancestors, waits, wrong
from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_workflow import FINAL, PLAN
from antiphon.recipes.shape import ROUTE_SEAT, StepShape
from antiphon.recipes.template import STEP, steps_in, wrong_places

StepFailure = Literal["skip", "fail"]
Mistake = tuple[str, str, str]
FINAL_STEP, PLANNER = "final", "planner"
NAME_PATTERN = "^[a-z0-9][a-z0-9_-]{0,62}$"
NAME = re.compile(NAME_PATTERN)
RESERVED = frozenset({FINAL_STEP, PLANNER, "request", "repair"})
_SEAT = "a model, `tier/NAME` or a route"

Seat = Annotated[str, Meta(max_length=200, description=f"Who answers: {_SEAT}. Default: the route's own candidates.")]
Prompt = Annotated[str, Meta(max_length=20_000)]
PLACES = "It may name `{request}`, the last thing that the user said, and `{steps.NAME}`, the answer of a step that ended before; a brace that would be read so and isn't meant so stands twice."


class WorkStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: a role, who plays it, and what it waits for. It begins as soon as that is there."""

    name: Annotated[
        str,
        Meta(
            pattern=NAME_PATTERN,
            description="Small letters, digits, `-` and `_`; each step has another, and none is `final`, `planner`, `repair` or `request`.",
        ),
    ]
    seat: Seat = ROUTE_SEAT
    prompt: Annotated[
        Prompt,
        Meta(
            description=f"What it is told behind the caller's conversation, up to 20000 characters. {PLACES} Default none: it answers the request; a verifier is told how to judge."
        ),
    ] = ""
    after: Annotated[
        list[str], Meta(max_length=32, description="Steps that end before it begins, up to 32. Default none.")
    ] = []
    sees: Annotated[
        Annotated[list[str], Meta(max_length=32)] | None,
        Meta(
            description="Steps whose answers it is told; all must end before it. Default null: those in `after`.",
        ),
    ] = None
    verifies: Annotated[
        str,
        Meta(
            max_length=64,
            description="A step whose answer it judges, and sends back with its objections. Default none.",
        ),
    ] = ""
    repairs: Annotated[
        int, Meta(ge=0, le=5, description="How often it sends that answer back at most, 0 to 5. Default 1.")
    ] = 1
    on_failure: Annotated[
        StepFailure,
        Meta(
            description="When nobody at its seat can answer: `skip` goes on without it, `fail` ends the workflow. Default skip."
        ),
    ] = "skip"
    fallback: Annotated[
        str, Meta(max_length=200, description=f"Who is asked before that: {_SEAT}. Default: nobody.")
    ] = ""
    tools: Annotated[
        bool,
        Meta(
            description="It may ask for the caller's tools: such an answer ends the workflow, and goes to the caller as it is. Default false: only the final step may."
        ),
    ] = False
    conversation: Annotated[
        bool,
        Meta(
            description="It is told the caller's whole conversation before its prompt; false: its prompt alone, with the images and files of the user's last message. Default true."
        ),
    ] = True
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds of each of its calls: above 0, up to 86400. Default null: as long as the envelope lasts."
        ),
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
        Meta(
            description=f"What it is told behind the caller's conversation, up to 20000 characters. {PLACES} Default: to answer from what the steps found."
        ),
    ] = FINAL
    sees: Annotated[
        Annotated[list[str], Meta(max_length=32)] | None,
        Meta(description="Steps whose answers it is told. Default null: all but those that only judge."),
    ] = None


class Worker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody whom the planner may set to work."""

    seat: Seat = ROUTE_SEAT
    does: Annotated[
        str,
        Meta(
            max_length=500,
            description="What it is good at, as the planner is told, up to 500 characters. Default none.",
        ),
    ] = ""


class PlannerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that plans the steps. A plan that breaks the bounds is sent back once; then the fallback is taken."""

    workers: Annotated[
        dict[Annotated[str, Meta(pattern=NAME_PATTERN)], Worker],
        Meta(min_length=1, max_length=16, description="Who may be set to work, by name, 1 to 16."),
    ]
    seat: Seat = ROUTE_SEAT
    most_steps: Annotated[int, Meta(ge=1, le=16, description="Steps of a plan, 1 to 16. Default 3.")] = 3
    output_tokens: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Tokens of a plan, thoughts included, 16 to 1000000. Default 4096.")
    ] = 4096
    prompt: Annotated[
        Prompt,
        Meta(
            description="What the planner is told before the workers and bounds, up to 20000 characters. Default: to split the request into the fewest steps."
        ),
    ] = PLAN
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds of each of its calls: above 0, up to 86400. Default null: as long as the envelope lasts."
        ),
    ] = None


class WorkflowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"listed": "steps"}):
    """A directed graph of steps, then the final one."""

    listed: Annotated[
        list[WorkStep],
        Meta(
            max_length=32,
            description="The steps, up to 32. With a `planner` they are what is done when it gives no valid plan. Default none: then the first of the planner's workers answers the request.",
        ),
    ] = []
    planner: Annotated[
        PlannerSettings | None, Meta(description="Plans the steps. Default null: they are those in `steps`.")
    ] = None
    final: Annotated[
        FinalStep | None, Meta(description="Writes the answer. Null: the last step's answer is it, and isn't streamed.")
    ] = FinalStep()
    on_tool_results: Annotated[
        Literal["steps", "final"],
        Meta(
            description="When the request ends with results of tools, as in an agent's loop: `steps` runs all steps again, `final` asks the final step alone, which goes on from them. Default steps."
        ),
    ] = "steps"
    most_parallel: Annotated[int, Meta(ge=1, le=32, description="Steps at once, 1 to 32. Default 4.")] = 4

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        named = [seat for step in self.listed for seat in (step.seat, step.fallback)]
        if self.planner is not None:
            named += [self.planner.seat, *(worker.seat for worker in self.planner.workers.values())]
        if self.final is not None:
            named.append(self.final.seat)
        return tuple(seat for seat in named if seat)

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        planned, listed = tuple(self._planned()), tuple(self._listed())
        before = tuple(step.name for step in (*planned, *listed))
        final = (
            ()
            if self.final is None
            else (StepShape(name=FINAL_STEP, seat=self.final.seat, role="final", after=before),)
        )
        return (*planned, *listed, *final)

    def _planned(self) -> Iterator[StepShape]:
        planner = self.planner
        if planner is None:
            return
        yield StepShape(name=PLANNER, seat=planner.seat, role="planner", most_calls=2)
        most = (
            planner.most_steps + (planner.most_steps // 2) * 2
        )  # half of them verify the others, and send each back once
        for name, worker in planner.workers.items():
            yield StepShape(
                name=name,
                seat=worker.seat,
                role="worker",
                after=(PLANNER,),
                only_if="the plan names it",
                most_calls=most,
            )

    def _listed(self) -> Iterator[StepShape]:
        after = waits([step.node for step in self.listed])
        only_if = "the planner gives no valid plan" if self.planner is not None else ""
        sent_back = {step.verifies: step.repairs for step in self.listed if step.verifies}
        for step in self.listed:
            shape = StepShape(
                name=step.name,
                seat=step.seat,
                role="verifier" if step.verifies else "worker",
                after=tuple(one.name for one in self.listed if one.name in after[step.name])
                or ((PLANNER,) if self.planner is not None else ()),
                only_if=only_if,
                most_calls=1 + (step.repairs if step.verifies else sent_back.get(step.name, 0)),
            )
            yield shape
            if step.fallback:
                yield replace(
                    shape,
                    name=instead(step.name),
                    seat=step.fallback,
                    after=(step.name,),
                    only_if=f"nobody at the seat of {step.name} answers",
                )

    def check(self) -> list[Mistake]:
        """Mistakes that only show across fields."""
        if not self.listed and self.planner is None:
            return [("", "it has neither steps nor a planner", "list `steps`, or give it a `planner` with `workers`")]
        places = {step.name: f"steps[{place}]" for place, step in enumerate(self.listed)}
        nodes = [step.node for step in self.listed]
        found = [
            (places[name], what, "name each step once, and let none wait for itself") for name, what in wrong(nodes)
        ]
        workers = frozenset(self.planner.workers) if self.planner is not None else frozenset[str]()
        taken = [step for step in self.listed if step.name in RESERVED or step.name in workers]
        found += [(f"{places[step.name]}.name", f"{step.name!r} is taken", "choose another name") for step in taken]
        found += [
            (f"planner.workers.{name}", f"{name!r} is taken", "choose another name") for name in workers & RESERVED
        ]
        if not found:
            after = waits(nodes)
            for step in self.listed:
                found += _unseen(places[step.name], step.prompt, step.seen, ancestors(step.name, after))
            if self.final is not None:
                everything = frozenset(places)
                found += _unseen("final", self.final.prompt, tuple(self.final.sees or ()), everything)
            elif self.on_tool_results == "final":
                found.append(("on_tool_results", "there is no final step", "give it a `final`, or write `steps`"))
            elif self.listed and self.listed[-1].verifies:
                found.append(
                    (
                        "final",
                        "it is null, and the last step only judges",
                        "give it a `final`, or let another step be the last",
                    )
                )
        return found


def instead(name: str) -> str:
    """What a step's fallback is called; no step's own name has a dot."""
    return f"{name}.fallback"


def _unseen(path: str, prompt: str, seen: tuple[str, ...], before: frozenset[str]) -> Iterator[Mistake]:
    known = frozenset({"request", *(STEP + name for name in before)})
    for name in wrong_places(prompt, known):
        yield (
            f"{path}.prompt",
            f"nothing is known of {{{name}}} there",
            "write {request}, {steps.NAME} of a step that ends before, or double the braces",
        )
    for name in seen:
        if name not in before and STEP + name not in wrong_places(prompt, known):
            yield f"{path}.sees", f"{name} doesn't end before it", "list it in `after`"
