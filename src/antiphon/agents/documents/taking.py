"""What a run is given, held to the `input` of its agent."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from antiphon.agents.documents.document import AgentDocument
from antiphon.core.error import BadRequest
from antiphon.recipes.schema import BadSchema, JsonSchema

UNTRUSTED = "untrusted"
"""Field of a run's input: an object whose fields strangers may have written."""
_FIELD = "input"


def taken(document: AgentDocument, given: Any) -> Any:
    """What the run is given, as its agent takes it: with an `input` a text is read as JSON.

    Raises: BadRequest, naming the field.
    """
    schema = document.spec.input
    if schema is None:
        return given
    value = _read(given) if isinstance(given, str) else given
    if not isinstance(value, dict):
        raise _wrong(document, _FIELD, "it is no JSON object")
    found = faults(schema, cast("dict[str, Any]", value))
    if found:
        place, said = found[0]
        raise _wrong(document, f"{_FIELD}.{place}" if place else _FIELD, said)
    return cast("dict[str, Any]", value)


def faults(schema: dict[str, Any], value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with an input: fields, their parts joined by points, and what is said of them."""
    checked, whole = JsonSchema(schema), dict(value)
    fields = whole.get(UNTRUSTED)
    if isinstance(fields, dict) and UNTRUSTED not in _properties(schema):
        # Who wrote a field changes how it is shown, and not what it is.
        del whole[UNTRUSTED]
        whole |= cast("dict[str, Any]", fields)
    found = checked.faults(whole)
    return [(one.place.replace("/", "."), one.said.removeprefix(f"at /{one.place}: ")) for one in found]


def has(document: AgentDocument, name: str) -> bool:
    """Whether an agent's `input` describes a field of this name."""
    return document.spec.input is not None and name in _properties(document.spec.input)


def unusable(schema: Mapping[str, Any]) -> str:
    """Why a schema describes no input; empty: it does."""
    if schema.get("type") != "object":
        return "an input is an object: its `type` has to be `object`"
    try:
        JsonSchema(schema)
    except BadSchema as error:
        return str(error)
    return ""


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _read(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text


def _wrong(document: AgentDocument, param: str, said: str) -> BadRequest:
    remedy = f"agent/{document.name} takes a JSON object by its `input`: see GET /v1/agents/{document.name}"
    return BadRequest(f"{param}: {said}; {remedy}", param=param, code="input_mismatch")
