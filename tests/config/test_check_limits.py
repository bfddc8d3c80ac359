"""Mistakes among limits, each with its line and what to write."""

import pytest
from msgspec import Struct

from antiphon.config.check_limits import check_cluster, check_limits
from antiphon.config.convert import convert
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.core.limit import Limit
from antiphon.metering.settings_limits import ClusterSettings, RateLimitSettings, limits
from antiphon.wire.yaml import compose

CLUSTER = "cluster: {url: 'rediss://valkey:6379'}\n"


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The two sections alone."""

    limits: list[RateLimitSettings] = []  # noqa: RUF012
    cluster: ClusterSettings = ClusterSettings()


def read(text: str) -> tuple[Part, list[Problem]]:
    tree, problems = compose(text, "antiphon.yaml")
    found = convert(tree, Part, "antiphon.yaml")
    value = found.value or Part()
    written = Written(file="antiphon.yaml", tree=tree, broken=found.broken)
    checked = [*check_limits(value.limits, value.cluster, written), *check_cluster(value.cluster, written)]
    return value, [*problems, *found.problems, *checked]


def one(body: str) -> str:
    return f"limits:\n  - name: l\n    {body}\n"


CASES = [
    (one("requests: -1"), 3, "limits[0].requests", "-1", "1"),
    (one("requests: 0"), 3, "limits[0].requests", "0", "1"),
    (one("tokens: 1.5"), 3, "limits[0].tokens", "1.5", "whole number"),
    (one("requests: 9999999999999"), 3, "limits[0].requests", "9999999999999", "1000000000000"),
    (one("{}").replace("    {}\n", ""), 2, "limits[0]", "limits nothing", "write one or more of requests, tokens"),
    (one("tokens: 200000000\n    per: second"), 3, "limits[0].tokens", "200000000 a second is more than can be told apart", "write at most 100000000"),
    (one("on: [teem]\n    requests: 1"), 3, "limits[0].on[0]", "teem", "team"),
    (one("on: [team, team]\n    requests: 1"), 3, "limits[0].on", "team is there twice", "write it once"),
    (one("only: {teem: [a]}\n    requests: 1"), 3, "limits[0].only.teem", "nothing is counted by teem", "write one of tenant"),
    (one("only: {team: []}\n    requests: 1"), 3, "limits[0].only.team", "names no value", "name one"),
    (one("burst: 5\n    concurrent_streams: 1"), 3, "limits[0].burst", "there is no rate that it would belong to", "write `requests`"),
    (one("burst: 5\n    requests: 1\n    tokens: 9"), 3, "limits[0].burst", "it is for one rate, and there are requests and tokens", "a limit of its own"),
    (one("burst: 0\n    requests: 1"), 3, "limits[0].burst", "0", "1"),
    (one("burst: 3001\n    requests: 100"), 3, "limits[0].burst", "3001 is more than 30 times requests", "write at most 3000"),
    (one("per: week\n    requests: 1"), 3, "limits[0].per", "week", "minute"),
    (one("when_away: refuse\n    requests: 1"), 3, "limits[0].when_away", "has no effect without a cluster", "write `cluster.url`"),
    (one("when_away: later\n    requests: 1"), 3, "limits[0].when_away", "later", "local"),
    (one("requests: 1") + "  - {name: l, tokens: 5}\n", 4, "limits[1].name", "another limit is called l", "its own name"),
    ("cluster: {url: 'http://valkey:6379'}\n", 1, "cluster.url", "is no address of a Valkey", "redis://HOST:6379"),
    ("cluster: {url: 'redis://'}\n", 1, "cluster.url", "is no address of a Valkey", "redis://HOST:6379"),
    ("cluster: {replicas: 3}\n", 1, "cluster", "has no effect without `url`", "leave it out"),
    ("cluster: {url: 'rediss://a', timeout_ms: 0}\n", 1, "cluster.timeout_ms", "0", "0"),
    ("cluster: {url: 'rediss://a', replicas: 0}\n", 1, "cluster.replicas", "0", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "path", "wrong", "remedy"), CASES)
def test_a_mistake_is_named_with_its_line_and_remedy(text: str, line: int, path: str, wrong: str, remedy: str) -> None:
    [problem] = read(text)[1]
    assert (problem.line, problem.path) == (line, path)
    assert wrong in problem.wrong
    assert remedy in problem.remedy


def test_a_limit_becomes_one_for_each_of_its_numbers() -> None:
    text = one("{on: [team], only: {team: [support]}, requests: 600, tokens: 9000, concurrent_streams: 4}")
    part, problems = read(text.replace("- name: l\n    {", "- {name: l, "))
    assert problems == []
    common = {"name": "l", "scopes": ("team",), "only": {"team": ("support",)}}
    assert limits(part.limits) == (
        Limit(kind="requests", number=600, **common),
        Limit(kind="tokens", number=9000, **common),
        Limit(kind="concurrent_streams", number=4, **common),
    )


def test_with_a_cluster_a_limit_says_what_becomes_of_requests_while_it_is_away() -> None:
    part, problems = read(one("when_away: refuse\n    requests: 60\n    burst: 6\n    shared: true") + CLUSTER)
    assert problems == []
    [limit] = limits(part.limits)
    assert (limit.when_away, limit.most, limit.each_ns, limit.scopes) == ("refuse", 6, 1_000_000_000, ())


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://localhost",
        "redis://[::1]:6379",
        "rediss://u:p@h:6380/1",
        "unix:///run/valkey.sock",
        "valkey://127.0.0.1",
        "valkeys://h",
    ],
)
def test_every_form_of_address_is_taken(url: str) -> None:
    assert read(f"cluster: {{url: '{url}'}}\n")[1] == []
