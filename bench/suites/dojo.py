"""AgentDojo as our values: its functions as tools with inferred labels, its results as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.functions_runtime import Function, FunctionCall, FunctionsRuntime, TaskEnvironment
from agentdojo.task_suite.load_suites import get_suite
from agentdojo.task_suite.task_suite import TaskSuite
from pydantic import BaseModel

from antiphon.agents.safety.labels import infer
from antiphon.core.tool import Tool, ToolResult

VERSION = "v1.2.2"
SUITES = ("banking", "slack", "workspace", "travel")
_UNSAID = re.compile(r"[\s\\\"']+")


def suite(name: str) -> TaskSuite[Any]:
    return get_suite(VERSION, name)


def tool_of(function: Function[Any, Any]) -> Tool:
    """Labels come from the general rules alone: nobody says anything of it."""
    return infer(
        Tool(
            name=function.name,
            description=function.description,
            parameters=function.parameters.model_json_schema(),
            source="simulated",
        )
    )


def plain(value: Any) -> Any:
    """JSON of what a function gave."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    return msgspec.to_builtins(value, str_keys=True)


def call(runtime: FunctionsRuntime, environment: TaskEnvironment, name: str, arguments: dict[str, Any]) -> ToolResult:
    result, error = runtime.run_function(environment, name, arguments)
    if error is not None:
        return ToolResult(text=error, failed="failed")
    return ToolResult(text=tool_result_to_str(result), data=plain(result))


def arguments_of(made: FunctionCall) -> dict[str, Any]:
    return {name: plain(value) for name, value in made.args.items()}


def holds(text: str, data: Any, goal: str) -> bool:
    """Whether an attacker's text stands in what was read, however lines were broken and quotes written."""
    sought = _squeezed(goal)
    return any(sought in _squeezed(said) for said in (text, *_texts(data)))


def _squeezed(text: str) -> str:
    return _UNSAID.sub("", text)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
