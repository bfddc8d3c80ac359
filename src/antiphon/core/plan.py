"""A recipe made concrete for one request."""

from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from antiphon.core.chance import Chance, Likely, Previous
from antiphon.core.view import Slice


class Envelope(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The most that a request may use; children draw from it."""

    attempts: int = 1
    seconds: float = 600.0
    output_tokens: int | None = None
    """Of all answers together."""
    money_nano_usd: int | None = None
    """None: budgets alone bound it."""
    calls: int = 1
    concurrency: int = 1
    """Calls at once."""


class Candidate(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A deployment that was considered, and why it lost (empty: it did not)."""

    deployment: str
    lost: str = ""


FallbackKind = Literal["any", "context_window", "content_policy"]
"""What went wrong when a fallback takes over."""


class Fallback(Struct, frozen=True, gc=False, kw_only=True):
    """Deployments that take over after a failure of one kind."""

    on: FallbackKind
    deployments: tuple[str, ...]
    """They stand equal, as those of the step do."""


class Step(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One node of a recipe: a call against deployments."""

    name: str
    deployments: tuple[str, ...]
    """Any of them may answer: the call picks, on what is known of them when it is made."""
    envelope: Envelope
    fallbacks: tuple[Fallback, ...] = ()
    """In the order in which they are tried."""
    role: str = ""
    """What it does in its recipe: `member`, `judge`, `verifier`, `final` and so on."""
    after: tuple[str, ...] = ()
    """Steps that end before it begins."""
    only_if: str = ""
    """When it is made at all; empty: always."""


Pattern = Literal[
    "single",
    "cascade",
    "vote",
    "ratings",
    "best_of",
    "panel",
    "breadth",
    "debate",
    "refine",
    "draft_verify",
    "workflow",
    "map_reduce",
    "auto",
    "python",
]
"""Patterns of calls."""


class Tried(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A rule that was looked at before another held."""

    rule: str
    found: Literal["false", "unknown", "error"] = "false"
    why: str = ""
    """The fact that was unknown, or what went wrong."""


class Predicted(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What is expected of a plan or a candidate. None: unknown. `low` and `high` are ends of 90 % intervals."""

    deployment: str = ""
    """Empty: of the whole plan."""
    cost_nano_usd: int | None = None
    cost_low_nano_usd: int | None = None
    cost_high_nano_usd: int | None = None
    first_token_s: float | None = None
    first_token_p95_s: float | None = None
    total_s: float | None = None
    total_p95_s: float | None = None
    quality: float | None = None
    """Chance that the answer is right, 0 to 1."""
    quality_low: float | None = None
    quality_high: float | None = None


class Grounds(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a plan was chosen by beside facts, and what was found: the same grounds and facts give the same plan."""

    at_ns: int = 0
    """The time that it was chosen at: UTC, nanoseconds since the epoch."""
    asked: str = ""
    """The objective that the request asked for; empty: none."""
    seen: Slice = Slice()
    """The part of the View that was looked at."""
    likely: dict[str, Likely] = {}
    """What a call to each candidate likely costs; the unpriced are left out."""
    chances: dict[str, Chance] = {}
    """What the learned selector said of each candidate."""
    previous: Previous | None = None
    """Who answered the session's last request."""
    tried: tuple[Tried, ...] = ()
    predicted: tuple[Predicted, ...] = ()
    objective: str = ""
    """What was aimed at, and what of it had to be given up."""
    escalated: str = ""
    """Why the plan went to better models; empty: it didn't."""
    stay: str = ""
    """What was decided on the session's deployment; empty: nothing was."""
    shadow: tuple[str, ...] = ()
    """Deployments that are asked the same in the background."""
    propensity: float | None = None
    """Chance that this very candidate was picked, where some were picked by chance."""


class Plan(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What will be done, decided before anything is sent."""

    recipe: Pattern
    route: str
    steps: tuple[Step, ...]
    candidates: tuple[Candidate, ...]
    prompt: str = ""
    """`prompt_id@version` of the prompt that the route adds."""
    named: str = ""
    """The recipe's name in the configuration; empty: none is needed."""
    version: str = ""
    """Digest of that recipe's settings, its contract among them."""
    rule: str = ""
    """The rule that led to it; empty: the route's default."""
    branch: str = ""
    """The part of split traffic that the request is in; empty: the main one."""
    envelope: Envelope | None = None
    """Of all steps together; None: the only step's."""

    def digest(self) -> str:
        """SHA-256 over the plan's fields, 16 hexadecimal digits: same inputs, same digest."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]
