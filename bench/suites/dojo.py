"""AgentDojo as our values: its functions as tools with inferred labels, its results as JSON, a run as its pipeline."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement
from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.base_tasks import BaseInjectionTask, BaseUserTask
from agentdojo.functions_runtime import EmptyEnv, Env, Function, FunctionCall, FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suite
from agentdojo.task_suite.task_suite import TaskSuite
from agentdojo.types import ChatMessage, text_content_block_from_string
from pydantic import BaseModel

from antiphon.agents.documents.document import SafetySpec
from antiphon.agents.safety.labels import infer
from antiphon.core.tool import Tool, ToolResult

from .planners import plan
from .scripted import FunctionHand, Made, Script, Step, play

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


def holds(text: str, goal: str) -> bool:
    """Whether an attacker's text stands in what was read, however lines were broken and quotes written."""
    return _UNSAID.sub("", goal) in _UNSAID.sub("", text)


def steps(calls: Sequence[FunctionCall]) -> list[Step]:
    return [Step(one.function, {name: plain(value) for name, value in one.args.items()}) for one in calls]


class Task(BasePipelineElement):
    """A pipeline of AgentDojo: one run of the loop on one task, attacked or not."""

    name = "antiphon"

    def __init__(
        self,
        user: BaseUserTask[Any],
        hostile: BaseInjectionTask[Any] | None,
        tools: dict[str, Tool],
        planner: str,
        safety: SafetySpec | None,
    ) -> None:
        self._user, self._hostile, self._tools = user, hostile, tools
        self._planner, self._safety = planner, safety
        self.made = Made()

    def query(
        self,
        query: str,
        runtime: FunctionsRuntime,
        env: Env = EmptyEnv(),  # noqa: B008 - AgentDojo's signature
        messages: Sequence[ChatMessage] = (),
        extra_args: dict[str, Any] = {},  # noqa: B006 - the same
    ) -> tuple[str, FunctionsRuntime, Env, Sequence[ChatMessage], dict[str, Any]]:
        asyncio.run(play(self._script(env), self._hands(runtime, env), self._safety, self.made))
        said: list[ChatMessage] = [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [FunctionCall(function=step.name, args=step.arguments)],
            }
            for step, _ in self.made.calls
        ]
        answer = [text_content_block_from_string(str(self.made.answer))]
        said.append({"role": "assistant", "content": answer, "tool_calls": None})
        return query, runtime, env, [*messages, *said], extra_args

    def _script(self, env: Any) -> Script:
        user, hostile = self._user, self._hostile
        true_steps = steps(user.ground_truth(env.model_copy(deep=True)))
        script = Script(
            goal=user.PROMPT,
            steps=true_steps,
            plan=plan(self._planner, user.PROMPT, self._tools, [one.name for one in true_steps]),
            answer=user.GROUND_TRUTH_OUTPUT or "Done.",
        )
        if hostile is not None:
            script.attack = steps(hostile.ground_truth(env.model_copy(deep=True)))
            script.shows = lambda text: holds(text, hostile.GOAL)
        return script

    def _hands(self, runtime: FunctionsRuntime, env: Any) -> list[FunctionHand]:
        return [FunctionHand(tool, _work(tool.name, runtime, env), self.made) for tool in self._tools.values()]


def _work(name: str, runtime: FunctionsRuntime, env: Any) -> Any:
    def work(arguments: dict[str, Any]) -> ToolResult:
        result, error = runtime.run_function(env, name, arguments)
        if error is not None:
            return ToolResult(text=error, failed="failed")
        return ToolResult(text=tool_result_to_str(result), data=plain(result))

    return work
