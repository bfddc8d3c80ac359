"""One tool in use: its hand within a deadline, a number of calls at once, a breaker, and retries by what calling twice does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.arguments import Arguments
from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import SharedBreaker
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, UpstreamError, UpstreamUnreachable
from antiphon.core.tool import ToolContext, ToolResult
from antiphon.recipes.schema import JsonSchema

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
_MOST_SAID = 500
UNKNOWN = "unknown"
"""Code of an at-most-once call that may have been done, and may not: a person has to look."""


class Handling(Struct, frozen=True, kw_only=True):
    """How a tool is called."""

    retries: int = 2
    """Further attempts; of an at-most-once tool only where nothing left."""
    concurrency: int = 16
    breaker: BreakerSettings = BreakerSettings()
    tenant: str = ""
    """Whose tool it is; empty: everybody's."""
    gateway: bool = False
    """Callers of the MCP gateway may use it."""


class Surroundings(Struct, frozen=True, kw_only=True):
    """What all tools of a process share."""

    clock: Clock
    fraction: Callable[[], float]
    """Chance, evenly spread in [0, 1): for jitter alone."""
    breakers: SharedBreaker
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits for so many seconds between two attempts."""


class Grip:
    """A hand, and how it is used."""

    def __init__(self, hand: Hand, handling: Handling, around: Surroundings) -> None:
        """Raises: BadSchema, where a schema of the tool can't be used."""
        self.hand, self.handling = hand, handling
        self.arguments = Arguments(hand.tool.parameters)
        self._result = None if hand.tool.result is None else JsonSchema(hand.tool.result)
        self._around = around
        self._turns = asyncio.Semaphore(handling.concurrency)
        self.breaker = Breaker(f"tool/{hand.tool.name}", handling.breaker, around.breakers, around.fraction)
        self.attempts = 0
        """Since the process began."""

    async def call(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        """Never raises for what the tool does. Raises: asyncio.CancelledError."""
        clock, tool = self._around.clock, self.hand.tool
        began_s = clock.steady_s()
        until_s = min(began_s + tool.timeout_s, context.until_s)
        bounded = replace(context, until_s=until_s)
        result = await self._turn(arguments, bounded)
        left = (
            {} if result.failed and not result.unknown else {"cost_nano_usd": tool.cost_nano_usd + result.cost_nano_usd}
        )
        if result.unknown and tool.effect == "at_most_once":
            result = replace(result, failed=UNKNOWN, retryable=False)
        took_us = int((clock.steady_s() - began_s) * 1e6)
        return replace(result, took_us=took_us, simulated=tool.simulated or result.simulated, **left)

    async def _turn(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        wait_s = context.until_s - self._around.clock.steady_s()
        try:
            async with asyncio.timeout(wait_s):
                await self._turns.acquire()
        except TimeoutError:
            return failed("unavailable", f"{self.hand.tool.name} is busy: its calls before this one took too long.")
        try:
            return await self._tries(arguments, context)
        finally:
            self._turns.release()

    async def _tries(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        result = failed("timeout", f"No time was left to call {self.hand.tool.name}.")
        for attempt in range(self.handling.retries + 1):
            if self._around.clock.steady_s() >= context.until_s:
                return result
            result = await self._attempt(arguments, context)
            if not self._again(result) or attempt == self.handling.retries:
                return result
            pause_s = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S) * (0.5 + self._around.fraction() / 2)
            if self._around.clock.steady_s() + pause_s >= context.until_s:
                return result
            await self._around.pause(pause_s)
        return result

    def _again(self, result: ToolResult) -> bool:
        """Whether another attempt does no harm, and may go better."""
        if not result.retryable:
            return False
        return self.hand.tool.effect != "at_most_once" or not result.unknown

    async def _attempt(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        clock = self._around.clock
        taken = self.breaker.admit(clock.steady_s())
        if not taken:
            return failed("unavailable", f"{self.hand.tool.name} failed too often and is left alone for a while.")
        self.attempts += 1
        began_s = clock.steady_s()
        try:
            result = await self._once(arguments, context)
        except BaseException:
            self.breaker.dropped(taken, clock.steady_s())
            raise
        now_s = clock.steady_s()
        if result.retryable or result.unknown:
            self.breaker.failed(taken, now_s, result.failed)
        elif result.failed:
            self.breaker.dropped(taken, now_s)
        else:
            self.breaker.succeeded(taken, now_s, now_s - began_s)
        return result

    async def _once(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        tool = self.hand.tool
        limit = asyncio.timeout(context.until_s - self._around.clock.steady_s())
        try:
            async with limit:
                return self._held(await self.hand.do(arguments, context))
        except ToolFailed as error:
            return failed(error.code, error.say, retryable=error.retryable, unknown=error.unknown)
        except AntiphonError as error:
            return _answered_for(error, tool.effect != "pure")
        except TimeoutError as error:
            if not limit.expired():
                return failed("failed", f"{tool.name} failed: {error or 'a time of its own was over'}", unknown=True)
            say = f"{tool.name} did not answer within its time; it is not known whether it was done."
            return failed("timeout", say, retryable=True, unknown=tool.effect != "pure")
        except Exception as error:  # noqa: BLE001 - a tool may raise anything, and the run goes on
            say = f"{tool.name} failed: {type(error).__name__}: {error}"[:_MOST_SAID]
            return failed("failed", say, unknown=tool.effect != "pure")

    def _held(self, result: ToolResult) -> ToolResult:
        """A result as its schema has it. What was done is done: the result of one that changes things is only remarked."""
        if result.failed or self._result is None:
            return result
        faults = self._result.faults(result.data)
        if not faults:
            return result
        why = f"{self.hand.tool.name} gave what its schema doesn't allow: {'; '.join(one.said for one in faults)}"
        if self.hand.tool.effect == "pure":
            return failed("malformed_result", why, retryable=True)
        return replace(result, text=f"{result.text}\n({why})")


def failed(code: str, say: str, *, retryable: bool = False, unknown: bool = False) -> ToolResult:
    """What came of a call that didn't go well."""
    return ToolResult(failed=code, text=say, retryable=retryable, unknown=unknown)


def _answered_for(error: AntiphonError, changes: bool) -> ToolResult:
    """A failure of ours or of an upstream. Nothing left where there was no connection, or a limit was full."""
    left = isinstance(error, UpstreamError) and error.connected and not isinstance(error, UpstreamUnreachable)
    return failed(error.said_code, error.message[:_MOST_SAID], retryable=error.retryable, unknown=changes and left)
