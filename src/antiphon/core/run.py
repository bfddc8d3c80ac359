"""A run: one durable execution of an agent, what it may use, and what it waits for."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from antiphon.core.data_class import DataClass
from antiphon.core.principal import Principal
from antiphon.core.request import Trace
from antiphon.core.usage import Usage

RunStatus = Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled"]
ENDED: frozenset[RunStatus] = frozenset({"done", "failed", "cancelled"})
Stop = Literal[
    "finished",
    "handed_off",
    "steps",
    "depth",
    "fan_out",
    "calls",
    "tool_calls",
    "tokens",
    "money",
    "seconds",
    "no_progress",
    "cycle",
    "repeated_error",
    "unverified",
    "refused",
    "revoked",
    "expired",
    "cancelled",
    "killed",
    "error",
]
"""Why a run ended. `finished` and `handed_off` end as `done`, `cancelled` and `killed` as `cancelled`, all others as
`failed`. `revoked`: whoever began it may call no more."""
WaitKind = Literal["approval", "question", "hand_off", "review", "timer", "children", "pause"]
"""`review`: an at-most-once call was begun and nobody knows whether it was done; a person says."""
MailKind = Literal["answer", "approval", "child", "message", "pause", "resume", "cancel", "kill"]


class RunEnvelope(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The most that a run and all its children may use together; the root's is never exceeded. None: not bounded here."""

    steps: int = 50
    depth: int = 3
    """Children below the root."""
    fan_out: int = 8
    """Children and calls of tools at once, of one step."""
    calls: int = 100
    """Of models."""
    tool_calls: int = 100
    tokens: int | None = None
    money_nano_usd: int | None = None
    seconds: float = 3600.0
    """Of work: time that a run waits for people doesn't count."""


