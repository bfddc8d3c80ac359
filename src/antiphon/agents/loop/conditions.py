"""What an answer has to keep: its contract, and conditions in the expression language. Pure.

Conditions see `answer` (its text, or its JSON as text), `goal`, `results` (texts of all values), and `answer.FIELD` for the
fields that the contract's schema names.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from antiphon.agents.documents.document import AgentSpec
from antiphon.agents.loop.context import spelled
from antiphon.agents.state import State
from antiphon.core.signal import Declared, FactKind, Value
from antiphon.expr import ExpressionError, compile  # noqa: A004  # as re.compile
from antiphon.recipes.schema import BadSchema, JsonSchema

_KINDS: Mapping[str, FactKind] = {"string": "string", "integer": "int", "number": "double", "boolean": "bool"}


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
    env = {name: _declared(name, kind) for name, (kind, _) in facts.items()}
    try:
        found = compile(check, env).value(lambda name: facts[name][1])
    except ExpressionError as error:
        yield f"the check {check} can't be used: {error}"
        return
    if found.value is not True:
        yield f"it must hold that {check}" + (f" ({found.why})" if found.why else "")


def mistakes(spec: AgentSpec) -> list[tuple[int, str]]:
    """Conditions that can't be used, by place, with what is wrong: for whoever reads documents. Pure."""
    if spec.verify is None:
        return []
    env = {name: _declared(name, kind) for name, (kind, _) in _facts(spec, State(goal=""), None)}
    found: list[tuple[int, str]] = []
    for place, check in enumerate(spec.verify.checks):
        try:
            compile(check, env)
        except ExpressionError as error:
            found.append((place, str(error)))
    return found


def _declared(name: str, kind: FactKind) -> Declared:
    return Declared(name=name, kind=kind, cost="free", says=name)


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
