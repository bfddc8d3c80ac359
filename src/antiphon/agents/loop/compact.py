"""Keeping the context within its bound: results are cut to their handles first, then older turns are summed up."""

from antiphon.agents.loop import context, prompts
from antiphon.agents.loop.model import Wanted, think
from antiphon.agents.loop.scene import Scene

WORDS = 400
"""Of a summary."""


async def bound(scene: Scene) -> None:
    """Bring the context within `spec.context.tokens`. Raises: Stopped, Parked, Interrupted."""
    state, spec = scene.state, scene.spec.context
    most = spec.tokens - context.tokens([context.text("user", state.compacted)])
    if context.tokens(state.context) <= most:
        return
    state.context = context.trimmed(state, most, spec.keep_turns)
    if context.tokens(state.context) <= most:
        scene.tell("compacted", {"by": "handles", "step": state.step})
        return
    for keep in range(spec.keep_turns, 0, -1):
        older, newer = context.halves(state, keep)
        if older and (context.tokens(newer) <= most or keep == 1):
            break
    else:
        return
    before = f"Summed up before: {state.compacted}\n\n" if state.compacted else ""
    told = f"{before}{context.told(older)}".encode()[-4 * spec.tokens :].decode("utf-8", "ignore")
    prompt = context.text("user", f"{prompts.COMPACT.format(words=WORDS)}\n\nThe task: {state.goal}\n\n{told}")
    thought = await think(scene, Wanted(role="compact", key=f"{state.step}.c", messages=(prompt,)))
    state.compacted, state.context = thought.said.text, newer
    scene.tell("compacted", {"by": "summary", "step": state.step, "turns": len(older)})
