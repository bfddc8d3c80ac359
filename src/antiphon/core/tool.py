"""What an agent can do beside talking: tools, calls of them, and what comes back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Literal

from msgspec import Struct, field, json

from antiphon.core.data_class import DataClass
from antiphon.core.principal import Principal
from antiphon.core.request import Trace

Effect = Literal["pure", "idempotent", "at_most_once"]
"""What calling twice does: nothing, since it changes nothing; the same as once, since it takes an idempotency key; harm."""
Confirm = Literal["policy", "always"]
"""Who decides whether a person has to approve a call: policies and what the run has seen; or always a person."""


class Tool(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool as agents and policies see it. Its hash over (name, description, parameters) is what is pinned."""

    name: str
    """As models see it: letters, digits, `_` and `-`, 64 at most. Tools of a server are `SERVER__TOOL`."""
    description: str
    parameters: dict[str, Any]
    """JSON Schema 2020-12 of the arguments, an object."""
    result: dict[str, Any] | None = None
    """JSON Schema of what comes back; None: nothing is said of it."""
    effect: Effect = "at_most_once"
    destructive: bool = False
    """It may destroy or spend: a person approves each call, whoever asks."""
    sends: bool = False
    """What it is given can be read outside: mail, posts, pages fetched by URL."""
    private: bool = False
    """It reads what strangers must not see."""
    untrusted: bool = False
    """What it returns may have been written by strangers."""
    risky: tuple[str, ...] = ()
    """Arguments that decide whom or what it touches, such as `recipient`; dots lead inside. `*`: all of them. Their
    values must come from the person or from trusted results."""
    confirm: Confirm = "policy"
    data_class: DataClass | None = None
    """What its results are at least."""
    takes: DataClass | None = None
    """The highest class of data that it is given; None: any."""
    timeout_s: float = 30.0
    most_result_bytes: int = 65_536
    """Of a result in a model's context; the rest stays behind a handle."""
    cost_nano_usd: int = 0
    """Of one call."""
    cache_s: float = 0.0
    """How long the result of a `pure` one holds for the same arguments, by tenant; 0: not at all."""
    source: str = ""
    """Where it comes from: `python`, `http`, `sql`, `documents`, `files`, `sandbox`, `browser`, `ticket`, `mcp/SERVER`,
    `agent/NAME`, `simulated`."""
    version: str = ""
    """SHA-256 of name, description and parameters, 64 hexadecimal digits."""
    simulated: bool = False
    """It only pretends, for trying and testing; every result says so."""


def pinned(name: str, description: str, parameters: Mapping[str, Any]) -> str:
    """What a tool is known by: SHA-256 of its name, description and schema, 64 hexadecimal digits."""
    return sha256(json.encode([name, description, parameters], order="sorted")).hexdigest()


class ToolCall(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call as it is made: arguments are checked against the tool's schema."""

    id: str
    """The model's own id of it, or one of ours."""
    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])


class Origins(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a value comes from: every value of a run carries this, and what is made of several carries all of theirs."""

    sources: tuple[str, ...] = ()
    """`user`, `agent` (instructions), `tool/NAME`, `memory/ID`, `model/ROLE`, `person/NAME`; sorted, each once."""
    untrusted: bool = False
    """Some of it may have been written by strangers."""
    private: bool = False
    """Some of it must not be seen by strangers."""
    data_class: DataClass = "public"


class ToolResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back of a call."""

    text: str = ""
    """As a model is to read it."""
    data: Any = None
    """The same as JSON, where there is any."""
    failed: str = ""
    """Code of the error; empty: it went well. `text` tells the model what went wrong and what to do about it."""
    retryable: bool = False
    """The same call may go well later."""
    unknown: bool = False
    """It failed, and may have been done all the same: the call had left."""
    origins: Origins = Origins()
    """Beside what the tool itself says of its results."""
    cost_nano_usd: int = 0
    took_us: int = 0
    cached: bool = False
    simulated: bool = False
    cut: bool = False
    """There was more than may come back."""
    receipt: str = ""
    """Id of the receipt that the call has of its own; empty: it has none."""


class ToolContext(Struct, frozen=True, kw_only=True):
    """Who calls, and for what."""

    principal: Principal
    run: str
    """Empty: no run, but a caller of the MCP gateway."""
    step: str
    key: str
    """Idempotency key: the same whenever this very call is made again."""
    until_s: float
    """On the steady clock."""
    agent: str = ""
    data_class: DataClass = "public"
    session: str = ""
    workspace: str = ""
    """Folder of the run's files; empty: it has none."""
    meta: Mapping[str, str] = {}
    trace: Trace | None = None
    """What it is called within; while it is being made, its own span."""
    heard: Callable[[str, str, str], None] | None = None
    """Tells those who watch the run how it goes: who does it, how they stand in a word, and what they say of it. None:
    nobody watches."""
    above: str = ""
    """Id of the span that its own is below; empty: it has none of its own."""


class Tools(ABC):
    """Tools by name, and how they are called: checked, bounded, retried by effect, behind breakers, told of."""

    @abstractmethod
    def get(self, name: str) -> Tool | None:
        """None: there is none, or it is quarantined."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """All of them, sorted."""

    def tenant(self, name: str) -> str:
        """Whose a tool is: nobody else is told of it; empty: everybody's, or there is none."""
        return ""

    @abstractmethod
    def check(self, call: ToolCall) -> tuple[ToolCall, tuple[str, ...]]:
        """Arguments against the schema, mended where it is plain how: `"3"` for 3, JSON in a string, a name in another
        case, a single value for a list.

        Returns: the call to make, and what is wrong with it; empty: nothing.
        """

    @abstractmethod
    async def call(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Make a checked call. Never raises for what the tool does: that is in `failed`.

        Raises: asyncio.CancelledError.
        """
