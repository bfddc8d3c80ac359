"""The State of a run: all that an agent knows, typed; folded from journalled results, so that a replay gives the same."""

from typing import Any, Literal

from msgspec import Struct, field

from antiphon.core.content import Message
from antiphon.core.data_class import DataClass
from antiphon.core.run import Stop, Use, Wait
from antiphon.core.tool import Origins, ToolCall

Phase = Literal["plan", "act", "verify", "finish", "ended"]
ActionKind = Literal["tool", "agent", "code", "ask", "approve", "hand_off", "remember", "read", "plan", "finish"]
"""`read`: a part of a value by its handle; `plan`: a step is done, or another plan is wanted."""


class Planned(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of a plan."""

    name: str
    task: str
    tools: tuple[str, ...] = ()
    """Tools that it may need; the plan lock allows the union of those of all steps."""
    agent: str = ""
    """Who does it; empty: this agent itself."""
    after: tuple[str, ...] = ()
    done: bool = False


class AgentPlan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model set out to do before it had read anything of strangers."""

    steps: tuple[Planned, ...]
    version: int = 1
    """Raised by replanning; a plan made after something untrusted was read may only use tools of the first."""
    origins: Origins = Origins()
    """Of everything that the model had read when it made the first."""


class Action(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent's policy decided to do."""

    kind: ActionKind
    key: str
    """Names it within the run, the same on every replay: `STEP.PLACE`."""
    call: ToolCall | None = None
    """For `tool`."""
    text: str = ""
    """For `agent` its task, for `code` the program, for `ask` the question, for `finish` the answer, and so on."""
    to: str = ""
    """For `agent` and `hand_off`: whom; for `ask`: the role."""
    data: Any = None
    origins: Origins = Origins()
    """Of what it was decided on: everything that the deciding model saw."""
    own: bool = False
    """The loop's own: no model called it, so that none is shown what came of it by itself."""
    alone: bool = False
    """It is not begun beside others: what it does may depend on those before it."""


class Observation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an action led to."""

    key: str
    text: str
    """As the model reads it."""
    data: Any = None
    failed: str = ""
    handle: str = ""
    """Names the whole value where `text` is a part of it."""
    origins: Origins = Origins()
    cost_nano_usd: int = 0
    took_us: int = 0


class Taken(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that was taken."""

    action: Action
    observation: Observation
    at_ns: int = 0


class Done(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A finished call of a tool that changed something: what compensation undoes."""

    tool: str
    arguments: dict[str, Any]
    data: Any = None
    """What came back."""


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An intermediate result, by handle."""

    text: str
    data: Any = None
    origins: Origins = Origins()
    about: str = ""
    """One line on what it is."""
    ref: str = ""
    """Where all of it is kept, where `text` is empty: its key among the values that the run tree shares."""


class State(Struct, kw_only=True, omit_defaults=True):
    """Changed by the loop alone, and only by what was journalled."""

    goal: str
    constraints: tuple[str, ...] = ()
    inputs: Any = None
    """What came with the goal, JSON."""
    said: tuple[str, ...] = ()
    """What people said to the run since, in their words; the last ones."""
    phase: Phase = "plan"
    step: int = 0
    """Turns of the loop so far."""
    plan: AgentPlan | None = None
    locked: AgentPlan | None = None
    """The last plan that was made before anything untrusted was read: what the plan lock holds to, whatever `plan` becomes."""
    began: Origins = Origins()
    """Of the goal and what came with it: a task that another agent gave may be made of strangers' text."""
    run: str = ""
    """Id of the run; marks around strangers' text are derived from it."""
    context: list[Message] = field(default_factory=list[Message])
    """What the model is shown beside instructions and goal; bounded: see `agents/loop/context.py`."""
    compacted: str = ""
    """What stands for the turns that are no longer in `context`."""
    taken: list[Taken] = field(default_factory=list[Taken])
    """The last steps, bounded; older ones are in the events of the run."""
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    """By handle."""
    pending: list[Action] = field(default_factory=list[Action])
    """Decided and not done: what a wait stopped is the first of them, and it goes on with exactly that."""
    wait: Wait | None = None
    allowed_once: tuple[str, ...] = ()
    """Keys of actions that a person approved."""
    seen: Origins = Origins()
    """Of everything in the model's context."""
    used: Use = Use()
    repeats: dict[str, int] = field(default_factory=dict[str, int])
    """How often the same call gave the same, by digest; for stops."""
    failures: dict[str, int] = field(default_factory=dict[str, int])
    idle: int = 0
    """Turns in a row that gave nothing new."""
    tries: int = 0
    """Model calls in a row that failed."""
    children: dict[str, str] = field(default_factory=dict[str, str])
    """Runs by key of the action that began them."""
    effects: list[Done] = field(default_factory=list[Done])
    """What it changed, the oldest first."""
    lineage: tuple[str, ...] = ()
    """Runs above it, the root's first."""
    chain: tuple[str, ...] = ()
    """`AGENT:DIGEST of the task` of the runs above it, and its own last."""
    heard: tuple[str, ...] = ()
    """Ids of messages that were read and not yet marked as taken."""
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    """What a pattern keeps between its steps, JSON."""
    answer: Any = None
    verified: int = 0
    """Verifications so far."""
    stop: Stop | None = None
    why: str = ""
    data_class: DataClass = "public"
