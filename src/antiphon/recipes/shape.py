"""The shape of a recipe: its steps before anything is known but its settings and its seats."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

Role = Literal[
    "answer",
    "stage",
    "sample",
    "member",
    "draft",
    "worker",
    "final",
    "judge",
    "rater",
    "verifier",
    "critic",
    "planner",
    "repair",
    "part",
]
"""What a step does in its recipe; `part`: it works on a part of the request, and gives a part of an answer."""
ANSWERING: frozenset[Role] = frozenset({"answer", "stage", "sample", "member", "draft", "worker", "final", "repair"})
"""Roles whose answers may go to the caller."""
AGAIN = "#"
ROUTE_SEAT = ""
"""The seat that stands for the route's own candidates: the call picks among them."""


class StepShape(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a recipe."""

    name: str
    seat: str
    """Name of a model, tier or route; empty: the route's own candidates."""
    role: Role
    after: tuple[str, ...] = ()
    """Steps that end before it begins."""
    only_if: str = ""
    """When it is made at all, in words; empty: always."""
    most_calls: int = 1
    """The most calls of it. Where they may be several, each asks under `again(name, number)`."""


def again(name: str, number: int) -> str:
    """What the numbered call of a step with several asks as: `rate#3`."""
    return f"{name}{AGAIN}{number}"


def step_of(asked: str) -> str:
    """The step that a call asked as."""
    return asked.partition(AGAIN)[0]


def most_calls(steps: Iterable[StepShape]) -> int:
    """The most calls that all steps make."""
    return sum(step.most_calls for step in steps)


def names(steps: Sequence[StepShape]) -> tuple[str, ...]:
    return tuple(step.name for step in steps)
