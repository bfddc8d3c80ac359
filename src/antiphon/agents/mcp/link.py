"""How one server is reached: by HTTP, or as a program of our own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from antiphon.wire.mcp import Message


class Unauthorized(Exception):
    """The server wants a token, or another one."""

    def __init__(self, challenge: str, status: int) -> None:
        super().__init__(f"the server answered {status}")
        self.challenge = challenge
        """Of the header `WWW-Authenticate`."""
        self.status = status


class NotSpoken(Exception):
    """The answer is none of the protocol: what was asked was not understood, and so not done."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server answered {status} without a message")
        self.status = status


class SessionLost(Exception):
    """The server knows the session no more, and did nothing."""


class Posted(Struct, frozen=True, kw_only=True):
    """One message to a server."""

    method: str
    params: Mapping[str, Any] = {}
    id: int | None = None
    """None: a notification."""
    version: str = ""
    """Of the protocol, once it is agreed."""
    session: str = ""
    lines: Mapping[str, str] = {}
    """More headers: what says in whose name, and arguments that are repeated there."""
    until_s: float
    """On the steady clock."""
    heard: Callable[[Message], None] | None = None
    """Called with what comes before the answer: notifications, and requests of the server's."""
    answer: bytes = b""
    """In place of method and params: our answer to a request of the server's."""


class Came(Struct, frozen=True, kw_only=True):
    """What came back."""

    message: Message | None
    """None: it was a notification."""
    session: str = ""


class Link(ABC):
    """Carries messages."""

    unasked: Callable[[Message], None] | None = None
    """Called with what comes while nobody waits for an answer."""
    turn: int = 0
    """Rises when whatever was agreed with the server is forgotten there."""

    @abstractmethod
    async def post(self, posted: Posted) -> Came:
        """Send, and wait for the answer.

        Raises: Unauthorized, NotSpoken, SessionLost, UpstreamError (what was sent may have been done, unless it is
            UpstreamUnreachable), asyncio.CancelledError.
        """

    async def renew(self) -> None:  # noqa: B027 - most hold nothing that could be old
        """Let go of a server of our own that is older than what others have of it."""

    @abstractmethod
    async def close(self) -> None: ...
