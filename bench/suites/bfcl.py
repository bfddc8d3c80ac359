"""BFCL's multi-turn scenarios: its stateful classes as tools, its ground truth as a script, its own comparison of states."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bfcl_eval.constants.executable_backend_config import (
    CLASS_FILE_PATH_MAPPING,
    MULTI_TURN_FUNC_DOC_FILE_MAPPING,
    STATELESS_CLASSES,
)
from msgspec import Struct

from antiphon.agents.hands import ToolFailed
from antiphon.agents.safety.labels import infer
from antiphon.core.tool import Tool, ToolResult

from .scripted import Step

WIDENED = {("close_ticket", "ticket_id"): ["integer", "string"]}
"""Types of arguments whose own ground truth breaks them: scenario 173 closes `ticket_001`, where the schema says integer."""
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": None}


class Scenario(Struct):
    """One conversation."""

    id: str
    turns: list[tuple[str, list[str]]]
    """What the person says, and the true calls as they are written."""
    config: dict[str, Any]
    classes: list[str]


def data() -> Path:
    import bfcl_eval

    return Path(bfcl_eval.__file__).parent / "data"


def scenarios(category: str = "multi_turn_base") -> Iterator[Scenario]:
    asked, truth = data() / f"BFCL_v4_{category}.json", data() / "possible_answer" / f"BFCL_v4_{category}.json"
    for one, other in zip(_lines(asked), _lines(truth), strict=True):
        said = ["\n".join(message["content"] for message in turn) for turn in one["question"]]
        turns = list(zip(said, other["ground_truth"], strict=True))
        yield Scenario(id=one["id"], turns=turns, config=one["initial_config"], classes=one["involved_classes"])


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def instances(scenario: Scenario) -> dict[str, Any]:
    """Its classes, loaded as the suite does."""
    found: dict[str, Any] = {}
    for name in scenario.classes:
        made = getattr(importlib.import_module(CLASS_FILE_PATH_MAPPING[name]), name)()
        if name not in STATELESS_CLASSES:
            made._load_scenario(copy.deepcopy(scenario.config.get(name, {})), long_context=False)  # noqa: SLF001 - as the suite does
        found[name] = made
    return found


def tools(class_name: str) -> list[Tool]:
    """Of one class, with inferred labels."""
    path = data() / "multi_turn_func_doc" / MULTI_TURN_FUNC_DOC_FILE_MAPPING[class_name]
    return [
        infer(
            Tool(
                name=one["name"],
                description=one["description"].rpartition("Tool description: ")[2],
                parameters=_widened(one["name"], _schema(one["parameters"])),
                source="simulated",
            )
        )
        for one in _lines(path)
    ]


def _widened(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    for (tool, argument), types in WIDENED.items():
        if tool == name:
            schema["properties"][argument]["type"] = types
    return schema


def _schema(form: Any) -> Any:
    """The suite's own types in the words of JSON Schema."""
    if isinstance(form, list):
        return [_schema(one) for one in form]
    if not isinstance(form, dict):
        return form
    made = {name: _schema(inner) for name, inner in form.items() if name not in ("type", "default")}
    kind = form.get("type")
    if isinstance(kind, str):
        kind = _TYPES.get(kind, kind)
    if kind is not None:
        made["type"] = _schema(kind) if isinstance(kind, dict) else kind
    return made


def step(written: str, holder: dict[str, Any]) -> Step:
    """A call as it is written in the ground truth; arguments by place get their names from the function."""
    node = ast.parse(written, mode="eval").body
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise SystemExit(f"not a call: {written}")
    method = method_of(node.func.id, holder)
    by_place = [ast.literal_eval(one) for one in node.args]
    by_name = {one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg is not None}
    bound = inspect.signature(method).bind(*by_place, **by_name)
    return Step(node.func.id, dict(bound.arguments))


def method_of(name: str, holder: dict[str, Any]) -> Any:
    for one in holder.values():
        if callable(found := getattr(one, name, None)):
            return found
    raise SystemExit(f"no class has {name}")


def work(method: Any) -> Any:
    """A method as the work of a tool. The suite tells errors as `{"error": …}`, and raises some."""

    def done(arguments: dict[str, Any]) -> ToolResult:
        try:
            came = method(**arguments)
        except Exception as error:  # noqa: BLE001 - whatever a function of the suite raises is what the tool failed with
            raise ToolFailed("failed", str(error)) from error
        text = came if isinstance(came, str) else json.dumps(came, default=str)
        return ToolResult(text=text, data=json.loads(json.dumps(came, default=str)))

    return done


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """The suite's comparison: public attributes of each instance."""
    return all(_public(ours[name]) == _public(theirs[name]) for name in theirs)


def _public(instance: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(instance).items() if not name.startswith("_")}
