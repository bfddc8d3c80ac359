"""Agents as documents: `apiVersion`, `kind: Agent`, `metadata`, `spec`."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from antiphon.core.data_class import DataClass

Pattern = Literal["react", "plan", "code", "supervisor", "map_reduce", "debate", "team"]
Role = Literal["act", "plan", "intent", "arguments", "synthesis", "escalation", "verifier", "compact", "quarantine"]
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]


class SkillSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an agent is good at; agents are found by it."""

    id: Annotated[str, Meta(description="Names the skill, such as `refunds`.")]
    name: Annotated[str, Meta(description="As people read it. Default: the id.")] = ""
    description: Annotated[str, Meta(description="What it does, for those who choose. Default: none.")] = ""
    tags: Annotated[list[str], Meta(description="Words that it is found by. Default: none.")] = []
    examples: Annotated[list[str], Meta(description="Tasks that it is for. Default: none.")] = []


class EnvelopeSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The most that a run may use, its children included."""

    steps: Annotated[int, Meta(ge=1, le=100_000, description="Turns of the loop. Default 50.")] = 50
    depth: Annotated[int, Meta(ge=0, le=10, description="Children below the root. Default 3.")] = 3
    fan_out: Annotated[int, Meta(ge=1, le=1000, description="Actions of one step at once. Default 8.")] = 8
    calls: Annotated[int, Meta(ge=1, le=1_000_000, description="Calls of models. Default 100.")] = 100
    tool_calls: Annotated[int, Meta(ge=0, le=1_000_000, description="Calls of tools. Default 100.")] = 100
    tokens: Annotated[int | None, Meta(description="Tokens in and out, 1 or more. Default: as budgets say.")] = None
    usd: Annotated[float | None, Meta(description="Money in USD. Default: as budgets say.")] = None
    seconds: Annotated[
        float, Meta(gt=0, le=31_536_000, description="Working time; waiting for people doesn't count. Default 3600.")
    ] = 3600.0


class StopSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When it ends before its envelope does."""

    same_call: Annotated[int, Meta(ge=1, description="The same call with the same result so often. Default 3.")] = 3
    same_error: Annotated[int, Meta(ge=1, description="The same error of the same tool so often. Default 3.")] = 3
    no_progress: Annotated[int, Meta(ge=1, description="Steps in a row that gave nothing new. Default 6.")] = 6
    cycle: Annotated[
        int, Meta(ge=2, description="Longest chain of hand-overs between agents that may repeat. Default 3.")
    ] = 3


class SafetySpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What protects it from what it reads."""

    plan_lock: Annotated[
        bool,
        Meta(description="Tools are those of the plan that was made before anything untrusted was read. Default on."),
    ] = True
    provenance: Annotated[
        bool, Meta(description="Risky arguments must come from the person or from trusted results. Default on.")
    ] = True
    untrusted: Annotated[
        Literal["spotlight", "quarantine"],
        Meta(
            description="How untrusted text is shown: marked as data, or only by way of a model without tools. Default spotlight."
        ),
    ] = "spotlight"
    trifecta: Annotated[
        Literal["refuse", "approve", "allow"],
        Meta(
            description="Tools that read private data, read strangers' texts and send, together: refused when it is loaded, sends approved by a person, or let be. Default approve."
        ),
    ] = "approve"
    on_refused: Annotated[
        Literal["approve", "refuse"],
        Meta(
            description="What plan lock and provenance lead to: a person is asked, or the model is told no. Default approve."
        ),
    ] = "approve"


class ApprovalSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who says yes."""

    tools: Annotated[
        list[str],
        Meta(
            description="Tools whose calls are always approved by a person; `*` at the end for all that begin so. Default: destructive ones alone."
        ),
    ] = []
    finish: Annotated[bool, Meta(description="A person approves the answer before it is given. Default off.")] = False
    needed: Annotated[int, Meta(ge=1, le=5, description="People who have to approve. Default 1.")] = 1
    approvers: Annotated[str, Meta(description="Their role. Default: as `approvals` says.")] = ""
    expires_s: Annotated[float, Meta(gt=0, description="When a question lapses, in seconds. Default 86400.")] = 86_400.0
    escalate_s: Annotated[
        float, Meta(ge=0, description="When it is put before `escalate_to` too; 0: never. Default 0.")
    ] = 0.0
    escalate_to: Annotated[str, Meta(description="A role. Default: none.")] = ""


class VerifySpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The check before the end."""

    criteria: Annotated[
        list[str],
        Meta(
            description="What an answer must do; the verifier judges each. Default: it answers the goal, and rests on what was observed."
        ),
    ] = []
    repairs: Annotated[int, Meta(ge=0, le=10, description="How often an answer is sent back. Default 2.")] = 2
    checks: Annotated[
        list[str],
        Meta(
            description="Conditions on `answer`, `goal` and `results` in the expression language, that must hold. Default: none."
        ),
    ] = []
    model: Annotated[
        bool, Meta(description="The role `verifier` judges too. Off: contract and checks alone. Default on.")
    ] = True


class ContextSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much of the past its models see."""

    tokens: Annotated[
        int, Meta(ge=500, description="Most tokens of context; older turns are summed up. Default 24000.")
    ] = 24_000
    keep_turns: Annotated[int, Meta(ge=1, description="Last turns that are never summed up. Default 6.")] = 6
    result_bytes: Annotated[
        int, Meta(ge=200, description="Of a result in the context; all of it stays behind a handle. Default 8192.")
    ] = 8192


class MemorySpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What it remembers longer than a run."""

    scopes: Annotated[
        list[Literal["user", "session", "team", "agent"]],
        Meta(description="Whose memories it reads and writes. Default: none."),
    ] = []
    approve: Annotated[
        Literal["always", "untrusted", "never"],
        Meta(
            description="Which memories a person approves before they count; untrusted: those that strangers had a part in, and those of scope team and agent. Default untrusted."
        ),
    ] = "untrusted"
    days: Annotated[float, Meta(gt=0, description="How long they last. Default 90.")] = 90.0
    recall: Annotated[int, Meta(ge=1, le=100, description="Most that are put before the model. Default 8.")] = 8


class ChildSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Agents that it may ask, and what is done when one fails."""

    agents: Annotated[list[str], Meta(description="Names; remote ones as `a2a/NAME`. Default: none.")] = []
    skills: Annotated[list[str], Meta(description="Skills: whoever has one may be asked. Default: none.")] = []
    restarts: Annotated[int, Meta(ge=0, le=10, description="How often a failed child is begun again. Default 1.")] = 1
    substitute: Annotated[bool, Meta(description="Another with the same skill takes over then. Default on.")] = True
    compensate: Annotated[
        dict[str, str],
        Meta(
            description="Tools that undo others, by name: called, the last first, for finished calls of a child that failed for good. Default: none."
        ),
    ] = {}
    degrade: Annotated[
        bool, Meta(description="Go on without its part, and say so. Off: the run fails. Default on.")
    ] = True
    isolate: Annotated[
        bool, Meta(description="A child sees its task alone. Off: the parent's values by reference too. Default on.")
    ] = True


class TeamSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """For patterns of several."""

    size: Annotated[int, Meta(ge=2, le=16, description="Members of a team or debate. Default 3.")] = 3
    rounds: Annotated[int, Meta(ge=1, le=10, description="Most rounds. Default 3.")] = 3
    converges: Annotated[float, Meta(gt=0, le=1, description="Share of members that have to agree. Default 0.66.")] = (
        0.66
    )
    conflict: Annotated[
        Literal["vote", "judge", "cheapest", "person"], Meta(description="Who decides when they don't. Default judge.")
    ] = "judge"
    items: Annotated[str, Meta(description="For map_reduce: the field of the input that is a list. Default items.")] = (
        "items"
    )
    budget_share: Annotated[
        float, Meta(gt=0, le=1, description="Of the envelope that members may use together. Default 0.8.")
    ] = 0.8


class HandOffSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When people take over."""

    to: Annotated[str, Meta(description="Role whose inbox it goes to. Default: approver.")] = "approver"
    on: Annotated[list[str], Meta(description="Stops that hand it over in place of failing. Default: none.")] = []


class ContractSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The form of its answer."""

    schema: Annotated[dict[str, Any] | None, Meta(description="JSON Schema 2020-12. Default: text.")] = None
    name: Annotated[str, Meta(description="Names it for models. Default: answer.")] = "answer"


class AgentSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An agent."""

    goal: Annotated[str, Meta(description="What it is for, one or two sentences.")]
    instructions: Annotated[str, Meta(description="What its models are told. Default: none.")] = ""
    prompt: Annotated[
        str,
        Meta(description="The same as `PROMPT@VERSION` of a Prompt document; `@latest` for the newest. Default: none."),
    ] = ""
    constraints: Annotated[
        list[str], Meta(description="What it must never do; the verifier sees them too. Default: none.")
    ] = []
    pattern: Annotated[Pattern, Meta(description="How it works. Default react.")] = "react"
    models: Annotated[
        dict[Role, str],
        Meta(description="Public model names by role; `act` stands in for those that are missing. Default: `auto`."),
    ] = {}
    output_tokens: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Most that one call of a model may answer. Default 2048.")
    ] = 2048
    tools: Annotated[list[str], Meta(description="Names; `*` at the end for all that begin so. Default: none.")] = []
    children: Annotated[ChildSpec, Meta(description="Agents that it may ask.")] = ChildSpec()
    team: Annotated[TeamSpec, Meta(description="For teams, debates, map_reduce.")] = TeamSpec()
    envelope: Annotated[EnvelopeSpec, Meta(description="The most that a run may use.")] = EnvelopeSpec()
    stops: Annotated[StopSpec, Meta(description="When it ends before.")] = StopSpec()
    safety: Annotated[SafetySpec, Meta(description="What protects it from what it reads.")] = SafetySpec()
    approvals: Annotated[ApprovalSpec, Meta(description="Who says yes.")] = ApprovalSpec()
    input: Annotated[
        dict[str, Any] | None,
        Meta(
            description="What its runs are given: JSON Schema 2020-12 of an object. Whatever begins a run is held to it, and its text is read as JSON. `goal` is the task, where the schema has it; `constraints` and `untrusted` mean what they do in any run. Default: a text, or an object with `goal` and anything beside."
        ),
    ] = None
    output: Annotated[ContractSpec, Meta(description="The form of its answer.")] = ContractSpec()
    verify: Annotated[
        VerifySpec | None, Meta(description="The check before the end; null: none. Default: as its fields say.")
    ] = VerifySpec()
    context: Annotated[ContextSpec, Meta(description="How much of the past its models see.")] = ContextSpec()
    memory: Annotated[MemorySpec, Meta(description="What it remembers longer than a run.")] = MemorySpec()
    hand_off: Annotated[HandOffSpec, Meta(description="When people take over.")] = HandOffSpec()
    skills: Annotated[
        list[SkillSpec], Meta(description="What it is good at; its A2A card tells them. Default: none.")
    ] = []
    data_class: Annotated[
        DataClass | None, Meta(description="What its runs are at least. Default: as the caller's.")
    ] = None
    roles: Annotated[list[str], Meta(description="Roles of the agent itself, for policies. Default: none.")] = []
    listed: Annotated[
        bool, Meta(description="It is in the registry and callable by A2A and MCP, by those who may. Default on.")
    ] = True
    code: Annotated[
        str,
        Meta(
            description="`MODULE:FUNCTION` of an agent in Python, called with its doors; the loop is not used then. Default: none."
        ),
    ] = ""


class Metadata(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a document is called."""

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,62}$", description="Its name, by kind.")]
    version: Annotated[
        str, Meta(pattern="^[0-9A-Za-z][0-9A-Za-z._+-]{0,62}$", description="Its version. Default 1.")
    ] = "1"
    title: Annotated[str, Meta(description="As people read it. Default: the name.")] = ""
    description: Annotated[str, Meta(description="What it is, for those who choose. Default: none.")] = ""
    labels: Annotated[dict[str, str], Meta(description="Anything that it is to be found by. Default: none.")] = {}
    tenant: Annotated[str, Meta(description="Whose it is. Default: everybody's.")] = ""


class PromptSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A text that agents name, kept by version."""

    text: Annotated[str, Meta(min_length=1, max_length=200_000, description="What models are told.")]


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document of any kind, as it was read."""

    kind: str
    metadata: Metadata
    spec: Any
    """The struct of its kind."""
    raw: dict[str, Any]
    """As it was written, nothing filled in: what can be shown, packed and applied elsewhere."""
    digest: str
    """SHA-256 of `raw` in canonical JSON, 64 hexadecimal digits."""
    secret: str = ""
    """SHA-256 of the same with everything filled in: tells whether what it says has changed."""
    file: str = ""
    """Where it was read from; empty: the admin API."""
    line: int = 1

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def version(self) -> str:
        return self.metadata.version

    @property
    def id(self) -> str:
        """`KIND/NAME@VERSION`."""
        return f"{self.kind}/{self.name}@{self.version}"


class AgentDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent of one version, checked: what runs are made of."""

    metadata: Metadata
    spec: AgentSpec
    digest: str = ""
    """SHA-256 of the document in canonical JSON."""
    text: str = ""
    """SHA-256 of all that its version stands for: the document, and the prompt where it names a version of one."""
    instructions: str = ""
    """With the prompt that `spec.prompt` names put in."""

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def version(self) -> str:
        return self.metadata.version

    def model(self, role: Role) -> str:
        """The public model name of a role."""
        return self.spec.models.get(role) or self.spec.models.get("act") or "auto"
