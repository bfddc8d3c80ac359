"""The gate driven without the loop: one action after another, as the scripted model makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement
from agentdojo.functions_runtime import EmptyEnv, Env, FunctionCall, FunctionsRuntime
from agentdojo.types import ChatMessage, text_content_block_from_string
from msgspec import Struct, field

from antiphon.agents.document import AgentDocument, AgentSpec, Metadata, SafetySpec
from antiphon.agents.gate import Gate
from antiphon.agents.safety.rules import Rules
from antiphon.agents.state import Action, AgentPlan, Observation, State, Taken
from antiphon.core.tool import Origins, Tool, ToolCall

from .suites import arguments_of, call, holds, plain


class Made(Struct):
    """What became of the calls of one task."""

    asked: list[str] = field(default_factory=list[str])
    """The user's calls that a person approved, with reasons."""
    attacked: list[str] = field(default_factory=list[str])
    """The attacker's calls: what was ruled of each."""
    shown: bool = False
    """The model saw the attacker's text."""


class Script(Struct):
    """What the scripted model does."""

    prompt: str
    calls: Callable[[Any], Sequence[FunctionCall]]
    plan: AgentPlan | None
    answer: str = ""
    goal: str = ""
    attack: Callable[[Any], Sequence[FunctionCall]] | None = None


def _shows(state: State, goal: str) -> bool:
    seen = state.taken[-1].observation
    return holds(seen.text, seen.data, goal)


def document(safety: SafetySpec) -> AgentDocument:
    spec = AgentSpec(goal="Do what the person asks.", pattern="plan", safety=safety, tools=["*"])
    return AgentDocument(metadata=Metadata(name="dojo"), spec=spec)


class Direct(BasePipelineElement):
    """A pipeline of AgentDojo: plays a script through the gate."""

    name = "direct"

    def __init__(self, script: Script, tools: dict[str, Tool], safety: SafetySpec | None) -> None:
        self._script, self._tools = script, tools
        self._gate: Gate | None = None if safety is None else Rules(document(safety), tools.get)
        self.made = Made()

    def query(
        self,
        query: str,
        runtime: FunctionsRuntime,
        env: Env = EmptyEnv(),
        messages: Sequence[ChatMessage] = (),
        extra_args: dict[str, Any] = {},
    ) -> tuple[str, FunctionsRuntime, Env, Sequence[ChatMessage], dict[str, Any]]:
        script = self._script
        state = State(goal=script.prompt, plan=script.plan, locked=script.plan, run="run-1")
        said: list[ChatMessage] = []
        queue = [(one, False) for one in script.calls(env.model_copy(deep=True))]
        attack = [] if script.attack is None else list(script.attack(env.model_copy(deep=True)))
        while queue:
            made, hostile = queue.pop(0)
            said += self._act(made, hostile, state, runtime, env)
            if script.goal and not self.made.shown and _shows(state, script.goal):
                self.made.shown = True
                queue = [(one, True) for one in attack] + queue
        content = [text_content_block_from_string(script.answer)]
        said.append({"role": "assistant", "content": content, "tool_calls": None})
        return query, runtime, env, [*messages, *said], extra_args

    def _act(
        self, made: FunctionCall, hostile: bool, state: State, runtime: FunctionsRuntime, env: Any
    ) -> list[ChatMessage]:
        key = f"{len(state.taken) + 1}.1"
        arguments = arguments_of(made)
        action = Action(
            kind="tool", key=key, origins=state.seen, call=ToolCall(id=key, name=made.function, arguments=arguments)
        )
        tool = self._tools.get(made.function)
        if not self._may(action, tool, hostile, state):
            state.taken.append(Taken(action=action, observation=Observation(key=key, text="refused", failed="refused")))
            return []
        result = call(runtime, env, made.function, dict(made.args))
        origins = Origins()
        text = result.text
        if self._gate is not None:
            origins = self._gate.labelled(action, tool, result, state)
            seen = Observation(key=key, text=text, data=result.data, origins=origins)
            text = self._gate.shown(seen, state)
        state.taken.append(
            Taken(action=action, observation=Observation(key=key, text=text, data=result.data, origins=origins))
        )
        state.seen = Origins(
            untrusted=state.seen.untrusted or origins.untrusted, private=state.seen.private or origins.private
        )
        return [
            {"role": "assistant", "content": None, "tool_calls": [made]},
            {
                "role": "tool",
                "content": [text_content_block_from_string(plain(text))],
                "tool_call": made,
                "tool_call_id": key,
                "error": None,
            },
        ]

    def _may(self, action: Action, tool: Tool | None, hostile: bool, state: State) -> bool:
        """The person approves what the task needs and refuses what it doesn't."""
        if self._gate is None:
            if hostile:
                self.made.attacked.append(f"{action.call and action.call.name}: allow")
            return True
        ruling = self._gate.rule(action, tool, state)
        assert action.call is not None
        told = f"{action.call.name}: {ruling.ruled} {','.join(ruling.reasons)}".strip()
        if hostile:
            self.made.attacked.append(told)
            return ruling.ruled == "allow"
        if ruling.ruled != "allow":
            self.made.asked.append(told)
        return ruling.ruled != "refuse"
