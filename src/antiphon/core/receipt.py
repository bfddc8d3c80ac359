"""The whole story of one request."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from antiphon.core.finding import Finding
from antiphon.core.plan import Candidate, Grounds, Plan
from antiphon.core.principal import Principal
from antiphon.core.request import NO_LINEAGE, Lineage, Need
from antiphon.core.score import Source
from antiphon.core.signal import Fact, Value
from antiphon.core.usage import Usage
from antiphon.core.verdict import Verdict

Outcome = Literal["ok", "refused", "failed", "client_gone", "interrupted", "running"]
"""`refused` before anything was sent, `failed` upstream, `client_gone` when the caller left first,
`interrupted` when the process died, `running` while it is not known yet."""


class Timings(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Microseconds since the attempt began, the first aside; None: it never came so far."""

    waited_us: int | None = None
    """It waited so long before it began: for its turn, or between two tries."""
    queue_us: int | None = None
    """A connection was free or allowed."""
    connect_us: int | None = None
    """A new connection stood; None when a kept one was used."""
    first_byte_us: int | None = None
    first_token_us: int | None = None
    last_byte_us: int | None = None


class Attempt(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One try of a call upstream."""

    deployment: str
    provider: str
    model: str
    zone: str = ""
    region: str = ""
    tier: str = ""
    started_us: int = 0
    """Since the request came in."""
    timings: Timings = Timings()
    status: int | None = None
    """HTTP status of the upstream."""
    error: str = ""
    detail: str = ""
    request_id: str = ""
    """The upstream's own id of the request."""
    ticket: str = ""
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    assumed: bool = False
    """The cost is what was surely used: the upstream never said."""
    reason: str = ""
    """Why it was made; empty for an ordinary first attempt."""
    failure: str = ""
    """Its class of failure, which decides what is done next; empty when it did not fail."""
    chosen: str = ""
    """How its deployment was picked; empty where there was one only."""
    passed_over: tuple[Candidate, ...] = ()
    """Who else was looked at then, and why they were not picked; left out where chance or turn decided alone."""
    key: str = ""
    """Name of the credential, where the account has several."""
    price: str = ""
    """Where its price comes from, such as `genai-prices 0.2.3, 2026-11-27`; empty: the configuration."""
    holds: str = ""
    """Id of the accounts that its ticket holds on (`core.ledger.Holds`); empty: none."""
    held_nano_usd: int | None = None
    """What its ticket held; None: that is unknown."""
    held_tokens: int = 0
    requests: int = 0
    """1 for the first ticket of a request, else 0."""
    open: bool = False
    """Its ticket is not settled."""
    overrun_nano_usd: int = 0
    """Of the cost, what went beyond the ticket's bound."""
    step: str = ""
    """The step of its recipe that it was made for; empty: the plan has one only."""


class Noted(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a recipe decided, in order."""

    step: str
    what: str
    """`accepted`, `escalated`, `stopped_early`, `lost`, `failed`, `repaired`, `fell_back`, `skipped`, `voted` and so on."""
    why: str = ""
    score: float | None = None
    at_us: int = 0
    """Since the request came in."""


class Rated(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How good an answer was found to be while its recipe ran."""

    step: str
    """The step that gave it."""
    deployment: str
    source: Source
    """`contract`: it keeps it (1) or breaks it (0); `judge`: what a judge or verifier gave."""
    score: float
    """0 to 1."""
    at_us: int = 0
    """Since the request came in."""


class Bounded(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The time that a request had, where the server's cap alone did not say it."""

    allowed_s: float
    by: str
    """`request`, `route` or `server`."""
    header: str = ""
    """The header that asked."""
    asked_s: float | None = None
    """What it asked for, where it got less."""


class Loss(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Something that could not be carried as it was."""

    field: str
    why: str
    effect: str
    adapted: bool = False
    """It was carried in another form, and means the same or nearly so."""


class Ran(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The run that answered a call of `agent/NAME`, with its children's share. Each of its calls of models has a receipt of its own,
    where what it used and cost is counted; here it is told, and counted nowhere.
    """

    id: str
    usage: Usage = Usage()
    """As far as upstreams told."""
    cost_nano_usd: int = 0
    """Calls of tools and remote agents that have a price among them."""
    calls: int = 0
    """Of models, and of remote agents."""
    tool_calls: int = 0


class Basis(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request was decided on, and what was decided: the same for many requests, so it is encoded once.

    Fields as in `Receipt`.
    """

    revision: str
    principal: Principal | None = None
    endpoint: str = ""
    dialect: str = ""
    asked: str = ""
    verdict: Verdict | None = None
    plan: Plan | None = None
    worker: int = 0

    def tail(self) -> bytes:
        """JSON fields that end an object which others began: from the comma before them to the closing brace."""
        return b"," + msgspec.json.encode(self)[1:]


class Told(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a receipt says of one request alone."""

    id: str
    at_ns: int
    outcome: Outcome
    status: int = 0
    """HTTP status that the caller got; 0 when no answer was begun."""
    error: str = ""
    detail: str = ""
    served: str = ""
    """Deployment whose answer was released."""
    served_model: str = ""
    """Model that the upstream says it answered with."""
    fingerprint: str = ""
    stream: bool = False
    needs: tuple[Need, ...] = ()
    """What the request needs a model to do, in alphabetical order."""
    output_tokens: int | None = None
    """Most output tokens of one answer, as the request says."""
    answers: int = 1
    digest: str = ""
    size_bytes: int = 0
    seed: int = 0
    """What chance gave the plan; 0 where there was nothing to draw."""
    attempts: tuple[Attempt, ...] = ()
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    """None: unknown (no usage reported, or the deployment is unpriced)."""
    spent_nano_usd: int | None = None
    """What all attempts cost, where more than the answer's was spent; None: no more is known of."""
    cost_basis: str = ""
    """`reported` usage at the configured price, the same at a `bundled` price, `unpriced`, or `no_usage`."""
    duration_us: int = 0
    first_token_us: int | None = None
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    lineage: Lineage = NO_LINEAGE
    trace_id: str = ""
    user: str = ""
    captured: bool = False
    deadline: Bounded | None = None
    shared: str = ""
    """Receipt of the call that it shared with identical requests; attempts and costs are there."""
    cached: str = ""
    """Receipt of the request whose answer was given again; attempts and costs are there."""
    saved_nano_usd: int | None = None
    """What that answer had cost; None: nothing was saved, or it is unknown."""
    stopped: str = ""
    """Why no further attempt was made after a failure."""
    handed_off: str = ""
    """Who takes the request over."""
    facts: tuple[Fact, ...] = ()
    """Those that the plan was chosen by, in the order in which they were asked for."""
    grounds: Grounds | None = None
    """What else the plan was chosen by; None: the configuration alone."""
    steps: tuple[Noted, ...] = ()
    """What its recipe decided."""
    rated: tuple[Rated, ...] = ()
    """How good answers of its steps were found to be; of one step and source the last counts."""
    used: Usage | None = None
    """Tokens of all attempts of a recipe together; `usage` is the answer's own."""
    downgraded_to: str = ""
    """The tier or the model that a budget at its cap led it to."""
    downgraded_by: str = ""
    """That budget."""
    findings: tuple[Finding, ...] = ()
    """What guards found, in the request and in the answer. Their texts are not kept."""
    guards: tuple[str, ...] = ()
    """Guards that looked, in order."""
    approval: str = ""
    """Id of the approval that it ran by, or waits for."""
    run: Ran | None = None
    """The run that answered it, as it stood then; None: no agent was asked."""
    circumstances: Mapping[str, Value] = {}
    """What policies saw of it that stands nowhere else: `purpose`, `tools`, `facts`, `tainted`, `budget`, `recipe`. What is
    empty is left out."""


class Receipt(Told, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What was asked, decided, tried, used and paid, and why."""

    revision: str
    principal: Principal | None = None
    endpoint: str = ""
    dialect: str = ""
    asked: str = ""
    """Public model name in the request."""
    verdict: Verdict | None = None
    plan: Plan | None = None
    worker: int = 0
