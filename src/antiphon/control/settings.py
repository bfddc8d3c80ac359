"""Who may call, and the prompts that routes add."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from antiphon.control.roles import Role
from antiphon.core.data_class import DataClass
from antiphon.core.limit import Per
from antiphon.core.principal import Lane
from antiphon.core.secret import Secret
from antiphon.metering.settings import Count, Usd
from antiphon.metering.settings_limits import Number

MIN_KEY_LENGTH = 8
Word = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=256)]
"""A text of one line: it becomes part of the names of accounts."""


class KeyBudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one key may use: short for a hard budget with the name `key/NAME`, counted by that key."""

    usd: Annotated[
        Usd | None,
        Meta(
            description="The limit in US dollars, up to nine decimals. Exactly one of `usd`, `tokens` and `requests`.",
        ),
    ] = None
    tokens: Annotated[Count | None, Meta(description="The limit in tokens, input and output together.")] = None
    requests: Annotated[Count | None, Meta(description="The limit in requests.")] = None
    window: Annotated[
        Literal["minute", "hour", "day", "week", "month", "total"],
        Meta(description="The piece of the calendar that it is for, in UTC. Default month."),
    ] = "month"


class KeyLimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast one key may go: short for limits with the name `key/NAME`, counted by that key."""

    requests: Annotated[Number | None, Meta(description="Requests per `per`. Default: no limit.")] = None
    tokens: Annotated[Number | None, Meta(description="Tokens per `per`, in and out. Default: no limit.")] = None
    concurrent_requests: Annotated[Number | None, Meta(description="Requests that run at once. Default: no limit.")] = (
        None
    )
    per: Annotated[Per, Meta(description="The time that requests and tokens are for. Default minute.")] = "minute"


class CallerForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a credential stands for, and what it may do."""

    name: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
            max_length=128,
            description="What receipts and metrics call it. One of a kind.",
        ),
    ]
    tenant: Annotated[
        str,
        Meta(
            pattern=r"^[^\x00-\x1f\x7f]+$",
            max_length=128,
            description="Organisation that it belongs to. Default `default`.",
        ),
    ] = "default"
    team: Annotated[Word, Meta(description="Team, for receipts and budgets. Default: none.")] = ""
    department: Annotated[Word, Meta(description="Department, for receipts and budgets. Default: none.")] = ""
    user: Annotated[Word, Meta(description="User, for receipts and budgets. Default: none.")] = ""
    tags: Annotated[list[Word], Meta(description="Free words, for receipts and budgets. Default: none.")] = []
    models: Annotated[
        list[str],
        Meta(description="Public model names that it may ask for; a trailing * stands for any ending. Default: all."),
    ] = field(default_factory=lambda: ["*"])
    passthrough: Annotated[
        list[str],
        Meta(
            description="Providers that it may ask as they are, at `/passthrough/NAME/`; `*` for all. Default: none, and all for a key with `admin`."
        ),
    ] = []
    priority: Annotated[
        Lane,
        Meta(
            description="Lane that its requests wait in where a deployment is full; the header `x-antiphon-priority` may ask for a lower one. Default normal."
        ),
    ] = "normal"
    expires: Annotated[
        str,
        Meta(
            description="When it ends to be taken: `2026-12-31T00:00:00Z`, with any offset in place of Z. Default: never."
        ),
    ] = ""
    roles: Annotated[
        list[Role],
        Meta(description="What it may do in the control plane, within its tenant or team. Default: nothing."),
    ] = []
    employment: Annotated[
        Word, Meta(description="What policies call it, such as employee, contractor or service. Default: unknown.")
    ] = ""
    data_class: Annotated[
        DataClass | None, Meta(description="The least that what it sends is taken for. Default: as configured.")
    ] = None
    clearance: Annotated[
        DataClass | None,
        Meta(description="Highest class of data that it may send, and see unmasked. Default: as policies say."),
    ] = None


class KeyForm(CallerForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a key stands for, and what it may do."""

    admin: Annotated[
        bool,
        Meta(
            description="Is an owner of all tenants: may read every tenant's receipts, and how deployments are, and may use all of the admin API. Default false."
        ),
    ] = False
    budget: Annotated[
        KeyBudgetSettings | None, Meta(description="The most that it may use. Default: what other budgets leave.")
    ] = None
    limit: Annotated[
        KeyLimitSettings | None, Meta(description="How fast it may go. Default: what other limits leave.")
    ] = None


class AccountForm(CallerForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service account: a program that calls by texts of its own, or by a token of an identity provider."""

    issuer: Annotated[
        str,
        Meta(max_length=64, description="Name of the identity provider whose tokens it may come with. Default: none."),
    ] = ""
    subject: Annotated[
        Word, Meta(description="User that those tokens name, as the issuer's `claims.user` has it. Default: none.")
    ] = ""


class KeySettings(KeyForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that exists from the start."""

    key: Annotated[
        Secret, Meta(description="The key itself; best as ${env:NAME} or ${file:/path}. At least 8 characters.")
    ]


class PromptSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system prompt by name; its version is a hash of its text."""

    text: Annotated[str, Meta(min_length=1, description="What is said to the model before the caller's messages.")]


class RealtimeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of sessions at `/v1/realtime`."""

    max_sessions: Annotated[
        int, Meta(ge=0, le=100_000, description="Most sessions of one worker at once. Default 1000; above it: 429.")
    ] = 1000
    max_message_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=268_435_456,
            description="Most bytes of one message, either way. Default 4194304; above it the session ends with 1009.",
        ),
    ] = 4_194_304
    idle_timeout_s: Annotated[
        float,
        Meta(gt=0, le=86400, description="Seconds without a message either way, after which it ends. Default 600."),
    ] = 600.0
    max_session_s: Annotated[
        float, Meta(gt=0, le=86400, description="Seconds that a session may last. Default 3600.")
    ] = 3600.0
    ping_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="Seconds of silence after which a side is pinged; one that stays silent for three of them is gone. Default 20.",
        ),
    ] = 20.0
