"""How deployments are, from outside the workers: what their gauges say, and how the attempts of the last while ended.

What a worker alone knows is not here: its breakers' reasons, headroom under rate limits, retry budgets, each key's state.
`GET /v1/health/deployments` tells that, of the worker that is asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from antiphon.control.recent import BEHIND_ALL, Read
from antiphon.control.sight import Sight
from antiphon.core.deployment import Zone
from antiphon.core.ids import first_id
from antiphon.core.receipt import Attempt
from antiphon.telemetry.slots import read

LOOK_BACK_S = 900
MOST_RECEIPTS = 5_000
"""Receipts of that time that are looked at, the newest."""
MOST_FAILURES = 3
GAUGES = {
    "antiphon_attempts_in_flight": "in_flight",
    "antiphon_breaker_open": "breakers_open",
    "antiphon_breaker_openings": "openings",
    "antiphon_concurrency_limit": "limit",
    "antiphon_waiting": "waiting",
    "antiphon_keys_resting": "keys_resting",
}


class Placed(Struct, frozen=True, kw_only=True):
    """A deployment as it is configured."""

    name: str
    provider: str
    model: str
    tier: str
    zone: Zone
    region: str


class Gauges(Struct, frozen=True, kw_only=True):
    """Sums over this machine's workers."""

    in_flight: int = 0
    limit: int = 0
    waiting: int = 0
    breakers_open: int = 0
    """Workers whose circuit breaker is not closed."""
    openings: int = 0
    keys_resting: int = 0


class Tally(Struct, frozen=True, kw_only=True):
    """Attempts of the last while."""

    attempts: int = 0
    failed: int = 0
    first_token_p50_us: int | None = None
    first_token_p95_us: int | None = None
    failures: tuple[tuple[str, int], ...] = ()
    """(error, how often), the most frequent first."""
    last_ns: int = 0
    """When the newest began; 0: there was none."""

    @property
    def failed_permille(self) -> int:
        return 1000 * self.failed // self.attempts if self.attempts else 0


class Health(Struct, frozen=True, kw_only=True):
    """One deployment."""

    placed: Placed
    gauges: Gauges
    tally: Tally
    state: str
    """`resting`: a breaker is open; `failing`: half of its attempts failed, of five or more; `idle`: there were none;
    `working`.
    """


class Board(Struct, frozen=True, kw_only=True):
    """All of them, the troubled first."""

    deployments: tuple[Health, ...]
    looked_at: int
    """Receipts."""
    cut: bool
    """There were more."""


_ORDER = ("resting", "failing", "working", "idle")


def board(placed: Iterable[Placed], metrics: Path, receipts: Read, sight: Sight, now_ns: int) -> Board:
    """Blocks on files. Raises: NotAllowed, StoreError."""
    sight.need("read")
    since = first_id(now_ns - LOOK_BACK_S * 1_000_000_000)
    found = receipts(since, BEHIND_ALL, MOST_RECEIPTS, sight.tenant, None)
    attempts: defaultdict[str, list[tuple[int, Attempt]]] = defaultdict(list)
    for receipt in found:
        if sight.sees(receipt.principal):
            for one in receipt.attempts:
                attempts[one.deployment].append((receipt.at_ns + one.started_us * 1000, one))
    gauges = _gauges(metrics)
    shown = [_health(one, gauges.get(one.name, Gauges()), attempts[one.name]) for one in placed]
    shown.sort(key=lambda one: (_ORDER.index(one.state), one.placed.name))
    return Board(deployments=tuple(shown), looked_at=len(found), cut=len(found) == MOST_RECEIPTS)


def _gauges(metrics: Path) -> dict[str, Gauges]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for sample in read(metrics):
        field = GAUGES.get(sample.entry.name)
        if field is not None:
            found[sample.entry.labels.get("deployment", "")][field] = int(sample.numbers[0])
    return {name: Gauges(**fields) for name, fields in found.items()}


def _health(placed: Placed, gauges: Gauges, attempts: list[tuple[int, Attempt]]) -> Health:
    tally = _tally(attempts)
    return Health(placed=placed, gauges=gauges, tally=tally, state=_state(gauges, tally))


def _state(gauges: Gauges, tally: Tally) -> str:
    if gauges.breakers_open:
        return "resting"
    if tally.attempts >= 5 and tally.failed_permille >= 500:
        return "failing"
    return "working" if tally.attempts else "idle"


def _tally(attempts: list[tuple[int, Attempt]]) -> Tally:
    failures: defaultdict[str, int] = defaultdict(int)
    for _, one in attempts:
        if one.error:
            failures[one.error] += 1
    firsts = sorted(one.timings.first_token_us for _, one in attempts if one.timings.first_token_us is not None)
    return Tally(
        attempts=len(attempts),
        failed=sum(failures.values()),
        first_token_p50_us=_quantile(firsts, 50),
        first_token_p95_us=_quantile(firsts, 95),
        failures=_most(failures),
        last_ns=max((at_ns for at_ns, _ in attempts), default=0),
    )


def _most(failures: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(failures.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_FAILURES])


def _quantile(ordered: list[int], percent: int) -> int | None:
    """The nearest rank."""
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)] if ordered else None
