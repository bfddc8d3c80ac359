"""Limits: how much may be used per time, or at once, and whose use counts."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

from antiphon.core.budget import Scope

LimitKind = Literal[
    "requests", "tokens", "input_tokens", "output_tokens", "concurrent_requests", "concurrent_streams"
]  # fmt: skip
"""What is counted. `tokens` are input and output together; cached input counts as input."""
LIMIT_KINDS: tuple[LimitKind, ...] = get_args(LimitKind)
OF_TOKENS: frozenset[LimitKind] = frozenset(("tokens", "input_tokens", "output_tokens"))
AT_ONCE: frozenset[LimitKind] = frozenset(("concurrent_requests", "concurrent_streams"))
"""Kinds that are held while a request runs, and have no `per`."""
Per = Literal["second", "minute", "hour", "day"]
PER_NS: Mapping[Per, int] = {
    "second": 1_000_000_000,
    "minute": 60_000_000_000,
    "hour": 3_600_000_000_000,
    "day": 86_400_000_000_000,
}
WhenAway = Literal["local", "refuse", "allow"]
"""What becomes of requests while the cluster's counters can't be asked: each worker enforces its part by itself; they
are refused with 503; they pass."""


class Limit(Struct, frozen=True, kw_only=True):
    """One limit, for each value of its scopes. Name and kind together are one of a kind."""

    name: str
    kind: LimitKind
    number: int
    """So many per `per`, or at once."""
    per: Per = "minute"
    burst: int = 0
    """So many may come at once after a pause; 0: as many as `number`."""
    scopes: tuple[Scope, ...] = ("tenant",)
    only: Mapping[Scope, tuple[str, ...]] = {}
    """Values that it is for, as `Budget.only` has them."""
    shared: bool = False
    """All tenants draw from one; else each has its own."""
    when_away: WhenAway = "local"
    owner: Literal["yaml", "api"] = "yaml"

    @property
    def at_once(self) -> bool:
        return self.kind in AT_ONCE

    @property
    def most(self) -> int:
        """The most that fits in at one moment, in units of its kind."""
        return self.number if self.at_once else self.burst or self.number

    @property
    def each_ns(self) -> int:
        """Nanoseconds between two units of a steady stream, rounded up so that no rounding lets more pass.

        Of kinds that are held at once, where nothing flows off: 0.
        """
        return 0 if self.at_once else -(-PER_NS[self.per] // self.number)
