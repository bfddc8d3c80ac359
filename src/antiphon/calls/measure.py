"""Tells metrics how the deployments are: a few times a minute, never amid a request."""

from antiphon.calls.fleet import Fleet
from antiphon.telemetry.metrics import Metrics

OPEN = "Workers whose circuit breaker for a deployment is not closed."
LIMIT = "Requests that may be in flight on a deployment now, over all workers."
WAITING = "Requests that wait for their turn at a deployment."
RESTING = "Keys of a deployment's account that are cooling or dead, over all workers."
OPENINGS = "How often circuit breakers opened since their workers started."


def measure(fleet: Fleet, metrics: Metrics, now_s: float) -> None:
    """Set the gauges of every deployment, and those of the ones that are no more to 0."""
    names: set[str] = set()
    for member in fleet.members():
        name = member.name
        names.add(name)
        state = member.breaker.state(now_s)
        keys = member.pool.keys if member.pool is not None else ()
        resting = sum(key.until_s > now_s for key in keys)
        metrics.gauge("antiphon_breaker_open", OPEN, deployment=name).set(state.state != "closed")
        metrics.gauge("antiphon_breaker_openings", OPENINGS, deployment=name).set(state.openings)
        metrics.gauge("antiphon_concurrency_limit", LIMIT, deployment=name).set(member.gate.limit)
        metrics.gauge("antiphon_waiting", WAITING, deployment=name).set(member.gate.waiting)
        metrics.gauge("antiphon_keys_resting", RESTING, deployment=name).set(resting)
    metrics.only(names)