class Use(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What was used, or is held before an action."""

    steps: int = 0
    calls: int = 0
    tool_calls: int = 0
    tokens: int = 0
    money_nano_usd: int = 0
    seconds: float = 0.0
    input_tokens: int = 0
    """Of `tokens`, as `output_tokens`: what upstreams told by kind. It bounds nothing, and is never held."""
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of `input_tokens`; so is the next."""
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    """Of `output_tokens`."""

    @property
    def usage(self) -> Usage:
        """Tokens by kind. A call whose upstream told nothing counts in `tokens` alone."""
        return Usage(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cached_tokens=self.cached_tokens,
            cache_write_tokens=self.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens,
        )

    def __add__(self, other: "Use") -> "Use":
        return Use(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Wait(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run waits for; nothing of it is in memory meanwhile."""

    kind: WaitKind
    key: str
    """Names this wait within the run: the step it is for. Mail that ends it carries the same key."""
    shown: str = ""
    """What people see, JSON: the exact action, the question, the context of a hand-off."""
    approval: str = ""
    """Id of the approval that was asked for."""
    to: str = ""
    """Role of those who may answer; empty: the one who began the run, and approvers."""
    until_ns: int = 0
    """When it lapses; 0: never. A `timer` ends then."""
    escalates_ns: int = 0
    escalate_to: str = ""
    children: tuple[str, ...] = ()
    """Ids of runs that have to end."""


class Run(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run as it stands. Content (`input`, `state`, `result`, `wait.shown`) is sealed where it is stored."""

    id: str
    tenant: str
    agent: str
    version: str
    """Of the agent's document: it goes on under the one that it began with."""
    digest: str = ""
    """SHA-256 of the text that it began under; empty: not known. It goes on under no other."""
    pins: Mapping[str, str] = {}
    """Digests of the documents of its tools that it began with, by `KIND/NAME`. A call that it stopped at is made with no others."""
    principal: Principal
    """In whose name: what it may do is what the agent may and this one may."""
    created_ns: int
    status: RunStatus = "queued"
    stop: Stop | None = None
    why: str = ""
    """One sentence on how it ended."""
    input: bytes = b""
    """JSON: the goal and what came with it."""
    state: bytes = b""
    """JSON: its State when it last waited or ended; empty: it has not waited yet."""
    result: bytes = b""
    """JSON: its answer by the output contract."""
    wait: Wait | None = None
    segment: int = 1
    """Parts of a run between waits, from 1. Each is one durable workflow, `RUN.SEGMENT`."""
    parent: str = ""
    root: str = ""
    """Whose envelope it draws from; its own id for a root."""
    depth: int = 0
    session: str = ""
    trigger: str = ""
    """What began it: empty for a caller, `cron/NAME`, `webhook/NAME`, `queue/NAME`, `a2a`, `mcp`."""
    once: str = ""
    """Idempotency key of who began it, by tenant and agent."""
    priority: int = 5
    """1 is served first, 9 last."""
    envelope: RunEnvelope = RunEnvelope()
    used: Use = Use()
    """Of a root: with its children's."""
    started_ns: int = 0
    ended_ns: int = 0
    updated_ns: int = 0
    wake_ns: int = 0
    """When it goes on by itself; 0: not before somebody says so."""
    owner: str = ""
    """Worker that runs it; of a `queued` one: `queue`, once it stands in the durable engine's queue."""
    forked_from: str = ""
    data_class: DataClass = "public"
    taken_by: str = ""
    """Person who took it over by hand."""
    trace: Trace | None = None
    """What its spans are within, whichever process sends them; an empty `parent_id`: it begins the trace. None: it is in none."""

    @property
    def workflow(self) -> str:
        """Id of the durable workflow of this segment."""
        return f"{self.id}.{self.segment}"

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class Mail(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something said to a run. The same `id` counts once."""

    id: str
    run: str
    tenant: str
    kind: MailKind
    at_ns: int
    by: str
    """`key/NAME`, `user/SUBJECT`, `run/ID`, `antiphon`."""
    key: str = ""
    """Of the wait that it answers."""
    body: bytes = b""
    """JSON, sealed where it is stored."""


class RunEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened in a run, for those who watch. The journal of steps is what it goes on from, not this."""

    run: str
    seq: int
    """From 1, without gaps."""
    at_ns: int
    kind: str
    """`began`, `plan`, `model`, `tool`, `observed`, `held`, `wait`, `answered`, `child`, `progress`, `text`, `verified`,
    `compacted`, `ended` and others."""
    body: bytes = b""
    """JSON, sealed where it is stored."""


class Intent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An at-most-once call that is about to be made: written first, so that nobody makes it again blindly."""

    run: str
    step: str
    tool: str
    digest: str
    """SHA-256 of the arguments."""
    owner: str
    at_ns: int
    outcome: bytes | None = None
    """What came of it, JSON; None: not known."""
    reviewed_by: str = ""
    """Person who said what became of it."""


class Held(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `RunStore.hold` says."""

    ok: bool
    short: Stop | None = None
    """Which bound of the root's envelope would be exceeded."""
    left: Use = Use()
    """What the envelope still has, after this. Unbounded measures are -1."""


class Beat(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sign of life of a process that runs agents."""

    worker: str
    """Executor id: names one process, once."""
    host: str
    pid: int
    started: int
    """Start time of the process in clock ticks since boot, so that a pid that was given again is not mistaken for it."""
    at_ns: int
    retired: bool = False
    """Its runs were taken over; it must end."""


class Memory(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that an agent is to remember longer than a run."""

    id: str
    tenant: str
    agent: str
    scope: Literal["user", "session", "team", "agent"]
    owner: str
    """Whose: the user, session or team; empty for `agent`."""
    text: bytes
    """Sealed where it is stored."""
    sources: tuple[str, ...] = ()
    untrusted: bool = False
    private: bool = False
    data_class: DataClass = "public"
    run: str = ""
    approval: str = ""
    """Id of the approval that was asked for."""
    approved_by: str = ""
    created_ns: int = 0
    expires_ns: int = 0
    """0: never."""
    waits: bool = False
    """Nobody approved it yet, so that it is not recalled."""
    subject: str = ""
    """Whose run it came from, as `Principal.subject`: erased with what is theirs."""


class Skill(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an agent has done at a skill, by outcomes."""

    tenant: str
    agent: str
    skill: str
    good: int = 0
    bad: int = 0
    cost_nano_usd: int = 0
    took_us: int = 0
    runs: int = 0


class Barred(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent, tool or tenant that is switched off."""

    kind: Literal["agent", "tool", "tenant"]
    name: str
    tenant: str
    """Where it is switched off; empty: everywhere."""
    how: Literal["quarantined", "killed"]
    """Quarantined: nothing begins. Killed: what runs ends too."""
    by: str
    at_ns: int
    why: str = ""
