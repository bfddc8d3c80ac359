"""A turn: the model decides what to do next."""

from msgspec import Struct

from antiphon.agents.documents.document import Role
from antiphon.agents.loop import compact, context, prompts, references, stops
from antiphon.agents.loop.actions import actions, said_again
from antiphon.agents.loop.model import Wanted, hear, think
from antiphon.agents.loop.observe import refuse, shortened
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.state import Action
from antiphon.core.content import Message

RECALLED = "recalled"
QUIET = "quiet"
MOST_WIDE = 2
"""Turns that may begin more at once than the fan-out allows, before that ends the run."""
MOST_QUIET = 2
"""Turns in a row in which a model says nothing at all."""


class Recalled(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Memories as they are put before the model."""

    text: str = ""
    untrusted: bool = False
    private: bool = False


async def turn(scene: Scene, *, last: str = "", role: Role = "act", head: Message | None = None) -> None:
    """Ask what to do next; it is pending then. Raises: Stopped, Parked, Interrupted."""
    state, spec = scene.state, scene.spec
    stops.turn(state, spec.stops)
    await references.bound(scene)
    await compact.bound(scene)
    step = state.step + 1
    quiet = state.notes.get(QUIET, 0)
    shown = context.messages(
        state,
        head or context.instructions(scene.document),
        last=prompts.NUDGE if quiet and not last else last,
    )
    thought = await think(scene, Wanted(role=role, key=str(step), messages=shown, steps=1, tools=True, listens=True))
    state.step = step
    hear(state, thought.heard)
    said = thought.said
    decided = actions(scene.document, said, step, thought.alone, state.seen)
    if not decided:
        state.notes[QUIET] = quiet + 1
        if quiet + 1 > MOST_QUIET:
            raise Stopped("no_progress", f"the model said nothing {quiet + 1} times")
        return
    state.notes.pop(QUIET, None)
    state.context.append(Message(role="assistant", parts=said_again(said, step), form="text" if said.text else "none"))
    if said.text:
        scene.tell("text", {"step": str(step), "text": said.text})
    state.pending = _begun(scene, decided)


def _begun(scene: Scene, decided: list[Action]) -> list[Action]:
    """Those that are begun: no more at once than the fan-out, and an end alone."""
    most = scene.run.envelope.fan_out
    begun, rest = decided[:most], decided[most:]
    refuse(
        scene, rest, "fan_out", f"not begun: no more than {most} actions at once; call it again, if it is still needed"
    )
    if rest:
        shortened(scene, "fan_out", MOST_WIDE)
    if len(begun) > 1:
        ends = [one for one in begun if one.kind in ("finish", "hand_off")]
        refuse(scene, ends, "not_alone", "call this alone, once you have seen what came of the others")
        begun = [one for one in begun if one not in ends]
    return begun
