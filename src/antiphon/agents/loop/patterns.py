"""How an agent works: its pattern by name."""

from antiphon.agents.loop import (
    patterns_code,
    patterns_map_reduce,
    patterns_plan,
    patterns_react,
    patterns_team,
    recalled,
)
from antiphon.agents.loop import plan as loop_plan
from antiphon.agents.loop import roles as loop_roles
from antiphon.agents.loop.scene import Scene


async def run(scene: Scene) -> None:
    """Drive the State to its end. Raises: Stopped, Parked, Interrupted."""
    if scene.state.phase == "plan":
        await loop_roles.intent(scene)
        await loop_plan.plan(scene)
        await recalled.recall(scene)
    match scene.spec.pattern:
        case "plan":
            await patterns_plan.run(scene)
        case "code":
            await patterns_code.run(scene)
        case "map_reduce":
            await patterns_map_reduce.run(scene)
        case "debate" | "team":
            await patterns_team.run(scene)
        case "react" | "supervisor":
            await patterns_react.run(scene)
