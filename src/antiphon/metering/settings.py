"""Budgets, and how they are kept."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.budget import AtCap, Scope

MOST_USD = 1_000_000_000
MOST_COUNT = 1_000_000_000_000_000
Usd = Annotated[float, Meta(gt=0, le=MOST_USD)]
Count = Annotated[int, Meta(ge=1, le=MOST_COUNT)]
Length = Annotated[str, Meta(pattern="^[0-9]+(s|m|h|d)$", max_length=12)]
NAME = "^[A-Za-z0-9][A-Za-z0-9._-]*$"


class RaiseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """More than the limit, for a while."""

    usd: Annotated[
        Usd | None,
        Meta(description="US dollars more, for a budget in `usd`; up to nine decimals."),
    ] = None
    tokens: Annotated[Count | None, Meta(description="Tokens more, for a budget in `tokens`.")] = None
    requests: Annotated[Count | None, Meta(description="Requests more, for a budget in `requests`.")] = None
    until: Annotated[
        str,
        Meta(
            pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$",
            description="When it ends: date, time and offset, such as `2026-12-01T00:00:00Z`.",
        ),
    ]
    note: Annotated[str, Meta(description="What it is for. Default: nothing.")] = ""


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit on use over a window, for each value of what it is counted by."""

    name: Annotated[
        str, Meta(pattern=NAME, max_length=100, description="What errors and reports call it. One of a kind.")
    ]
    on: Annotated[
        list[Scope] | None,
        Meta(
            description="What it is counted by: each value, or combination of values, that is seen has an account of its own. A request that has no value for one of them isn't counted. Default `[tenant]`; with `shared` none: one account for all."
        ),
    ] = None
    only: Annotated[
        dict[str, list[str]],
        Meta(
            description="Values that it is for, by what it is counted by; a trailing * stands for any ending. Default: all."
        ),
    ] = {}
    usd: Annotated[
        Usd | None,
        Meta(
            description="The limit in US dollars, up to nine decimals. A budget has exactly one of `usd`, `tokens` and `requests`.",
        ),
    ] = None
    tokens: Annotated[Count | None, Meta(description="The limit in tokens, input and output together.")] = None
    requests: Annotated[Count | None, Meta(description="The limit in requests.")] = None
    window: Annotated[
        Literal["minute", "hour", "day", "week", "month", "total"],
        Meta(
            description="The piece of the calendar that it is for; weeks begin on Monday. `total` is for all time. Default month."
        ),
    ] = "month"
    rolling: Annotated[
        Length | None,
        Meta(
            description="Instead of `window`: the time before each moment that it is for, such as `24h`; s, m, h or d, from 1s to 400d. Default: none.",
        ),
    ] = None
    timezone: Annotated[
        str, Meta(min_length=1, description="IANA name of the time zone that windows begin in. Default UTC.")
    ] = "UTC"
    at_cap: Annotated[
        AtCap,
        Meta(
            description="What becomes of requests at the cap. `refuse`: 402 before anything is spent; the cap is hard, never overshot. The others are soft: `throttle` lets `throttle_per_minute` through, `downgrade` asks `downgrade_to` instead, and `shadow` only notes in the receipt what would have been refused. Default refuse."
        ),
    ] = "refuse"
    alerts: Annotated[
        list[Annotated[float, Meta(gt=0, le=10)]],
        Meta(description="Fractions of the limit at which an alert is told, in rising order. Default: none."),
    ] = []
    shared: Annotated[
        bool, Meta(description="All tenants draw from the same accounts; else each has its own. Default false.")
    ] = False
    raises: Annotated[list[RaiseSettings], Meta(description="More than the limit, for a while. Default: none.")] = []
    downgrade_to: Annotated[
        str | None,
        Meta(description="With `downgrade`: the tier, or the public model name, that requests go to. Default: none."),
    ] = None
    throttle_per_minute: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(
            description="With `throttle`: requests a minute that each account may make. Default: none.",
        ),
    ] = None
    unpriced: Annotated[
        Literal["refuse", "allow"],
        Meta(
            description="With `usd` and `refuse`: what becomes of a request whose most cost is not known. `allow` holds nothing, and books what it did cost: the cap is then not hard. Default refuse."
        ),
    ] = "refuse"


class MeteringSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How budgets are kept."""

    wait_s: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="Seconds that a request waits at most for budget that others may give back, within its deadline. Default 1.",
        ),
    ] = 1.0
    lease_term_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="A worker gives back what it holds of a budget after so many seconds without use. Default 30.",
        ),
    ] = 30.0
    when_store_away: Annotated[
        Literal["refuse", "serve"],
        Meta(
            description="Once what is leased is used up while the store can't be reached: `refuse` answers 503; `serve` goes on, hard caps may then be overshot, and receipts say so. Default refuse."
        ),
    ] = "refuse"
