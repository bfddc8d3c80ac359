"""A bounded waiting room: who goes next, and who gives way when it is full.

**Lanes** share turns by weight (stride scheduling: each turn moves a lane on by one over its weight, and the lane that
is least far goes next). Weights rather than strict order with ageing: under strict order a lane can starve, and with
ageing a deep old backlog in `low` overtakes fresh requests in `high`; weights bound both, whatever waits.

**Tenants** in a lane: next is the one that holds the least of the upstream for its weight, so that what is shared is the
upstream's concurrency itself, long answers and short ones alike; equal holders go by start-time fair queueing. A tenant
with a hundred times the requests of another waits behind its own. Within a tenant and lane: first come, first served.

**Full**: the tenant with the longest queue for its weight gives way, its newest waiter in its lowest lane first, unless
the newcomer's own is as long (buffer stealing). So a noisy tenant can fill the room, but not keep others out of it.

Sources: Waldspurger and Weihl 1995, "Stride Scheduling", MIT/LCS/TM-528; Goyal, Vin and Cheng 1997, "Start-time Fair
Queueing", IEEE/ACM ToN 5(5); McKenney 1990, "Stochastic Fairness Queueing", INFOCOM (buffer stealing).
"""

from asyncio import Future
from collections import deque
from collections.abc import Iterator, Mapping
from math import ceil

from antiphon.core.principal import LANES, Lane

_RANK = {lane: rank for rank, lane in enumerate(LANES)}


class Waiter:
    """One request that waits for its turn; `turn` is done when it may go or is refused."""

    __slots__ = ("granted", "lane", "tenant", "turn")

    def __init__(self, tenant: str, lane: Lane, turn: "Future[None]") -> None:
        self.tenant = tenant
        self.lane: Lane = lane
        self.turn = turn
        self.granted = False


class Line:
    """One lane: its waiters by tenant, and how far it has come."""

    __slots__ = ("count", "passed", "queues", "stride")

    def __init__(self, weight: int) -> None:
        self.stride = 1 / weight
        self.passed = 0.0
        self.count = 0
        self.queues: dict[str, deque[Waiter]] = {}


class Room:
    """The waiting room of one upstream."""

    __slots__ = ("_lines", "_place", "_tags", "_virtual", "_weights", "count", "size", "waiting")

    def __init__(
        self, size: int, turns: Mapping[Lane, int], weights: Mapping[str, float], before: "Room | None" = None
    ) -> None:
        """`turns` are the weights of lanes, `weights` those of tenants (without one: 1); who waits in `before` comes over."""
        self.size = size
        self.count = 0
        self.waiting: dict[str, int] = {}
        """Waiters by tenant, over all lanes."""
        self._weights = weights
        self._lines = tuple(Line(turns[lane]) for lane in LANES)
        self._place = 0.0
        self._tags: dict[str, float] = {}
        self._virtual = 0.0
        for waiter in before or ():
            self._append(waiter)

    def add(self, waiter: Waiter) -> None:
        """Let it wait. Raises: ValueError when the room is full."""
        if self.count >= self.size:
            raise ValueError("the room is full; ask who gives way first")
        self._append(waiter)

    def _append(self, waiter: Waiter) -> None:
        line = self._lines[_RANK[waiter.lane]]
        if not line.count:
            line.passed = max(line.passed, self._place + line.stride)
        line.queues.setdefault(waiter.tenant, deque()).append(waiter)
        line.count += 1
        self.count += 1
        self.waiting[waiter.tenant] = self.waiting.get(waiter.tenant, 0) + 1
        self._tags.setdefault(waiter.tenant, self._virtual)

    def take(self, held: Mapping[str, int], most: int) -> Waiter | None:
        """Who goes next, which then waits no more.

        Args:
            held: How many each tenant runs now.
            most: A tenant that runs as many does not go.
        Returns: None when nobody may go.
        """
        for line in sorted((line for line in self._lines if line.count), key=lambda line: line.passed):
            tenant = self._next(line, held, most)
            if tenant is not None:
                self._place = line.passed
                line.passed += line.stride
                self._virtual = self._tags[tenant]
                self._tags[tenant] = self._virtual + 1 / self._weight(tenant)
                waiter = line.queues[tenant][0]
                self.remove(waiter)
                return waiter
        return None

    def remove(self, waiter: Waiter) -> bool:
        """Forget a waiter. Returns: whether it waited."""
        line = self._lines[_RANK[waiter.lane]]
        queue = line.queues.get(waiter.tenant)
        if queue is None:
            return False
        try:
            queue.remove(waiter)
        except ValueError:
            return False
        line.count -= 1
        self.count -= 1
        if not queue:
            del line.queues[waiter.tenant]
        left = self.waiting[waiter.tenant] - 1
        if left:
            self.waiting[waiter.tenant] = left
        else:
            del self.waiting[waiter.tenant], self._tags[waiter.tenant]
        return True

    def gives_way(self, tenant: str, lane: Lane) -> Waiter | None:
        """Who leaves a full room for a newcomer; None: the newcomer itself."""
        mine = (self.waiting.get(tenant, 0) + 1) / self._weight(tenant)
        longest, length = max(
            ((name, count / self._weight(name)) for name, count in self.waiting.items()),
            key=lambda pair: pair[1],
            default=("", 0.0),
        )
        if length > mine:
            return self._newest(longest, below=-1)
        rank = _RANK[lane]
        lower = [name for line in self._lines[rank + 1 :] for name in line.queues]
        fair = [name for name in lower if name == tenant or self.waiting[name] / self._weight(name) >= mine]
        if not fair:
            return None
        return self._newest(max(fair, key=lambda name: self.waiting[name] / self._weight(name)), below=rank)

    def ahead(self, tenant: str, lane: Lane) -> int:
        """About how many take their turn before a newcomer would."""
        line = self._lines[_RANK[lane]]
        queue = line.queues.get(tenant)
        rounds = (len(queue) if queue else 0) + 1
        share = rounds / self._weight(tenant)
        turns = rounds - 1
        for name, others in line.queues.items():
            if name != tenant:
                turns += min(len(others), ceil(share * self._weight(name)))
        for other in self._lines:
            if other is not line and other.count:
                turns += min(other.count, ceil((turns + 1) * line.stride / other.stride))
        return turns

    def __iter__(self) -> Iterator[Waiter]:
        for line in self._lines:
            for queue in line.queues.values():
                yield from queue

    def _next(self, line: Line, held: Mapping[str, int], most: int) -> str | None:
        best, least = None, (0.0, 0.0)
        for tenant in line.queues:
            holds = held.get(tenant, 0)
            if holds < most:
                claim = (holds / self._weight(tenant), self._tags[tenant])
                if best is None or claim < least:
                    best, least = tenant, claim
        return best

    def _newest(self, tenant: str, *, below: int) -> Waiter:
        """A tenant's newest waiter in its lowest lane that ranks below another."""
        for line in reversed(self._lines[below + 1 :]):
            queue = line.queues.get(tenant)
            if queue:
                return queue[-1]
        raise ValueError(f"{tenant} does not wait there")

    def _weight(self, tenant: str) -> float:
        return self._weights.get(tenant, 1.0)
