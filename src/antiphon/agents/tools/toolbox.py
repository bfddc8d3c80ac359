"""The tools of a process, by name: checked, bounded, cached, told of."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from antiphon.agents.hands import Hand
from antiphon.agents.tools.grip import Grip, Handling, Surroundings, failed
from antiphon.agents.tools.kept import Kept, cache_key
from antiphon.agents.tools.text import cut, json_size
from antiphon.core.error import BadRequest
from antiphon.core.tool import Tool, ToolCall, ToolContext, ToolResult, Tools
from antiphon.recipes.schema import BadSchema

Outcome = Literal["ok", "cached", "failed", "unknown"]
MOST_RESULT_BYTES = 1_048_576
"""Of a result, as text and as JSON each. What a model sees of it is less: `Tool.most_result_bytes`."""
DEFAULT = Handling()


class ToolTold(Struct, frozen=True, kw_only=True):
    """A call that came to its end."""

    tool: Tool
    context: ToolContext
    outcome: Outcome
    failed: str
    took_us: int
    cost_nano_usd: int


class Teller(ABC):
    """Hears of calls: metrics and spans."""

    def begins(self, context: ToolContext) -> ToolContext:
        """The context that a call is made in, which is told of once it has come to its end."""
        return context

    @abstractmethod
    def told(self, told: ToolTold) -> None: ...


class Toolbox(Tools):
    """Tools of several sources: each source's are replaced whole."""

    def __init__(self, around: Surroundings, kept: Kept, teller: Teller | None = None) -> None:
        self._around, self._kept, self._teller = around, kept, teller
        self._sources: dict[str, dict[str, Grip]] = {}
        self._grips: dict[str, Grip] = {}
        self._names: tuple[str, ...] = ()
        self.unready: dict[str, str] = {}
        """Why a tool or a document of tools can't be used, by its name."""

    def put(self, source: str, hands: Sequence[tuple[Hand, Handling]]) -> None:
        """Have these in the place of all that this source gave before. One whose schema can't be used, or whose name is
        another source's, is left out: `unready` says why. Those that are the same keep their breakers.
        """
        held: dict[str, Grip] = {}
        before = self._sources.get(source, {})
        others = {name for one, grips in self._sources.items() if one != source for name in grips}
        for name in before:
            self.unready.pop(name, None)
        for hand, handling in hands:
            name = hand.tool.name
            self.unready.pop(name, None)
            if name in others or name in held:
                self.unready[name] = "another tool has this name already; give one of them another"
                continue
            known = before.get(name)
            if known is not None and known.hand is hand and known.handling == handling:
                held[name] = known
                continue
            try:
                held[name] = Grip(hand, handling, self._around)
            except BadSchema as error:
                self.unready[name] = f"its schema can't be used: {error}"
        self._sources[source] = held
        self._gather()

    def drop(self, source: str) -> list[Hand]:
        """Take a source's tools away. Returns: their hands, to be closed once their calls have ended."""
        gone = self._sources.pop(source, {})
        self._gather()
        return [grip.hand for grip in gone.values()]

    def _gather(self) -> None:
        self._grips = {name: grip for grips in self._sources.values() for name, grip in grips.items()}
        self._names = tuple(sorted(self._grips))

    def get(self, name: str) -> Tool | None:
        grip = self._grips.get(name)
        return None if grip is None else grip.hand.tool

    def tenant(self, name: str) -> str:
        """Whose a tool is; empty: everybody's, or there is none."""
        grip = self._grips.get(name)
        return "" if grip is None else grip.handling.tenant

    def offered(self, name: str, tenant: str) -> bool:
        """Whether callers of the MCP gateway may use a tool of a document."""
        grip = self._grips.get(name)
        return grip is not None and grip.handling.gateway and grip.handling.tenant in {"", tenant}

    def names(self) -> tuple[str, ...]:
        return self._names

    def check(self, call: ToolCall) -> tuple[ToolCall, tuple[str, ...]]:
        grip = self._grips.get(call.name)
        if grip is None:
            return call, (f"there is no tool {call.name!r}",)
        arguments, wrong = grip.arguments.check(call.arguments)
        return (call if arguments is call.arguments else replace(call, arguments=arguments)), wrong

    async def call(self, call: ToolCall, context: ToolContext) -> ToolResult:
        grip = self._grips.get(call.name)
        if grip is None or grip.handling.tenant not in {"", context.principal.tenant}:
            return failed("not_found", f"There is no tool {call.name!r}.")
        arguments, wrong = grip.arguments.check(call.arguments)
        if wrong:
            return failed("invalid_arguments", f"Arguments of {call.name} are wrong: {'; '.join(wrong)}")
        context = context if self._teller is None else self._teller.begins(context)
        result = bounded(await self._done(grip, arguments, context))
        self._tell(grip, context, result)
        return result

    async def _done(self, grip: Grip, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        tool, tenant = grip.hand.tool, context.principal.tenant
        if tool.effect != "pure" or tool.cache_s <= 0:
            return await grip.call(arguments, context)
        key = cache_key(tool, arguments, context.principal, personal=grip.hand.personal)
        now_s = self._around.clock.steady_s()
        kept = self._kept.get(tenant, key, now_s)
        if kept is not None:
            return replace(kept, cached=True, cost_nano_usd=0, took_us=0)
        result = await grip.call(arguments, context)
        self._kept.put(tenant, key, result, self._around.clock.steady_s() + tool.cache_s)
        return result

    def _tell(self, grip: Grip, context: ToolContext, result: ToolResult) -> None:
        if self._teller is None:
            return
        outcome: Outcome = (
            "unknown" if result.unknown else "failed" if result.failed else "cached" if result.cached else "ok"
        )
        self._teller.told(
            ToolTold(
                tool=grip.hand.tool,
                context=context,
                outcome=outcome,
                failed=result.failed,
                took_us=result.took_us,
                cost_nano_usd=result.cost_nano_usd,
            )
        )

    async def close(self) -> None:
        """Let go of what tools hold."""
        for source in tuple(self._sources):
            for hand in self.drop(source):
                await hand.close()


def named(name: str) -> str:
    """A name as models take it. Raises: BadRequest."""
    if not 1 <= len(name) <= 64 or not all(one.isascii() and (one.isalnum() or one in "_-") for one in name):
        raise BadRequest(f"{name!r} can't be a tool's name: letters, digits, _ and -, 64 at most")
    return name


def bounded(result: ToolResult) -> ToolResult:
    """A result that is no longer than any may be."""
    text, was_cut = cut(result.text, MOST_RESULT_BYTES)
    size = json_size(result.data) if result.data is not None else 0
    data = None if size > MOST_RESULT_BYTES else result.data
    if not was_cut and data is result.data:
        return result
    return replace(result, text=text, data=data, cut=True)
