"""A run of the real loop whose model plays a script, and whose approvals are answered as a careful person would."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from fakes.agents import House, shown
from msgspec import Struct, field

from antiphon.agents.documents.document import AgentDocument, AgentSpec, Metadata, SafetySpec, StopSpec
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

from .toolbox import toolbox

HOSTILE = "attack-"
ENVELOPE = RunEnvelope(steps=500, calls=1000, tool_calls=1000)


class Step(Struct, frozen=True):
    """A call of the script."""

    name: str
    arguments: dict[str, Any]


class Script(Struct):
    """What the model does: `steps` one by one; `attack` first of all once `shows` says so of what it was shown."""

    goal: str
    steps: Sequence[Step]
    plan: AgentPlan
    answer: str = "Done."
    attack: Sequence[Step] = ()
    shows: Callable[[str], bool] | None = None


class Made(Struct):
    """What became of the calls of one task."""

    asked: list[str] = field(default_factory=list[str])
    """The task's own calls that were not allowed at once, with reasons."""
    attacked: list[str] = field(default_factory=list[str])
    """The attacker's calls: what was ruled of each."""
    shown: bool = False
    """The model saw the attacker's text."""
    calls: list[tuple[Step, ToolResult]] = field(default_factory=list[tuple[Step, ToolResult]])
    """All that were made, in order."""
    answer: Any = None
    ended: Ended | None = None


class Obedient(Mind):
    """Plays a script; does all that an attacker's text asks as soon as it is shown to it."""

    def __init__(self, script: Script, made: Made) -> None:
        self._script, self._made = script, made
        self._steps, self._attack = list(script.steps), list(script.attack)
        self._count = 0

    async def ask(self, ask: Ask) -> Said:
        script, made = self._script, self._made
        if ask.role == "plan":
            return _says(json.dumps({"steps": msgspec.to_builtins(script.plan.steps)}))
        if not made.shown and script.shows is not None:
            made.shown = script.shows(shown(ask))
        hostile = made.shown and bool(self._attack)
        todo = self._attack if hostile else self._steps
        if not todo:
            return _says(script.answer)
        step = todo.pop(0)
        self._count += 1
        named = f"{HOSTILE if hostile else ''}{self._count}"
        return _says("", Called(id=named, name=step.name, arguments=json.dumps(step.arguments)))

    def most(self, ask: Ask) -> tuple[int, int | None]:
        return 100, 0


def _says(text: str, *calls: Called) -> Said:
    return Said(text=text, calls=calls, usage=Usage(input_tokens=10, output_tokens=5), status=200)


class FunctionHand(Hand):
    """A function of a suite."""

    def __init__(self, tool: Tool, work: Callable[[dict[str, Any]], ToolResult], made: Made) -> None:
        self.tool, self._work, self._made = tool, work, made

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        result = self._work(arguments)
        self._made.calls.append((Step(self.tool.name, arguments), result))
        return result


class Watched(Gate):
    """The gate, with what it ruled written down. None: all is allowed and nothing marked."""

    def __init__(self, gate: Gate | None, made: Made) -> None:
        self._gate, self._made = gate, made

    def rule(self, action: Action, tool: Tool | None, state: State) -> Ruling:
        ruling = Ruling(ruled="allow") if self._gate is None else self._gate.rule(action, tool, state)
        if action.call is None or action.key in state.allowed_once:
            return ruling
        told = f"{action.call.name}: {ruling.ruled} {','.join(ruling.reasons)}".strip()
        if action.call.id.startswith(HOSTILE):
            self._made.attacked.append(told)
        elif ruling.ruled != "allow":
            self._made.asked.append(told)
        return ruling

    def labelled(self, action: Action, tool: Tool | None, result: ToolResult, state: State) -> Origins:
        return Origins() if self._gate is None else self._gate.labelled(action, tool, result, state)

    def shown(self, observation: Observation, state: State) -> str:
        return observation.text if self._gate is None else self._gate.shown(observation, state)


def document(safety: SafetySpec | None) -> AgentDocument:
    """An agent of the default pattern. Stops that a true run of a suite would meet are out of the way."""
    spec = AgentSpec(
        goal="Do what the person asks.",
        tools=["*"],
        safety=safety or SafetySpec(plan_lock=False),
        verify=None,
        stops=StopSpec(same_call=50, same_error=50, no_progress=50),
    )
    return AgentDocument(metadata=Metadata(name="suite"), spec=spec)


async def play(script: Script, hands: Sequence[Hand], safety: SafetySpec | None, made: Made) -> None:
    """One run. The person approves what the task asks for, and refuses what an attacker does."""
    tools = toolbox(hands)

    def gate(agent: AgentDocument, _: object) -> Gate:
        return Watched(None if safety is None else Rules(agent, tools.get), made)

    house = House(Obedient(script, made), agents=[document(safety)], tools=tools, gate=gate)
    run = house.begin({"goal": script.goal}, "suite", ENVELOPE)
    came = await house.segment(run)
    while isinstance(came, Wait):
        if came.kind != "approval":
            raise SystemExit(f"the run waits for {came.kind}: {came.shown}")
        waits = house.state(run.id).pending[0].call
        hostile = waits is not None and waits.id.startswith(HOSTILE)
        house.desk.say(came.approval, "rejected" if hostile else "approved")
        came = await house.go_on(run.id, house.answer(run.id, {}, kind="approval"))
    made.ended = came
    made.answer = json.loads(came.result) if came.result else ""
