"""Budgets: how much may be used over a window, and whose use counts."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

Measure = Literal["money", "tokens", "requests"]
"""Nano-USD, input and output tokens together, or requests."""
Scope = Literal[
    "tenant", "team", "department", "user", "end_user", "key", "model", "route", "tier", "provider", "deployment", "tag",
    "session", "run", "step",
]  # fmt: skip
"""What a budget is counted by: each value, or combination of values, has an account of its own."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
OF_ATTEMPTS: frozenset[Scope] = frozenset(("tier", "provider", "deployment"))
"""Scopes that are known once it is known who will be asked."""
OF_REQUESTS: frozenset[Scope] = frozenset(("end_user", "session", "run", "step"))
"""Scopes whose values come with the single request, and are without number."""
Period = Literal["minute", "hour", "day", "week", "month", "total", "rolling"]
AtCap = Literal["refuse", "throttle", "downgrade", "shadow"]
"""`refuse` is a hard cap; the others let requests through: slower, on cheaper models, or as they are."""
NO_END_NS = 2**62
"""Stands for the end of what has none, in nanoseconds since the epoch."""


class Window(Struct, frozen=True, gc=False, kw_only=True):
    """The time that a budget is for: a piece of the calendar, the last so many seconds, or all time."""

    period: Period
    timezone: str = "UTC"
    """IANA name; days, weeks (from Monday on) and months begin there at midnight."""
    rolling_s: int = 0
    """Length of a rolling window, in seconds; 0 for the others."""


class Raise(Struct, frozen=True, gc=False, kw_only=True):
    """More than the limit, for a while."""

    amount: int
    """In the budget's measure."""
    until_ns: int
    note: str = ""


class Budget(Struct, frozen=True, kw_only=True):
    """A limit on use over a window, for each value of its scopes. Its name is one of a kind."""

    name: str
    measure: Measure
    limit: int
    window: Window
    scopes: tuple[Scope, ...] = ("tenant",)
    only: Mapping[Scope, tuple[str, ...]] = {}
    """Values that it is for, by scope; `prefix*` for all that begin so. A scope that is not here: any value, and those
    that have none are not counted."""
    at_cap: AtCap = "refuse"
    shared: bool = False
    """All tenants draw from one account; else each has its own."""
    alerts: tuple[float, ...] = ()
    """Fractions of the limit at which somebody is told, in rising order."""
    raises: tuple[Raise, ...] = ()
    downgrade_to: str = ""
    """For `downgrade`: the tier, or the public model name, that requests go to at the cap."""
    throttle_per_minute: int = 0
    """For `throttle`: requests a minute that each account may make at the cap."""
    unpriced: Literal["refuse", "allow"] = "refuse"
    """What becomes of a request whose most cost is not known, where the measure is money and the cap is hard."""
    owner: Literal["yaml", "api"] = "yaml"

    @property
    def hard(self) -> bool:
        """Whether it is never overshot: a proven bound is held. The others hold an estimate."""
        return self.at_cap == "refuse"

    def limit_at(self, now_ns: int) -> int:
        """The limit, with the raises that hold then."""
        return self.limit + sum(one.amount for one in self.raises if now_ns < one.until_ns)


class Span(Struct, frozen=True, gc=False, kw_only=True):
    """A window as it stands at some time, in nanoseconds since the epoch."""

    start_ns: int
    """Names the window. 0 for rolling windows and for all time."""
    end_ns: int = NO_END_NS
    """When the next one begins."""
    rolling_ns: int = 0
    """Length of a rolling window; 0: it is none."""


class Account(Struct, frozen=True, gc=False, kw_only=True):
    """One budget for one combination of values over one window. `key` and `span.start_ns` name it."""

    key: str
    """`BUDGET|TENANT|VALUE|…`, with the values in the order of the budget's scopes; the tenant is empty where shared."""
    tenant: str
    budget: str
    measure: Measure
    span: Span
