"""How the deployments are, as one worker sees them."""

from collections.abc import Iterable

from msgspec import Struct

from antiphon.calls.fleet import Fleet
from antiphon.calls.member import Member

MEDIAN, TAIL = 0.5, 0.95


class BreakerHealth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A circuit breaker."""

    state: str
    failure_fraction: float = 0.0
    slow_fraction: float = 0.0
    volume: int = 0
    openings: int = 0
    reason: str = ""
    retry_in_s: float | None = None
    """Until it may be probed; left out while closed."""


class KeyHealth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A credential, by its name."""

    name: str
    state: str
    """`alive`, `cooling` or `dead`."""
    in_flight: int
    headroom: float
    back_in_s: float | None = None
    """Seconds until it is used again; left out while alive, and when that needs the configuration read again."""
    reason: str = ""


class LatencyHealth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Measured seconds; left out where too little was measured."""

    first_token_p50_s: float | None = None
    first_token_p95_s: float | None = None
    whole_p50_s: float | None = None
    whole_p95_s: float | None = None


class DeploymentHealth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One deployment."""

    name: str
    usable: bool
    """Whether an attempt could be made now."""
    breaker: BreakerHealth
    in_flight: int
    limit: int
    """Most that may be in flight now."""
    waiting: int
    latency: LatencyHealth
    headroom: float
    """What is left of its rate limits, 0 to 1."""
    retries_left: int
    """Of its retry budget."""
    cooling_s: float | None = None
    """It asked to be left alone for so long."""
    trouble: str = ""
    """Why it can't be used now, its breaker aside."""
    keys: tuple[KeyHealth, ...] = ()


class HealthPage(Struct, frozen=True, kw_only=True):
    """The answer of GET /v1/health/deployments."""

    worker: int
    """Whose view it is: each worker has its own."""
    deployments: tuple[DeploymentHealth, ...]


def deployments(fleet: Fleet, worker: int, now_s: float) -> HealthPage:
    """How all deployments are now; `now_s`: seconds on the worker's steady clock."""
    return HealthPage(worker=worker, deployments=tuple(_health(one, now_s) for one in fleet.members()))


def _health(member: Member, now_s: float) -> DeploymentHealth:
    live, gate = member.live, member.gate
    return DeploymentHealth(
        name=member.name,
        usable=member.ready(now_s),
        breaker=_breaker(member, now_s),
        in_flight=gate.in_flight,
        limit=gate.limit,
        waiting=gate.waiting,
        latency=LatencyHealth(
            first_token_p50_s=_rounded(live.quantile_s(MEDIAN, now_s)),
            first_token_p95_s=_rounded(live.quantile_s(TAIL, now_s)),
            whole_p50_s=_rounded(live.whole_s(MEDIAN, now_s)),
            whole_p95_s=_rounded(live.whole_s(TAIL, now_s)),
        ),
        headroom=round(live.headroom(now_s), 3),
        retries_left=member.budget.spending(now_s).left,
        cooling_s=_rounded(member.cooling_until_s - now_s) if member.cooling_until_s > now_s else None,
        trouble=member.trouble(now_s),
        keys=tuple(_keys(member, now_s)),
    )


def _breaker(member: Member, now_s: float) -> BreakerHealth:
    state = member.breaker.state(now_s)
    return BreakerHealth(
        state=state.state,
        failure_fraction=round(state.failure_fraction, 3),
        slow_fraction=round(state.slow_fraction, 3),
        volume=state.volume,
        openings=state.openings,
        reason=state.reason,
        retry_in_s=None if state.retry_at_s is None else _rounded(max(0.0, state.retry_at_s - now_s)),
    )


def _keys(member: Member, now_s: float) -> Iterable[KeyHealth]:
    for key in member.pool.keys if member.pool is not None else ():
        refused_until_s = member.refused_keys.get(key.name, 0.0)
        until_s = max(key.until_s, refused_until_s)
        resting = until_s > now_s
        yield KeyHealth(
            name=key.name,
            state="dead" if refused_until_s > now_s else key.health(now_s),
            in_flight=key.in_flight,
            headroom=round(key.headroom(now_s), 3),
            back_in_s=_rounded(until_s - now_s) if resting and until_s != float("inf") else None,
            reason="refused for this deployment" if refused_until_s > now_s else key.why if resting else "",
        )


def _rounded(seconds: float | None) -> float | None:
    """To the millisecond."""
    return None if seconds is None else round(seconds, 3)
