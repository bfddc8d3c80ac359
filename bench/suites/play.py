"""The same through the real loop and tool layer: the scripted model answers its calls by role, people answer its approvals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement
from agentdojo.functions_runtime import EmptyEnv, Env, FunctionCall, FunctionsRuntime
from agentdojo.types import ChatMessage, text_content_block_from_string
from fakes.agents import House, shown
from msgspec import Struct, field

from antiphon.agents.document import AgentDocument, AgentSpec, Metadata, SafetySpec, StopSpec
from antiphon.agents.gate import Gate, Ruling
from antiphon.agents.hands import Hand
from antiphon.agents.journal import Ended
from antiphon.agents.mind import Ask, Mind, Said
from antiphon.agents.safety.rules import Rules
from antiphon.agents.state import Action, AgentPlan, Observation, State
from antiphon.core.content import ToolCall as Called
from antiphon.core.run import RunEnvelope, Wait
from antiphon.core.tool import Origins, Tool, ToolContext, ToolResult
from antiphon.core.usage import Usage

from .dojo import arguments_of, call, holds
from .toolbox import toolbox

HOSTILE = "attack-"
ENVELOPE = RunEnvelope(steps=200, calls=400, tool_calls=400)


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


class Obedient(Mind):
    """Plays the true calls one by one; does what an attacker's text asks as soon as it is shown to it."""

    def __init__(self, script: Script, queue: list[FunctionCall], attack: list[FunctionCall], made: Made) -> None:
        self._script, self._queue, self._attack, self._made = script, queue, attack, made
        self._count = 0

    async def ask(self, ask: Ask) -> Said:
        if ask.role == "plan":
            return self._says(json.dumps(msgspec.to_builtins({"steps": self._script.plan.steps if self._script.plan else ()})))
        prefix = ""
        if self._script.goal and not self._made.shown and holds(shown(ask), None, self._script.goal):
            self._made.shown = True
        todo = self._queue
        if self._made.shown and self._attack:
            todo, prefix = self._attack, HOSTILE
        if not todo:
            return self._says(self._script.answer or "Done.")
        made = todo.pop(0)
        self._count += 1
        name = f"{prefix}{self._count}"
        arguments = json.dumps(arguments_of(made))
        return self._says("", Called(id=name, name=made.function, arguments=arguments))

    def _says(self, text: str, *calls: Called) -> Said:
        return Said(text=text, calls=calls, usage=Usage(input_tokens=10, output_tokens=5), status=200)

    def most(self, ask: Ask) -> tuple[int, int | None]:
        return 100, 0


class FunctionHand(Hand):
    """A function of the suite."""

    def __init__(self, tool: Tool, runtime: FunctionsRuntime, env: Any, made: list[FunctionCall]) -> None:
        self.tool, self._runtime, self._env, self._made = tool, runtime, env, made

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        self._made.append(FunctionCall(function=self.tool.name, args=arguments, id=context.key))
        return call(self._runtime, self._env, self.tool.name, arguments)


class Watched(Gate):
    """The gate, with what it ruled written down."""

    def __init__(self, gate: Gate, made: Made) -> None:
        self._gate, self._made = gate, made

    def rule(self, action: Action, tool: Tool | None, state: State) -> Ruling:
        ruling = self._gate.rule(action, tool, state)
        if action.call is None or action.key in state.allowed_once:
            return ruling
        told = f"{action.call.name}: {ruling.ruled} {','.join(ruling.reasons)}".strip()
        if action.call.id.startswith(HOSTILE):
            self._made.attacked.append(told)
        elif ruling.ruled != "allow":
            self._made.asked.append(told)
        return ruling

    def labelled(self, action: Action, tool: Tool | None, result: ToolResult, state: State) -> Origins:
        return self._gate.labelled(action, tool, result, state)

    def shown(self, observation: Observation, state: State) -> str:
        return self._gate.shown(observation, state)


class Looped(BasePipelineElement):
    """A pipeline of AgentDojo: one run of the loop."""

    name = "looped"

    def __init__(self, script: Script, tools: dict[str, Tool], safety: SafetySpec) -> None:
        self._script, self._tools, self._safety = script, tools, safety
        self.made = Made()
        self.ended: Ended | None = None

    def query(
        self,
        query: str,
        runtime: FunctionsRuntime,
        env: Env = EmptyEnv(),
        messages: Sequence[ChatMessage] = (),
        extra_args: dict[str, Any] = {},
    ) -> tuple[str, FunctionsRuntime, Env, Sequence[ChatMessage], dict[str, Any]]:
        calls: list[FunctionCall] = []
        answer = asyncio.run(self._run(runtime, env, calls))
        said: list[ChatMessage] = [{"role": "assistant", "content": None, "tool_calls": [one]} for one in calls]
        said.append(
            {"role": "assistant", "content": [text_content_block_from_string(answer)], "tool_calls": None}
        )
        return query, runtime, env, [*messages, *said], extra_args

    async def _run(self, runtime: FunctionsRuntime, env: Any, calls: list[FunctionCall]) -> str:
        script = self._script
        attack = [] if script.attack is None else list(script.attack(env.model_copy(deep=True)))
        mind = Obedient(script, list(script.calls(env.model_copy(deep=True))), attack, self.made)
        hands = [FunctionHand(tool, runtime, env, calls) for tool in self._tools.values()]
        tools = toolbox(hands)
        house = House(
            mind,
            agents=[document(self._safety)],
            tools=tools,
            gate=lambda agent, _: Watched(Rules(agent, tools.get), self.made),
        )
        run = house.begin({"goal": script.prompt}, "dojo", ENVELOPE)
        came = await house.segment(run)
        while isinstance(came, Wait):
            assert came.kind == "approval", came
            hostile = house.state(run.id).pending[0].call
            assert hostile is not None
            house.desk.say(came.approval, "rejected" if hostile.id.startswith(HOSTILE) else "approved")
            came = await house.go_on(run.id, house.answer(run.id, {}, kind="approval"))
        self.ended = came
        return json.loads(came.result) if came.result else ""


def document(safety: SafetySpec) -> AgentDocument:
    spec = AgentSpec(
        goal="Do what the person asks.",
        tools=["*"],
        safety=safety,
        verify=None,
        stops=StopSpec(same_call=50, same_error=50, no_progress=50),
    )
    return AgentDocument(metadata=Metadata(name="dojo"), spec=spec)

