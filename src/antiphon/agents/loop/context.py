"""What a model is shown of a run: instructions, goal, plan, what stands for older turns, the last turns. Pure."""

import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.loop import prompts
from antiphon.agents.state import AgentPlan, State
from antiphon.core.content import Message, Part, Text, ToolCall

BYTES_A_TOKEN = 3
"""Of text, taken for a bound: fewer than any tokenizer in use has on average for English."""
AROUND_TOKENS = 8
"""That a message costs beside its text."""
SHORT_BYTES = 400
"""A longer result names its handle at its end, by which it can be cut out later."""
_HANDLE = re.compile(r"\[(r[\w.~-]+)\]$")


def text(role: str, said: str) -> Message:
    """A message that is one text."""
    return Message(role=role, parts=(Text(text=said),), form="text")


def words(message: Message) -> str:
    """What a message says, calls included."""
    return "\n".join(_words(part) for part in message.parts)


def _words(part: Part) -> str:
    match part:
        case Text(text=said):
            return said
        case ToolCall(name=name, arguments=arguments):
            return f"{name}({arguments})"
        case _:
            return ""


def tokens(messages: Sequence[Message]) -> int:
    """What messages come to, rather more than less."""
    return sum(len(words(one).encode()) // BYTES_A_TOKEN + AROUND_TOKENS for one in messages)


def instructions(document: AgentDocument, template: str = prompts.ACT, **more: str) -> Message:
    """What the model is told before all else."""
    spec = document.spec
    said = document.instructions or spec.instructions
    return text(
        "system",
        template.format(
            name=document.name,
            goal=spec.goal,
            instructions=f"{said}\n" if said else "",
            constraints=constraints(spec.constraints),
            **more,
        ),
    )


def constraints(lines: Sequence[str]) -> str:
    """What must be kept to, as it is told; empty: nothing."""
    return prompts.CONSTRAINTS.format(lines="\n".join(f"- {one}" for one in lines)) if lines else ""


def task(state: State) -> str:
    """The goal of a run with what came with it."""
    said = [state.goal]
    if state.inputs:
        said.append(f"What came with it: {spelled(state.inputs)}")
    if state.constraints:
        said.append("Besides:\n" + "\n".join(f"- {one}" for one in state.constraints))
    return "\n\n".join(said)


def spelled(value: Any) -> str:
    """A value as models read it: texts as they are, others as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def outlined(plan: AgentPlan) -> str:
    """A plan as models read it."""
    return "\n".join(
        f"{place}. [{'done' if one.done else 'open'}] {one.name}: {one.task}"
        + (f" (agent {one.agent})" if one.agent else "")
        for place, one in enumerate(plan.steps, 1)
    )


def messages(state: State, head: Message, last: str = "") -> tuple[Message, ...]:
    """All that a model is shown.

    Args:
        last: Said behind everything else, as the loop's own word.
    """
    shown = [head, text("user", task(state))]
    if recalled := state.notes.get("recalled"):
        shown.append(text("user", recalled))
    if state.plan is not None and state.plan.steps:
        shown.append(text("user", prompts.PLANNED.format(plan=outlined(state.plan))))
    if given := [f"{handle}: {one.about}" for handle, one in state.values.items() if one.ref and not one.text]:
        shown.append(text("user", prompts.GIVEN.format(values="\n".join(given))))
    if state.compacted:
        shown.append(text("user", prompts.COMPACTED.format(text=state.compacted)))
    shown += state.context
    if last:
        shown.append(text("user", last))
    return tuple(shown)


def turns(context: Sequence[Message]) -> list[list[Message]]:
    """Messages by turn: what an assistant said begins one, and results of its calls belong to it."""
    found: list[list[Message]] = []
    for message in context:
        if message.role == "assistant" or not found:
            found.append([])
        found[-1].append(message)
    return found


def trimmed(state: State, most_tokens: int, keep_turns: int) -> list[Message]:
    """The context with results of older turns cut to their handles, the oldest first, until it fits; as it is where it does."""
    over = tokens(state.context) - most_tokens
    if over <= 0:
        return state.context
    parts = turns(state.context)
    for turn in parts[: max(0, len(parts) - keep_turns)]:
        for place, message in enumerate(turn):
            if over <= 0:
                break
            if message.role != "tool":
                continue
            shorter = _shortened(message)
            over -= tokens([message]) - tokens([shorter])
            turn[place] = shorter
    return [message for turn in parts for message in turn]


def _shortened(message: Message) -> Message:
    said = words(message)
    handle = _HANDLE.search(said)
    if handle is None or len(said.encode()) <= SHORT_BYTES:
        return message
    left = f"[left out here: {len(said.encode())} bytes; read_value {handle[1]} has all of it] [{handle[1]}]"
    return structs.replace(message, parts=(Text(text=left),))


def halves(state: State, keep_turns: int) -> tuple[list[Message], list[Message]]:
    """Older turns, to be summed up, and those that stay."""
    parts = turns(state.context)
    older, newer = parts[: max(0, len(parts) - keep_turns)], parts[max(0, len(parts) - keep_turns) :]
    return [one for turn in older for one in turn], [one for turn in newer for one in turn]


def told(context: Sequence[Message]) -> str:
    """Turns as one text, for a model that sums them up."""
    return "\n\n".join(f"{one.role}: {words(one)}" for one in context)
