"""Deadlines that can't come to pass, since another one always comes first."""

from collections.abc import Iterator

from antiphon.calls.settings import RouteSettings, RouteTimeoutSettings
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.providers.settings import TimeoutSettings
from antiphon.wire.yaml_node import Path

PHASES = ("connect_s", "first_byte_s", "between_bytes_s")


def within_total(
    timeouts: TimeoutSettings | RouteTimeoutSettings, path: Path, written: Written
) -> Iterator[tuple[str, Problem]]:
    """Deadlines of phases above that of the whole attempt, each with its name.

    Only those that are written can contradict; a default beyond `total_s` has no say.
    """
    for name in PHASES:
        mine, value = (*path, name), _value(timeouts, name)
        if value is None or timeouts.total_s is None or not written.has(mine):
            continue
        if value > timeouts.total_s and written.sound(mine, (*path, "total_s")):
            wrong = f"{value:g} is more than total_s, {timeouts.total_s:g}, which would always come first"
            yield name, written.problem(mine, wrong, "write less, or raise `total_s`")


def check_timeouts(route: RouteSettings, max_s: float, path: Path, written: Written) -> Iterator[Problem]:
    """Deadlines of a route's attempts and the delay of its hedges, against that of the whole request."""
    yield from _request(route, max_s, path, written)
    yield from _attempt(route, path, written)
    yield from _hedge(route, max_s, path, written)


def _request(route: RouteSettings, max_s: float, path: Path, written: Written) -> Iterator[Problem]:
    at = (*path, "timeout_s")
    if route.timeout_s is not None and route.timeout_s > max_s and written.sound(at, ("calls", "deadline")):
        wrong = f"{route.timeout_s:g} is more than calls.deadline.max_s, {max_s:g}, which would always come first"
        yield written.problem(at, wrong, "write less, or raise `calls.deadline.max_s`")


def _attempt(route: RouteSettings, path: Path, written: Written) -> Iterator[Problem]:
    at = (*path, "timeouts")
    beyond = dict(within_total(route.timeouts, at, written))
    yield from beyond.values()
    for name in (*PHASES, "total_s"):
        mine, value = (*at, name), _value(route.timeouts, name)
        if value is None or route.timeout_s is None or name in beyond:
            continue
        if value > route.timeout_s and written.sound(mine, (*path, "timeout_s")):
            wrong = f"{value:g} is more than the route's timeout_s, {route.timeout_s:g}, which would always come first"
            yield written.problem(mine, wrong, "write less, or raise `timeout_s`")


def _hedge(route: RouteSettings, max_s: float, path: Path, written: Written) -> Iterator[Problem]:
    """A route without a deadline of its own has that of all requests."""
    name, most_s = ("calls.deadline.max_s", max_s) if route.timeout_s is None else ("timeout_s", route.timeout_s)
    at = (*path, "hedge")
    sound = written.sound(at, (*path, "timeout_s"), ("calls", "deadline"))
    if route.hedge.enabled and route.hedge.min_delay_s >= most_s and sound:
        delay = f"a second attempt waits {route.hedge.min_delay_s:g} s at least"
        wrong = f"{delay}, but {name} ends the request after {most_s:g} s, so none is ever sent"
        yield written.problem((*at, "min_delay_s"), wrong, f"write less, or raise `{name}`")


def _value(timeouts: TimeoutSettings | RouteTimeoutSettings, name: str) -> float | None:
    value: float | None = getattr(timeouts, name)
    return value
