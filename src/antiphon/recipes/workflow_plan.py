"""A planner's plan: read strictly, and held to what it may use."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from antiphon.recipes.graph import Node, wrong
from antiphon.recipes.reading import object_in
from antiphon.recipes.settings_workflow import NAME, RESERVED, PlannerSettings, Worker, WorkStep

MOST_TASK_CHARACTERS = 8_000
MOST_TOLD = 10


class PlannedStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    worker: str
    task: str
    after: tuple[str, ...] = ()
    verifies: str = ""


class _Planned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    steps: tuple[PlannedStep, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """What a planner's answer comes to."""

    steps: tuple[PlannedStep, ...] = ()
    mistakes: tuple[str, ...] = ()
    """Empty: it can be taken."""

    def told(self) -> str:
        """Who works, and who waits for whom, without a word of the planner's own."""
        numbers = {step.name: number for number, step in enumerate(self.steps, 1)}
        return "; ".join(
            f"{numbers[step.name]} {step.worker}"
            + (f" verifies {numbers[step.verifies]}" if step.verifies else "")
            + (f" after {', '.join(str(numbers[one]) for one in step.after)}" if step.after else "")
            for step in self.steps
        )


def read(text: str, planner: PlannerSettings) -> Plan:
    """Read a planner's answer. Nothing is mended: what isn't as told is a mistake."""
    found = object_in(text)
    if found is None:
        return Plan(mistakes=("there is no JSON object in it",))
    try:
        steps = msgspec.convert(found, _Planned).steps
    except msgspec.ValidationError as error:
        return Plan(mistakes=(str(error),))
    return Plan(steps=steps, mistakes=tuple(_mistakes(steps, planner))[:MOST_TOLD])


def _mistakes(steps: tuple[PlannedStep, ...], planner: PlannerSettings) -> list[str]:
    if not steps:
        return ["it has no steps"]
    if len(steps) > planner.most_steps:
        return [f"it has {len(steps)} steps, and {planner.most_steps} are the most"]
    found = [mistake for step in steps for mistake in _of(step, planner.workers)]
    nodes = [Node(name=step.name, after=step.after, verifies=step.verifies) for step in steps]
    return found + [f"{name}: {what}" for name, what in wrong(nodes)]


def _of(step: PlannedStep, workers: Mapping[str, Worker]) -> list[str]:
    found: list[str] = []
    if NAME.fullmatch(step.name) is None or step.name in RESERVED:
        found.append(f"{step.name[:64]!r} can't be the name of a step")
    if step.worker not in workers:
        found.append(f"{step.name[:64]}: there is no worker {step.worker[:64]!r}, but {', '.join(workers)}")
    if not step.task.strip():
        found.append(f"{step.name[:64]}: its task is empty")
    elif len(step.task) > MOST_TASK_CHARACTERS:
        found.append(f"{step.name[:64]}: its task has more than {MOST_TASK_CHARACTERS} characters")
    return found


def steps_of(plan: Plan, planner: PlannerSettings) -> list[WorkStep]:
    """A plan's steps as those of a configuration: braces in a task are no places."""
    return [
        WorkStep(
            name=step.name,
            seat=planner.workers[step.worker].seat,
            prompt=step.task.replace("{", "{{").replace("}", "}}"),
            after=list(step.after),
            verifies=step.verifies,
        )
        for step in plan.steps
    ]
