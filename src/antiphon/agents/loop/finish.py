"""Finishing: an answer is given out once it keeps the contract, its conditions hold, and whoever judges it is content."""

from typing import Any

from msgspec import structs

from antiphon.agents.gate import Ruling
from antiphon.agents.loop import conditions, prompts, references, verify
from antiphon.agents.loop import people as loop_people
from antiphon.agents.loop.context import spelled
from antiphon.agents.loop.observations import note
from antiphon.agents.loop.scene import Scene, Stopped, merged
from antiphon.agents.state import Action, Observation

FINISH = "finish"


async def finish(scene: Scene, action: Action) -> None:
    """Check an answer; it ends the run, or goes back to the model. Raises: Stopped, Parked, Interrupted."""
    state = scene.state
    answer = action.data
    if answer is None:
        answer = action.text
    if references.places(answer):
        filled = await scene.step(f"filled {action.key}", references.Filled, lambda: references.fill(scene, answer))
        answer = filled.value
        scene.saw(filled.origins)
        action = structs.replace(action, origins=merged(action.origins, filled.origins))
    faults = conditions.contract(scene.spec, answer) or conditions.checks(scene.spec, state, answer)
    faults = faults or _refused(scene, action, answer)
    if not faults and action.key not in state.allowed_once:
        faults = await verify.judged(scene, answer)
    if faults:
        _sent_back(scene, action, faults)
        return
    state.answer = answer
    if scene.spec.approvals.finish and action.key not in state.allowed_once:
        # What a person is going to be asked about was verified; it isn't again when they have said yes.
        said = await loop_people.approve(
            scene, action, Ruling(ruled="approve", reasons=("finish",)), f"{scene.run.agent}/finish", {"answer": answer}
        )
        state.pending = state.pending[1:]
        raise Stopped("refused", said.text)
    scene.tell("verified", {"step": action.key, "verified": state.verified + 1})
    state.pending, state.phase, state.stop = [], "ended", "finished"


def _refused(scene: Scene, action: Action, answer: Any) -> list[str]:
    """What the gate has against an answer: one that a person approved passes."""
    ruling = scene.gate.rule(structs.replace(action, text=spelled(answer)), None, scene.state)
    return [ruling.say] if ruling.ruled == "refuse" else []


def _sent_back(scene: Scene, action: Action, faults: list[str]) -> None:
    """Tell the model what to mend. Raises: Stopped, when it had its tries."""
    state = scene.state
    state.verified += 1
    state.answer = action.data if action.data is not None else action.text
    told = "\n".join(f"- {one}" for one in faults)
    scene.tell("verified", {"step": action.key, "verified": state.verified, "faults": faults})
    repairs = scene.spec.verify.repairs if scene.spec.verify is not None else 0
    if state.verified > repairs:
        raise Stopped("unverified", f"the answer didn't pass: {'; '.join(faults)[:500]}")
    if state.verified == repairs and "escalation" in scene.spec.models:
        state.notes["escalated"] = True
    state.pending = state.pending[1:]
    note(state, action, Observation(key=action.key, failed="unverified", text=prompts.UNVERIFIED.format(faults=told)))


def rejected(scene: Scene, action: Action, said: Observation) -> None:
    """A person said no to an answer: it goes back with what they said. Raises: Stopped."""
    _sent_back(scene, structs.replace(action), [said.text])
