"""Observing: what came of an action goes into the State, and is looked at for whether the run gets anywhere."""

from collections.abc import Sequence

from msgspec import Struct, structs

from antiphon.agents.loop import stops
from antiphon.agents.loop.observations import note
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.loop.shapes import mapping
from antiphon.agents.loop.tools import Did
from antiphon.agents.state import Action, Done, Observation
from antiphon.agents.tools.text import json_size
from antiphon.core.run import Stop
from antiphon.core.tool import ToolCall

MOST_EFFECTS = 1000
"""That a State keeps, the newest."""
EFFECT_BYTES, FIELD_BYTES = 8192, 512
"""Of what a call that changed something gave back, as a whole and by field, as it is kept for undoing."""
SHORT = "short"
"""Stands in the State's notes with the bounds that were met once."""


def observe(scene: Scene, action: Action, did: Did) -> None:
    """Put what came of an action into the State, and see whether the run gets anywhere. Raises: Stopped."""
    state, seen = scene.state, did.observation
    assert seen is not None
    hidden = seen.origins.untrusted and scene.spec.safety.untrusted == "quarantine"
    came = did.value.text if did.value is not None else seen.text
    if did.changes and not seen.failed and action.call is not None:
        state.effects.append(_effect(action.call, did))
        del state.effects[:-MOST_EFFECTS]
    more = ""
    try:
        more = stops.after(state, scene.spec.stops, action, seen, came)
    finally:
        if more:
            seen = structs.replace(seen, text=f"{seen.text}\n({more})")
        note(state, action, seen, did.value, at_ns=did.at_ns, hidden=hidden)
    scene.tell("tool" if action.kind == "tool" else "observed", _told(action, seen, did))


def _effect(call: ToolCall, did: Did) -> Done:
    """What was changed, for what may undo it. Of a large result its short fields: ids and names are among them."""
    data = did.value.data if did.value is not None else None
    if json_size(data) > EFFECT_BYTES:
        data = {name: value for name, value in mapping(data).items() if json_size(value) <= FIELD_BYTES}
        data = data if json_size(data) <= EFFECT_BYTES else None
    return Done(tool=call.name, arguments=call.arguments, data=data)


class ToldTool(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step as those who watch see it."""

    step: str
    kind: str
    tool: str
    arguments: object
    text: str
    failed: str
    handle: str
    took_us: int
    cost_nano_usd: int
    untrusted: bool
    reasons: tuple[str, ...] = ()
    """Why it was refused, or put before people."""


def _told(action: Action, seen: Observation, did: Did) -> ToldTool:
    return ToldTool(
        step=action.key,
        kind=action.kind,
        tool=action.call.name if action.call is not None else action.kind,
        arguments=action.call.arguments if action.call is not None else None,
        text=seen.text,
        failed=seen.failed,
        handle=seen.handle if did.value is not None else "",
        took_us=seen.took_us,
        cost_nano_usd=seen.cost_nano_usd,
        untrusted=seen.origins.untrusted,
        reasons=() if did.ruling is None else did.ruling.reasons,
    )


def shortened(scene: Scene, short: Stop, most: int = 1) -> None:
    """The model is told that there is no room; a turn that doesn't fit after so many ends the run. Raises: Stopped."""
    scene.tell("held", {"short": short})
    met: dict[str, int] = scene.state.notes.setdefault(SHORT, {})
    met[short] = met.get(short, 0) + 1
    if met[short] > most:
        raise Stopped(short, f"the envelope has no room for another action: {short}")


def refuse(scene: Scene, actions: Sequence[Action], failed: str, say: str) -> None:
    """Answer calls that are not begun."""
    for action in actions:
        note(scene.state, action, Observation(key=action.key, failed=failed, text=say))
