"""A deployment as one worker knows it."""

from collections.abc import Collection
from math import inf

from antiphon.calls.admission import Gate
from antiphon.calls.breaker import Breaker
from antiphon.calls.keypool import Key, KeyPool, NoKey
from antiphon.calls.live import Live
from antiphon.calls.retry_budget import RetryBudget
from antiphon.core.usage import Usage
from antiphon.pricing.estimate import BYTES_A_TOKEN, NEW
from antiphon.telemetry.slots import Number

NO_ROOM = "at its rate limit"
FULL = "full"
MEASURE_S = 0.25
MEASURED = 50
"""Answers in `MEASURE_S` whose speed is measured; failures are counted all."""


class Member:
    """Everything that calls have to know of one deployment; it outlives revisions. Times are steady seconds."""

    __slots__ = (
        "breaker",
        "budget",
        "cooling_until_s",
        "cooling_why",
        "gate",
        "learned",
        "learns_at_s",
        "live",
        "measured",
        "measures_until_s",
        "name",
        "pool",
        "rated",
        "refused_keys",
        "running",
    )

    def __init__(
        self, name: str, live: Live, gate: Gate, breaker: Breaker, budget: RetryBudget, pool: KeyPool | None
    ) -> None:
        self.name = name
        self.live = live
        self.gate = gate
        self.breaker = breaker
        self.budget = budget
        self.pool = pool
        """The keys of its account; None where it has none."""
        self.running: Number | None = None
        """The gauge of its attempts that run, once there was one."""
        self.rated = False
        """It has stated rate limits of its own."""
        self.measured = 0
        """Answers that were measured since `measures_until_s` was set last."""
        self.measures_until_s = -inf
        self.learns_at_s = -inf
        """When its rate limits are read from an answer's headers next."""
        self.cooling_until_s = -inf
        """It asked to be left alone until then."""
        self.cooling_why = ""
        self.refused_keys: dict[str, float] = {}
        """Keys that may not use this deployment (403), though others may take them; until when."""
        self.learned = NEW
        """How many tokens its model makes of a request's bytes."""

    def tokens_of(self, size_bytes: int) -> int:
        """About how many tokens a request of this size is, by what its upstream reported so far."""
        return self.learned.tokens_of(size_bytes)

    def counted(self, size_bytes: int, usage: Usage) -> None:
        """Take in what it reported of a request of text alone."""
        self.learned = self.learned.after(size_bytes / BYTES_A_TOKEN["latin"], usage.input_tokens)

    def measures(self, now_s: float) -> bool:
        """Whether one more answer is measured. Of very many a part tells as much: the first of each while."""
        if now_s >= self.measures_until_s:
            self.measures_until_s = now_s + MEASURE_S
            self.measured = 0
        self.measured += 1
        return self.measured <= MEASURED

    def ready(self, now_s: float) -> bool:
        """Whether an attempt could be made now: the quick question, asked of everyone before each choice."""
        gate, pool = self.gate, self.pool
        return (
            self.cooling_until_s <= now_s
            and gate.in_flight < gate.limit
            and (now_s < self.breaker.calm_until_s or self.breaker.allows(now_s))
            and (pool is None or self._has_key(pool, now_s))
            and not (self.rated and self.live.headroom(now_s) <= 0)
        )

    def usual_key(self, pool: KeyPool, now_s: float) -> Key | None:
        """The account's only key where nothing is to be weighed: it is sound, and has no limits of its own."""
        only = pool.only
        return only if only is not None and only.until_s <= now_s and not self.refused_keys else None

    def _has_key(self, pool: KeyPool, now_s: float) -> bool:
        refused = self.refused_keys
        if not refused:
            only = pool.only
            return only.until_s <= now_s if only is not None else pool.ready(now_s)
        return any(self._usable(key, now_s) for key in pool.keys)

    def _usable(self, key: Key, now_s: float) -> bool:
        barred_until_s = max(key.until_s, self.refused_keys.get(key.name, -inf))
        return barred_until_s <= now_s and key.headroom(now_s) > 0

    def rested(self, now_s: float) -> Key | None:
        """The key that is nearest to being alive again, to be used where nobody else can answer; None: none may."""
        keys = self.pool.keys if self.pool is not None else ()
        cooling = [key for key in keys if key.health(now_s) == "cooling" and key.headroom(now_s) > 0]
        return min((key for key in cooling if not self.bars(key, now_s)), key=lambda key: key.until_s, default=None)

    def askable(self, now_s: float) -> bool:
        """Whether it could be asked although it rests."""
        return self.pool is None or self._has_key(self.pool, now_s) or self.rested(now_s) is not None

    def back_at_s(self, now_s: float) -> float:
        """When the first of its keys may be used, as far as is known; infinity: not until the configuration is read."""
        keys = self.pool.keys if self.pool is not None else ()
        return min((max(key.free_at_s(now_s), self.refused_keys.get(key.name, -inf)) for key in keys), default=inf)

    def dead(self, now_s: float) -> str:
        """Why all its keys are dead: the failure of the last one; empty when one is not."""
        keys = self.pool.keys if self.pool is not None else ()
        if not keys or any(key.health(now_s) != "dead" and not self.bars(key, now_s) for key in keys):
            return ""
        return keys[-1].why or "auth"

    def trouble(self, now_s: float) -> str:
        """Why an attempt can't be made now, its breaker aside; empty when it can. All of it passes."""
        if self.cooling_until_s > now_s:
            return f"cooling for {self.cooling_until_s - now_s:.3g} s ({self.cooling_why})"
        if isinstance(key := self.key(now_s, 0), NoKey):
            return f"no key: {key.why}"
        if self.rated and self.live.headroom(now_s) <= 0:
            return NO_ROOM
        return FULL if self.gate.in_flight >= self.gate.limit else ""

    def cool(self, until_s: float, why: str) -> None:
        """Leave it alone until then; a shorter time does not end a longer one."""
        if until_s > self.cooling_until_s:
            self.cooling_until_s, self.cooling_why = until_s, why

    def bars(self, key: Key, now_s: float) -> bool:
        """Whether a key that was chosen before may not go out any more: it was refused meanwhile."""
        return key.health(now_s) == "dead" or self.refused_keys.get(key.name, -inf) > now_s

    def key(self, now_s: float, seed: int, without: Collection[str] = ()) -> Key | NoKey | None:
        """A key to go out with. None: it needs none."""
        if self.pool is None:
            return None
        if self.refused_keys:
            self.refused_keys = {name: until_s for name, until_s in self.refused_keys.items() if until_s > now_s}
            without = {*without, *self.refused_keys}
        return self.pool.pick(now_s, seed, without)
