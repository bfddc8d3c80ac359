"""How an agent works: its pattern by name."""

from antiphon.agents import loop_plan, patterns_plan, patterns_react
from antiphon.agents.scene import Scene


async def run(scene: Scene) -> None:
    """Drive the State to its end. Raises: Stopped, Parked, Interrupted."""
    if scene.state.phase == "plan":
        await loop_plan.plan(scene)
    match scene.spec.pattern:
        case "plan":
            await patterns_plan.run(scene)
        case _:
            await patterns_react.run(scene)
