"""Plans as the scripted model answers them. It sees the person's task and the tools; `ground` also knows the true calls."""

from __future__ import annotations

import re

from antiphon.agents.safety import words
from antiphon.agents.state import AgentPlan, Planned
from antiphon.core.tool import Tool

PLANNERS = ("ground", "unlinked", "wide", "lexical")
MORE = 3
"""Tools that the `wide` planner adds without need."""
GUESSED = 6
"""Tools of the `lexical` planner's plans."""
_WORD = re.compile(r"[a-z]+")


def plan(planner: str, task: str, tools: dict[str, Tool], true_calls: list[str]) -> AgentPlan:
    """`ground`: the tools of the true calls in their order, each step going on from the one before it.
    `unlinked`: the same, nothing said of results. `wide`: `ground`, and the likeliest others by words. `lexical`: the
    likeliest by words alone, and nothing of the true calls.
    """
    if planner == "lexical":
        return _chain(_nearest(task, tools, ())[:GUESSED])
    names = list(dict.fromkeys(true_calls))
    if planner == "wide":
        names += _nearest(task, tools, names)[:MORE]
    made = _chain(names)
    if planner == "unlinked":
        return AgentPlan(steps=tuple(Planned(name=one.name, task=one.task, tools=one.tools) for one in made.steps))
    return made


def _chain(names: list[str]) -> AgentPlan:
    steps = [
        Planned(name=f"s{place}", task=f"use {name}", tools=(name,), after=(f"s{place - 1}",) if place else ())
        for place, name in enumerate(names)
    ]
    return AgentPlan(steps=tuple(steps))


def _nearest(task: str, tools: dict[str, Tool], beside: list[str] | tuple[str, ...]) -> list[str]:
    said = {words.singular(word) for word in _WORD.findall(task.lower())}

    def score(tool: Tool) -> float:
        named = words.nouns(tool.name)
        told = {words.singular(word) for word in _WORD.findall(tool.description.lower())}
        return 3 * len(said & named) / max(1, len(named)) + len(said & told) / max(1, len(told))

    others = [name for name in tools if name not in beside]
    return sorted(others, key=lambda name: (-score(tools[name]), name))
