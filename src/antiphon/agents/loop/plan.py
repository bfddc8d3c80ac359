"""The plan: made by a model before anything of strangers is read, kept to, changed where it no longer fits."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents.loop import prompts
from antiphon.agents.loop.context import instructions, outlined, task, text
from antiphon.agents.loop.model import Wanted, think
from antiphon.agents.loop.offer import agent_tools
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.loop.shapes import mapping
from antiphon.agents.state import AgentPlan, Planned
from antiphon.core.content import Message
from antiphon.core.run import Use
from antiphon.recipes.extract import last_json

MOST_STEPS = 40
TRIES = 2
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "maxItems": MOST_STEPS,
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "task": {"type": "string"},
                    "tools": {"type": "array", "items": {"type": "string"}},
                    "agent": {"type": "string"},
                    "after": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["name", "task", "tools"],
            },
        }
    },
    "required": ["steps"],
}


class Needed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What there is to plan with, as it is written down."""

    plan: bool
    tools: tuple[str, ...] = ()
    """`NAME: what it does`."""
    used: Use = Use()


async def plan(scene: Scene) -> None:
    """Make the plan, where the agent needs one. Raises: Stopped, Parked, Interrupted."""
    needed = await scene.step("plan", Needed, lambda: _needed(scene))
    if needed.plan:
        made = await _made(scene, needed.tools)
        if made is None and scene.spec.pattern == "plan":
            raise Stopped("error", f"the role plan gave no plan in {TRIES} tries")
        scene.state.plan = AgentPlan(steps=made or (), origins=scene.state.seen)
        scene.state.locked = None if scene.state.seen.untrusted else scene.state.plan
        scene.tell("plan", {"plan": scene.state.plan})
    scene.state.phase = "act"


async def _needed(scene: Scene) -> Needed:
    """Whether there is anything that a plan protects: strangers' texts, and tools that could be turned by them."""
    tools = agent_tools(scene.doors, scene.document, scene.run.tenant)
    locked = scene.spec.safety.plan_lock and (scene.state.seen.untrusted or any(one.untrusted for one in tools))
    could = any(one.effect != "pure" or one.sends or one.destructive for one in tools)
    return Needed(
        plan=scene.spec.pattern == "plan" or (locked and could),
        tools=tuple(f"{one.name}: {one.description}" for one in tools),
    )


async def replan(scene: Scene, why: str) -> bool:
    """Change the plan. Where something untrusted was read, only tools of the first may be in it.

    Returns: whether there is another. Raises: Stopped, Parked, Interrupted.
    """
    state, old = scene.state, scene.state.plan
    assert old is not None
    needed = await scene.step(f"plan {old.version + 1}", Needed, lambda: _needed(scene))
    said = prompts.REPLAN.format(plan=outlined(old), why=why)
    done = tuple(one for one in old.steps if one.done)
    made = await _made(scene, needed.tools, text("user", said), f".{old.version + 1}", [one.name for one in done])
    if made is None:
        return False
    first = frozenset(name for one in old.steps for name in one.tools)
    if state.seen.untrusted:
        made = tuple(structs.replace(one, tools=tuple(name for name in one.tools if name in first)) for one in made)
    kept = {one.name for one in done}
    state.plan = structs.replace(
        old, steps=(*done, *(one for one in made if one.name not in kept)), version=old.version + 1
    )
    if not state.seen.untrusted:
        state.locked = state.plan
    scene.tell("plan", {"plan": state.plan, "why": why})
    return True


async def _made(
    scene: Scene, tools: Sequence[str], more: Message | None = None, suffix: str = "", done: Sequence[str] = ()
) -> tuple[Planned, ...] | None:
    children = scene.spec.children
    whom = [*children.agents, *(f"skill {one}" for one in children.skills)]
    head = instructions(
        scene.document,
        prompts.PLAN,
        schema=msgspec.json.encode(SCHEMA).decode(),
        tools="\n".join(f"- {one}" for one in tools) or "(none)",
        agents=f"\nAgents that a step may be given to: {', '.join(whom)}" if whom else "",
    )
    said: list[Message] = [head, text("user", task(scene.state)), *([more] if more is not None else [])]
    names = {one.partition(":")[0] for one in tools}
    for turn in range(1, TRIES + 1):
        wanted = Wanted(role="plan", key=f"plan{suffix}.{turn}", messages=tuple(said), schema=SCHEMA)
        thought = await think(scene, wanted)
        found = read(thought.said.text, names, done)
        if not isinstance(found, str):
            return found
        said += [text("assistant", thought.said.text or "(nothing)"), text("user", f"That is no plan: {found}.")]
    return None


def read(answer: str, tools: set[str], done: Sequence[str] = ()) -> tuple[Planned, ...] | str:
    """A plan from a model's answer; a text says what is wrong with it. Tools that there aren't are left out of it.

    Args:
        done: Steps of the plan before it, in order, that this one goes on from.

    A step that says nothing of `after` goes on from the one before it: plans are lists, and are meant so.
    """
    found = last_json(answer)
    if found is None:
        return "it holds no JSON"
    raw = mapping(found[0]) or {"steps": found[0]}
    try:
        steps = msgspec.convert(raw, _Plan, strict=False).steps
    except msgspec.ValidationError as error:
        return str(error)
    if not steps or len(steps) > MOST_STEPS:
        return f"it has {len(steps)} steps: 1 to {MOST_STEPS}"
    names = [one.name for one in steps]
    if len(set(names)) != len(names):
        return "two steps have the same name"
    before = list(done)
    made: list[Planned] = []
    for one in steps:
        after = tuple(before[-1:]) if one.after is None else one.after
        if late := [name for name in after if name not in before]:
            return f"the step {one.name} comes after {late[0]}, which is no earlier step"
        before.append(one.name)
        kept = tuple(name for name in one.tools if name in tools)
        made.append(Planned(name=one.name, task=one.task, tools=kept, agent=one.agent, after=after))
    return tuple(made)


class _Step(Struct):
    """A step as a model writes it."""

    name: str
    task: str
    tools: tuple[str, ...] = ()
    agent: str = ""
    after: tuple[str, ...] | None = None


class _Plan(Struct):
    steps: tuple[_Step, ...]


def present(plan: AgentPlan) -> Planned | None:
    """The first step that is open and whose predecessors are done."""
    done = {one.name for one in plan.steps if one.done}
    return next((one for one in plan.steps if not one.done and done.issuperset(one.after)), None)


def finished(plan: AgentPlan, name: str) -> AgentPlan:
    """The plan with a step done."""
    return structs.replace(
        plan, steps=tuple(structs.replace(one, done=True) if one.name == name else one for one in plan.steps)
    )
