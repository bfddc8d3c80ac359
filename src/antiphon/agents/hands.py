"""What does a tool's work."""

from abc import ABC, abstractmethod
from typing import Any

from antiphon.core.tool import Tool, ToolContext, ToolResult


class ToolFailed(Exception):
    """A tool didn't do what it was asked. `say` tells the model what went wrong, and what to do about it."""

    def __init__(self, code: str, say: str, *, retryable: bool = False, unknown: bool = False) -> None:
        """Args:
        code: Such as `invalid_arguments`, `not_found`, `timeout`, `unavailable`, `refused`, `too_large`, `failed`.
        unknown: It may have been done all the same: it broke off after the call had left.
        """
        super().__init__(say)
        self.code, self.say, self.retryable, self.unknown = code, say, retryable, unknown


class Hand(ABC):
    """Does the work of one tool. Checking, deadlines, retries, breakers, caching and cutting are done around it."""

    tool: Tool
    personal: bool = False
    """What it gives depends on who asks, so that nobody is given what was kept of another's call."""

    @abstractmethod
    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        """Raises: ToolFailed, AntiphonError, asyncio.CancelledError."""

    async def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what it holds."""
