"""What the loop needs of models: one call through the gateway's path, by role."""

from abc import ABC, abstractmethod
from typing import Any

from msgspec import Struct

from antiphon.core.content import Message, ResponseFormat, ToolCall
from antiphon.core.content import Tool as ToolShown
from antiphon.core.data_class import DataClass
from antiphon.core.principal import Principal
from antiphon.core.request import Trace
from antiphon.core.usage import Usage


class Ask(Struct, frozen=True, kw_only=True):
    """One call of a model."""

    model: str
    """Public name: a route, a model or `agent/NAME`."""
    messages: tuple[Message, ...]
    principal: Principal
    run: str
    step: str
    key: str
    """Idempotency key."""
    role: str = ""
    tools: tuple[ToolShown, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`."""
    parallel: bool = True
    response_format: ResponseFormat | None = None
    output_tokens: int = 4096
    """The most that it may answer; what is held before the call counts with it."""
    data_class: DataClass = "public"
    purpose: str = ""
    session: str = ""
    agent: str = ""
    tainted: bool = False
    """Something untrusted is in its messages: a fact for policies."""
    until_s: float = 0.0
    """On the steady clock; 0: as the route says."""
    approval: str = ""
    """Ticket of a person's approval that an earlier try asked for."""
    trace: Trace | None = None
    """What it is asked within."""


class Said(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back; JSON in the journal."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    receipt: str = ""
    served: str = ""
    usage: Usage | None = None
    cost_nano_usd: int = 0
    took_us: int = 0
    failed: str = ""
    """Code of the error; empty: it was answered. `text` is then its message."""
    status: int = 0
    retryable: bool = False
    data: Any = None


class Mind(ABC):
    """Asks models."""

    @abstractmethod
    async def ask(self, ask: Ask) -> Said:
        """Never raises for what upstreams and policies do: that is in `failed`. Raises: asyncio.CancelledError."""

    @abstractmethod
    def most(self, ask: Ask) -> tuple[int, int | None]:
        """The most that a call may use: tokens of input and output, and nano-USD (None: nobody knows), as budgets hold it."""
