"""The check before the end: the output contract, conditions, a person's word, a verifier's judgement."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from antiphon.agents import prompts
from antiphon.agents.context import constraints, spelled, task, text
from antiphon.agents.document import AgentSpec
from antiphon.agents.loop_model import Wanted, think
from antiphon.agents.scene import Scene
from antiphon.agents.state import State
from antiphon.core.signal import Declared, FactKind, Value
from antiphon.expr import ExpressionError, compile  # noqa: A004  # as re.compile
from antiphon.recipes.extract import last_json
from antiphon.recipes.schema import BadSchema, JsonSchema

MOST_OBSERVED_BYTES = 24_000
"""Of what was observed, as the verifier sees it: the newest."""
_KINDS: Mapping[str, FactKind] = {"string": "string", "integer": "int", "number": "double", "boolean": "bool"}


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


def contract(spec: AgentSpec, answer: Any) -> list[str]:
    """What breaks the output contract; empty: nothing. Pure."""
    schema = spec.output.schema
    if schema is None:
        return [] if isinstance(answer, str) and answer.strip() else ["the answer is empty, or no text"]
    try:
        return [fault.said for fault in JsonSchema(schema).faults(answer)]
    except BadSchema as error:
        return [f"the contract's schema can't be used: {error}"]


def checks(spec: AgentSpec, state: State, answer: Any) -> list[str]:
    """Conditions that don't hold; empty: all do. One that nobody can tell doesn't hold. Pure."""
    return (
        []
        if spec.verify is None
        else [one for check in spec.verify.checks for one in _broken(check, spec, state, answer)]
    )


def _broken(check: str, spec: AgentSpec, state: State, answer: Any) -> Iterator[str]:
    facts = dict(_facts(spec, state, answer))
    env = {name: Declared(name=name, kind=kind, cost="free", says=name) for name, (kind, _) in facts.items()}
    try:
        found = compile(check, env).value(lambda name: facts[name][1])
    except ExpressionError as error:
        yield f"the check {check} can't be used: {error}"
        return
    if found.value is not True:
        yield f"it must hold that {check}" + (f" ({found.why})" if found.why else "")


def declared(spec: AgentSpec) -> dict[str, FactKind]:
    """Names that checks may use, with their kinds: for whoever reads documents."""
    return {name: kind for name, (kind, _) in _facts(spec, State(goal=""), None)}


def _facts(spec: AgentSpec, state: State, answer: Any) -> Iterator[tuple[str, tuple[FactKind, Value]]]:
    yield "answer", ("string", "" if answer is None else spelled(answer))
    yield "goal", ("string", state.goal)
    yield "results", ("strings", tuple(one.text for one in state.values.values()))
    properties = (spec.output.schema or {}).get("properties")
    if not isinstance(properties, dict):
        return
    given = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    for name, schema in cast("dict[str, Any]", properties).items():
        kind = _kind(schema)
        if kind is not None:
            value = given.get(name)
            yield f"answer.{name}", (kind, tuple(value) if isinstance(value, list) else value)  # type: ignore[arg-type]


def _kind(schema: Any) -> FactKind | None:
    if not isinstance(schema, dict):
        return None
    found = cast("dict[str, Any]", schema)
    items = found.get("items")
    if (
        found.get("type") == "array"
        and isinstance(items, dict)
        and cast("dict[str, Any]", items).get("type") == "string"
    ):
        return "strings"
    return _KINDS.get(str(found.get("type")))


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
