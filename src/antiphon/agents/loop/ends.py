"""How a run ends."""

import msgspec
from msgspec import Struct

from antiphon.agents.journal import Ended
from antiphon.agents.loop import people as loop_people
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.observations import note
from antiphon.agents.loop.scene import Scene, Stopped, encoded
from antiphon.agents.state import Observation
from antiphon.core.error import AntiphonError
from antiphon.core.run import RunStatus, Skill, Stop

_DONE: frozenset[Stop] = frozenset({"finished", "handed_off"})
_CANCELLED: frozenset[Stop] = frozenset({"cancelled", "killed"})
HANDED = "handed"
"""Stands in the State's notes once a stop was handed to a person: that is done once."""


class Scored(Struct, frozen=True, kw_only=True):
    ok: bool = True


async def stopped(scene: Scene, stop: Stopped) -> Ended:
    """End before the goal is reached; or hand it to a person, where the agent says so. Raises: Parked."""
    state = scene.state
    state.stop, state.why = stop.stop, stop.why
    if stop.stop in scene.spec.hand_off.on and HANDED not in state.notes:
        state.notes[HANDED] = True
        for action in state.pending:
            note(state, action, Observation(key=action.key, failed="stopped", text="not done: the run was handed over"))
        state.pending = []
        await loop_people.hand_off(scene, f"{state.step}.end", f"{stop.stop}: {stop.why}")
    return await _ended(scene)


async def ended(scene: Scene) -> Ended:
    """End as the State says."""
    return await _ended(scene)


async def _ended(scene: Scene) -> Ended:
    state = scene.state
    stop: Stop = state.stop or "error"
    state.phase, state.stop = "ended", stop
    status: RunStatus = "done" if stop in _DONE else "cancelled" if stop in _CANCELLED else "failed"
    why = state.why or ("the answer passed its check" if stop == "finished" else "")
    if scene.spec.skills:
        await scene.step("scored", Scored, lambda: _score(scene, good=status == "done"))
    result = b"" if state.answer is None else msgspec.json.encode(state.answer)
    return Ended(status=status, stop=stop, why=why, result=result, state=encoded(state))


async def _score(scene: Scene, *, good: bool) -> Scored:
    """Count how it went, for whoever chooses among agents. A score that is lost is not worth the run."""
    state, run = scene.state, scene.run
    try:
        for skill in scene.spec.skills:
            await aside(
                scene.doors.store.score,
                Skill(
                    tenant=run.tenant,
                    agent=run.agent,
                    skill=skill.id,
                    good=int(good),
                    bad=int(not good),
                    cost_nano_usd=state.used.money_nano_usd,
                    took_us=round(state.used.seconds * 1e6),
                    runs=1,
                ),
            )
    except AntiphonError:
        return Scored(ok=False)
    return Scored()
