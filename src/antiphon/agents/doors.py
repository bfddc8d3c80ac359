"""Everything that agents reach beyond their own State, as ports: what the loop is built on, wired by `app`."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import Struct

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.gate import Gate
from antiphon.agents.mind import Mind
from antiphon.core.clock import Clock
from antiphon.core.data_class import DataClass
from antiphon.core.ports import Approvals
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.core.sandbox import Sandbox
from antiphon.core.tool import Origins, ToolContext, ToolResult, Tools
from antiphon.telemetry.trace_agents import UNTRACED, AgentSpans


class Known(Struct, frozen=True, kw_only=True):
    """An agent as it is found."""

    name: str
    """Remote ones are `a2a/NAME`."""
    skills: tuple[str, ...] = ()
    version: str = ""
    healthy: bool = True
    good: float = 0.5
    """Share of runs that went well at the skill that was asked for, 0 to 1; 0.5 where nothing is known."""
    cost_nano_usd: int = 0
    """Of a run, on average; 0: not known."""


class Registry(ABC):
    """Finds agents. From memory: nothing waits."""

    @abstractmethod
    def find(self, skill: str, principal: Principal) -> Sequence[Known]:
        """Those with a skill that a caller may ask, the best first."""

    @abstractmethod
    def known(self, name: str, principal: Principal) -> Known | None:
        """One by its name; None: there is none that this caller may ask."""


class Recalled(Struct, frozen=True, kw_only=True):
    """A memory as the loop sees it."""

    id: str
    text: str
    origins: Origins = Origins()


class Memories(ABC):
    """What agents remember longer than a run: by scope, with expiry, provenance and approval."""

    @abstractmethod
    async def recall(self, run: Run, document: AgentDocument, about: str) -> Sequence[Recalled]:
        """Those that fit best, the best first; at most `document.spec.memory.recall`. Raises: StoreError."""

    @abstractmethod
    async def remember(
        self, run: Run, document: AgentDocument, text: str, *, scope: str, origins: Origins, key: str
    ) -> str:
        """Keep a memory; the same `key` keeps it once.

        Returns: what the model is told: that it is kept, or that a person has to approve it first.
        Raises: StoreError, BadRequest, NotAllowed.
        """


class RemoteAgents(ABC):
    """Agents elsewhere, by name without `a2a/`: egress, breakers and receipts are theirs to see to."""

    @abstractmethod
    def names(self) -> tuple[str, ...]: ...

    @abstractmethod
    async def ask(self, name: str, task: str, data: Any, context: ToolContext) -> ToolResult:
        """Let one do a task. Never raises for what it does: that is in `failed`. Raises: asyncio.CancelledError.

        Args:
            context: `key` names the remote task too, so that asking again finds it.
        """

    @abstractmethod
    def most(self, name: str) -> tuple[int, int | None]:
        """The most that a task may cost: tokens, and nano-USD (None: nobody knows)."""


class Doors(Struct, frozen=True, kw_only=True):
    """The ports of one process that runs agents."""

    mind: Mind
    tools: Tools
    gate: Callable[[AgentDocument, Principal], Gate]
    """The rules over an agent's actions in somebody's name."""
    store: RunStore
    shelf: Callable[[], Shelf]
    """The documents of the present revision; those of earlier versions are still on it."""
    clock: Clock
    may: Callable[[Principal, AgentDocument, DataClass], None] | None = None
    """Whether somebody may have a run of an agent. Raises: PolicyDenied, NotAllowed. None: there are no policies."""
    standing: Callable[[Principal], Principal] | None = None
    """Whoever began a run, as they stand at present. From memory. Raises: NotAuthenticated, where they may call no more.
    None: nobody's rights ever change.
    """
    approvals: Approvals | None = None
    """None: nobody can approve, and what needs it is refused."""
    sandbox: Sandbox | None = None
    """None: `run_code` is not offered."""
    registry: Registry | None = None
    memory: Memories | None = None
    remote: RemoteAgents | None = None
    worker: str = ""
    """Executor id of this process: owner of its intents."""
    sure: Callable[[], Awaitable[None]] | None = None
    """Waited for right before a call that must not be made twice: see `Engine.sure`."""
    workspace: Callable[[Run], str] | None = None
    """Folder of a run's files; None: runs have none."""
    spans: AgentSpans = UNTRACED
