"""Mistakes among rate limits, and in how a cluster shares them."""

from collections.abc import Iterator
from importlib.util import find_spec

from antiphon.config.pem import MENDED, why_no_authorities
from antiphon.config.written import Written
from antiphon.core.budget import SCOPES
from antiphon.core.error import Problem
from antiphon.metering.settings_limits import ClusterSettings, RateLimitSettings, mistakes
from antiphon.wire.yaml_node import Path


def check_limits(limits: list[RateLimitSettings], cluster: ClusterSettings, written: Written) -> Iterator[Problem]:
    """Names that are there twice, limits that limit nothing or can't be kept, scopes that don't exist."""
    names: set[str] = set()
    for at, limit in zip(written.kept(("limits",)), limits, strict=True):
        path: Path = ("limits", at)
        if limit.name in names:
            yield written.problem((*path, "name"), f"another limit is called {limit.name}", "give each its own name")
        names.add(limit.name)
        for below, wrong, remedy in mistakes(limit):
            where = (*path, below) if below else path
            if written.sound(where):
                yield written.problem(where, wrong, remedy)
        yield from _scopes(limit, path, written)
        away: Path = (*path, "when_away")
        if limit.when_away != "local" and cluster.url is None and written.sound(away, ("cluster",)):
            wrong = "has no effect without a cluster"
            yield written.problem(away, wrong, "write `cluster.url`, or leave this out")


def check_cluster(cluster: ClusterSettings, written: Written) -> Iterator[Problem]:
    """An address that is none, a client that isn't installed, and what has no effect without an address."""
    path: Path = ("cluster",)
    if not written.sound(path):
        return
    yield from (written.problem((*path, below), wrong, remedy) for below, wrong, remedy in cluster.check())
    if cluster.url is not None and find_spec("redis") is None:
        wrong = "asking Valkey needs redis, which is not installed"
        yield written.problem((*path, "url"), wrong, "run: pip install 'antiphon[valkey]'")
    wrong = why_no_authorities(cluster.ca_file) if cluster.ca_file is not None else ""
    if wrong:
        yield written.problem((*path, "ca_file"), wrong, MENDED)
    if cluster.url is None and cluster != ClusterSettings():
        yield written.problem(path, "has no effect without `url`", "write `url: redis://HOST:6379`, or leave it out")


def _scopes(limit: RateLimitSettings, path: Path, written: Written) -> Iterator[Problem]:
    """What is counted by something twice, or only for values of what nobody knows."""
    twice = sorted({scope for scope in limit.on or () if (limit.on or []).count(scope) > 1})
    if twice:
        yield written.problem((*path, "on"), f"{twice[0]} is there twice", "write it once")
    for scope, values in limit.only.items():
        where = (*path, "only", scope)
        if scope not in SCOPES:
            yield written.problem(where, f"nothing is counted by {scope}", f"write one of {', '.join(SCOPES)}")
        elif not values:
            yield written.problem(where, "names no value, so nothing is counted", "name one, or leave it out")
