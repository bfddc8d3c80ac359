"""The check before the end: the output contract, conditions, a person's word, a verifier's judgement."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.loop import prompts
from antiphon.agents.loop.context import constraints, spelled, task, text
from antiphon.agents.loop.model import Wanted, think
from antiphon.agents.loop.scene import Scene
from antiphon.agents.state import State
from antiphon.recipes.extract import last_json

MOST_OBSERVED_BYTES = 24_000
"""Of what was observed, as the verifier sees it: the newest."""


class _Judged(Struct, frozen=True):
    criterion: int
    holds: bool
    why: str = ""


class _Verdict(Struct, frozen=True):
    judged: tuple[_Judged, ...]


VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "judged": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "criterion": {"type": "integer"},
                    "holds": {"type": "boolean"},
                    "why": {"type": "string"},
                },
                "required": ["criterion", "holds", "why"],
            },
        }
    },
    "required": ["judged"],
}


async def judged(scene: Scene, answer: Any) -> list[str]:
    """What the verifier finds wrong; empty: nothing. Raises: Stopped, Parked, Interrupted."""
    verify, state = scene.spec.verify, scene.state
    if verify is None or not verify.model:
        return []
    criteria = tuple(verify.criteria) or prompts.CRITERIA
    criteria = (*criteria, *(f"It keeps to this: {one}" for one in (*scene.spec.constraints, *state.constraints)))
    prompt = prompts.VERIFY.format(
        goal=task(state),
        constraints=constraints(scene.spec.constraints),
        schema=msgspec.json.encode(VERDICT).decode(),
        criteria="\n".join(f"{place}. {one}" for place, one in enumerate(criteria, 1)),
        observed=_observed(state) or "(nothing)",
        answer=spelled(answer),
    )
    wanted = Wanted(
        role="verifier", key=f"{state.step}.v{state.verified}", messages=(text("user", prompt),), schema=VERDICT
    )
    said = (await think(scene, wanted)).said.text
    return verdict(said, criteria)


def verdict(said: str, criteria: tuple[str, ...]) -> list[str]:
    """What a verifier's answer says is wrong. One that can't be read says nothing good: each criterion has to be judged."""
    found = last_json(said)
    try:
        read = msgspec.convert(found[0], _Verdict, strict=False) if found is not None else _Verdict(judged=())
    except msgspec.ValidationError:
        read = _Verdict(judged=())
    by_place = {one.criterion: one for one in read.judged}
    wrong: list[str] = []
    for place, criterion in enumerate(criteria, 1):
        one = by_place.get(place)
        if one is None:
            wrong.append(f"{criterion} (the verifier didn't judge it)")
        elif not one.holds:
            wrong.append(f"{criterion} {one.why}".strip())
    return wrong


def _observed(state: State) -> str:
    parts: list[str] = []
    size_bytes = 0
    for one in reversed(state.taken):
        name = one.action.call.name if one.action.call is not None else one.action.kind
        told = f"{name}: {one.observation.text}"
        size_bytes += len(told.encode())
        if size_bytes > MOST_OBSERVED_BYTES:
            parts.append("(older ones are left out)")
            break
        parts.append(told)
    return "\n".join(reversed(parts))
