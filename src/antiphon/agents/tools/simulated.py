"""Tools that only pretend: answers, delays and faults by a script and a seed."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, cast

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.operation import plain
from antiphon.agents.tools.settings_code import FaultKind, SimulatedSpec
from antiphon.agents.tools.text import result_of
from antiphon.core.tool import Tool, ToolContext, ToolResult

_NAMED = re.compile(r"\{(\w+)\}")
ANY: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": True}
Pause = Callable[[float], Awaitable[None]]


class SimulatedHand(Hand):
    """Answers by a script. The same seed, call key and attempt give the same, in every process."""

    def __init__(self, tool: Tool, spec: SimulatedSpec, pause: Pause = asyncio.sleep) -> None:
        self.tool, self._spec, self._pause = tool, spec, pause
        self._attempts = 0
        self._by_key: dict[str, int] = {}

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        self._attempts += 1
        number = self._attempts
        again = self._by_key[context.key] = self._by_key.pop(context.key, 0) + 1
        if len(self._by_key) > 10_000:
            del self._by_key[next(iter(self._by_key))]
        drawn = f"{self._spec.seed}/{self.tool.name}/{context.key}/{again}"
        least, most = self._spec.delay_s[0], self._spec.delay_s[-1]
        delay_s = least + (most - least) * fraction(f"{drawn}/delay")
        if delay_s:
            await self._pause(delay_s)
        fault = self._fault(number, drawn)
        if fault is not None:
            return await self._failing(fault)
        return result_of(self._answer(arguments))

    def _fault(self, number: int, drawn: str) -> FaultKind | None:
        for place, one in enumerate(self._spec.faults):
            hit = number in one.attempts if one.attempts else fraction(f"{drawn}/{place}") * 100 < one.percent
            if hit:
                return one.kind
        return None

    async def _failing(self, kind: FaultKind) -> ToolResult:
        name = self.tool.name
        match kind:
            case "unavailable":
                raise ToolFailed("unavailable", f"{name} is not available (simulated).", retryable=True)
            case "failed":
                raise ToolFailed("failed", f"{name} says no (simulated).")
            case "lost":
                raise ToolFailed("unavailable", f"{name} broke off (simulated).", retryable=True, unknown=True)
            case "malformed":
                return ToolResult(text="(simulated: not what was asked for)", data={"malformed": True})
            case "timeout":
                await asyncio.Event().wait()
                raise AssertionError

    def _answer(self, arguments: Mapping[str, Any]) -> Any:
        for one in self._spec.answers:
            if all(arguments.get(name) == value for name, value in one.arguments.items()):
                return _filled(one.result, arguments)
        return dict(arguments)


def fraction(text: str) -> float:
    """A number in [0, 1) that is the same for the same text."""
    return int.from_bytes(sha256(text.encode()).digest()[:7], "big") / 2**56


def _filled(value: Any, arguments: Mapping[str, Any]) -> Any:
    """JSON with `{NAME}` in texts replaced by arguments; a text that is nothing else becomes the argument itself."""
    if isinstance(value, str):
        whole = _NAMED.fullmatch(value)
        if whole and whole[1] in arguments:
            return arguments[whole[1]]
        return _NAMED.sub(lambda one: plain(arguments[one[1]]) if one[1] in arguments else one[0], value)
    if isinstance(value, list):
        return [_filled(one, arguments) for one in cast("list[Any]", value)]
    if isinstance(value, Mapping):
        return {name: _filled(one, arguments) for name, one in cast("Mapping[str, Any]", value).items()}
    return value
