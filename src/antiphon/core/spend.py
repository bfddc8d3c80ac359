"""What was spent: the question, and the sums that answer it."""

from abc import ABC, abstractmethod
from typing import Literal, get_args

from msgspec import Struct

By = Literal[
    "tenant", "team", "department", "user", "end_user", "key", "tag", "model", "route", "tier", "provider", "deployment",
    "endpoint", "outcome", "session", "run", "step", "day", "hour",
]  # fmt: skip
"""What sums are made by. `model` is the name that was asked for; `day` and `hour` begin in UTC."""
BY: tuple[By, ...] = get_args(By)
OF_TRIES: frozenset[By] = frozenset(("tier", "provider", "deployment"))
"""What each attempt has of its own: by these, a request counts where it was answered, and money where it was spent."""


class Question(Struct, frozen=True, kw_only=True):
    """Whose spend, over which time, summed by what."""

    by: tuple[By, ...]
    since_ns: int
    """UTC, nanoseconds since the epoch; the end is not in it."""
    until_ns: int
    tenant: str | None = None
    """None: all."""
    most: int = 10_000
    """Lines at most; those that cost least are left out."""


class Sums(Struct, frozen=True, gc=False, kw_only=True):
    """What requests took together, all their attempts included. What has no price counts nothing in money."""

    requests: int = 0
    succeeded: int = 0
    failed: int = 0
    """Refused, failed upstream or interrupted; what its caller left is neither this nor the other."""
    attempts: int = 0
    input_tokens: int = 0
    """Cached ones included."""
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_nano_usd: int = 0
    unpriced_requests: int = 0
    """With use that has no price: their cost is not known."""
    unpriced_tokens: int = 0
    unmeasured_requests: int = 0
    """Answered by an upstream that never said what was used, and not assumed either."""
    cache_hits: int = 0
    """Answered from the response cache, or together with an identical request."""
    saved_nano_usd: int = 0
    """What the answers from the cache had cost when they were made."""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Line(Struct, frozen=True, kw_only=True):
    """The sums of one combination of values, in the order of `Question.by`. Empty: it has none."""

    values: tuple[str, ...]
    sums: Sums


class Lines(Struct, frozen=True, kw_only=True):
    """An answer, the dearest first."""

    lines: list[Line]
    cut: bool = False
    """There were more than `Question.most`."""


class Spending(ABC):
    """Where spend is summed up."""

    @abstractmethod
    def sums(self, question: Question, timeout_s: float) -> Lines:
        """Blocks on files: ask from a thread. Raises: StoreError, Unavailable when the time is over."""
