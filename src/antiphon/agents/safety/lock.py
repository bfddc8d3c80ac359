"""The plan lock: what a plan that was made before anything untrusted was read may still use after it."""

from collections.abc import Callable

import msgspec

from antiphon.agents.state import AgentPlan, State
from antiphon.core.tool import Tool


def tools_of(plan: AgentPlan | None) -> frozenset[str]:
    """All that its steps may use."""
    return frozenset(tool for step in plan.steps for tool in step.tools) if plan else frozenset()


def agents_of(plan: AgentPlan | None) -> frozenset[str]:
    """All whom its steps ask."""
    return frozenset(step.agent for step in plan.steps if step.agent) if plan else frozenset()


def locked(state: State) -> AgentPlan | None:
    """The plan that holds: None where none was made before something untrusted was read."""
    if state.locked is not None:
        return state.locked
    plan = state.plan
    return None if plan is None or plan.origins.untrusted else plan


def kept_within(first: AgentPlan, later: AgentPlan) -> AgentPlan:
    """A plan that was made after something untrusted was read, less the tools and agents that the first one had not."""
    tools, agents = tools_of(first), agents_of(first)
    steps = tuple(
        msgspec.structs.replace(
            step,
            tools=tuple(tool for tool in step.tools if tool in tools),
            agent=step.agent if step.agent in agents else "",
        )
        for step in later.steps
    )
    return msgspec.structs.replace(later, steps=steps, version=max(later.version, first.version + 1))


def outside(tool: Tool, state: State, find: Callable[[str], Tool | None]) -> bool:
    """Whether a call of a tool is beyond the plan and not harmless all the same.

    Harmless is what only reads and tells nobody: where it reads what is private, only as long as nothing in the plan
    sends.
    """
    planned = tools_of(locked(state))
    if tool.name in planned:
        return False
    if tool.effect != "pure" or tool.sends or tool.destructive:
        return True
    return tool.private and any(one is None or one.sends for one in map(find, sorted(planned)))
