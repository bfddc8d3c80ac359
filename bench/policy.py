"""What policies cost: a verdict that is kept, and one that is worked out, under 200 policies.

python bench/policy.py
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from os import getloadavg
from pathlib import Path
from statistics import median
from typing import Any

from antiphon.core.data_class import DATA_CLASSES
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.policy.asked import Context, Resource
from antiphon.policy.compile import of_sources
from antiphon.policy.policies import Policies
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source
from lib.machine import machine, versions

METHOD = (
    "CPU time of one process (`time.process_time_ns`). The 200 policies are drawn from seven patterns that a company writes: "
    "permits of a team or role, regions by department, terms by finding, tiers by employment, hours, injection score, "
    "tools. *mixed*: 120 of them name a team, a department or a role in their head, 80 hold for everybody, and half read "
    "the deployment; *everybody*: none names anybody, and all read the deployment's name, so that each of ten deployments is a "
    "group of its own: the dearest case. The mix of {mix:,} requests: {keys} keys of 20 teams (Zipf 1.1), every hour of the "
    "week, injection scores 0 to 100, findings in one of eight, a purpose in one of four. A kept verdict is timed over "
    "that mix one by one, less the cost of the clock; a worked-out one with its cache emptied before each, so that it counts everything but "
    "the making of the policies. Nothing was tuned on this mix."
)
TEAMS = [f"team-{number}" for number in range(20)]
DEPARTMENTS = ["legal", "sales", "research", "support"]
ROLES = ["contractor", "member", "lead"]
FINDINGS = ["email", "phone", "payment_card", "secret"]
REGIONS = ["eu", "us", "ap"]
TIERS = ["fast", "balanced", "premium"]


@dataclass(frozen=True)
class Figure:
    """One number."""

    what: str
    us: float
    p99_us: float
    target_us: float | None = None


def policies_of(chance: random.Random, count: int, *, named: bool) -> str:
    """Policies as a company writes them. `named`: most name somebody in their head."""
    out: list[str] = []
    for number in range(count):
        head, reads = _head(chance, named=named), chance.random() < 0.5
        body = _body(chance, number, reads=reads, everybody=not named)
        effect = "permit" if number % 3 else "forbid"
        note = '@mask("email") ' if number % 9 == 1 else ""
        out.append(
            f'@id("p{number}") {note}{effect}({head}, action == Action::"call_model", resource) when {{ {body} }};'
        )
    return "\n".join(out)


def _head(chance: random.Random, *, named: bool) -> str:
    if not named or chance.random() > 0.6:
        return "principal"
    kind = chance.choice(("Team", "Team", "Department", "Role"))
    words = {"Team": TEAMS, "Department": DEPARTMENTS, "Role": ROLES}[kind]
    return f'principal in {kind}::"{chance.choice(words)}"'


def _body(chance: random.Random, number: int, *, reads: bool, everybody: bool) -> str:
    parts = [
        f"context.hour >= {chance.choice((6, 8, 18, 20))}",
        f"context.injection < {chance.choice((50, 70, 90))}",
        f'context.findings.contains("{chance.choice(FINDINGS)}")',
        f"context.data_class_rank >= {chance.randrange(4)}",
        f'principal.employment != "{chance.choice(("contractor", "service"))}"',
        f'context.purpose == "{chance.choice(("review", "report"))}"',
        "!context.tainted",
    ]
    chosen = chance.sample(parts, 3)
    if everybody:
        chosen.append(f'resource.name != "d{number % 10}"')
    elif reads:
        wanted = (
            f'resource.region == "{chance.choice(REGIONS)}"',
            f'resource.tier == "{chance.choice(TIERS)}"',
            'resource.zone == "private"',
            'resource.terms.contains("no_training")',
        )
        chosen.append(chance.choice(wanted))
    return " && ".join(chosen)


def fleet(count: int) -> dict[str, Deployment]:
    return {
        f"d{number}": Deployment(
            name=f"d{number}",
            provider="p",
            model="m",
            zone="private" if number % 5 == 0 else "public",
            region=REGIONS[number % 3],
            tier=TIERS[number % 3],
            terms=("no_training",) if number % 2 else (),
        )
        for number in range(count)
    }


def requests(chance: random.Random, count: int, keys: int) -> list[tuple[Principal, Context]]:
    """A mix: few keys ask much, circumstances vary."""
    principals = [
        Principal(
            tenant="acme",
            key=f"key-{number}",
            team=TEAMS[number % 20],
            department=DEPARTMENTS[number % 4],
            roles=(ROLES[number % 3],),
            employment=("employee", "contractor", "service")[number % 3],
        )
        for number in range(keys)
    ]
    weights = [1 / (rank + 1) ** 1.1 for rank in range(keys)]
    whose = chance.choices(principals, weights, k=count)
    return [(who, _context(chance)) for who in whose]


def _context(chance: random.Random) -> Context:
    found = frozenset([chance.choice(FINDINGS)]) if chance.random() < 1 / 8 else frozenset[str]()
    return Context(
        data_class=chance.choices(DATA_CLASSES, (50, 35, 10, 5))[0],
        model=chance.choice(("auto", "fast", "best")),
        purpose=chance.choice(("review", "report", "chat", "other")) if chance.random() < 0.25 else "",
        findings=found,
        injection=min(100, int(chance.expovariate(0.1))),
        hour=chance.randrange(24),
        weekday=chance.randrange(1, 8),
        session=chance.random() < 0.5,
    )


def timed(run: Callable[[int], object], calls: int) -> list[float]:
    """Microseconds of CPU of each call, less the clock's own, rising."""
    clock = time.process_time_ns
    empty = []
    for _ in range(2000):
        began = clock()
        empty.append(clock() - began)
    own_ns = median(empty)
    out: list[float] = []
    for number in range(calls):
        began = clock()
        run(number)
        out.append((clock() - began - own_ns) / 1000)
    return sorted(out)


def figure(what: str, times: Sequence[float], target_us: float | None = None) -> Figure:
    return Figure(what, median(times), times[int(len(times) * 0.99)], target_us)


def measure(options: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    chance = random.Random(options.seed)
    made = {
        "mixed": policies_of(chance, 200, named=True),
        "everybody": policies_of(chance, 200, named=False),
    }
    mix = requests(chance, options.mix, options.keys)
    figures: list[Figure] = []
    hits: dict[str, Any] = {}
    for name, text in made.items():
        source = (Source(name=f"{name}.cedar", text=text),)
        figures.append(figure(f"{name}: 200 policies compiled", timed(partial(_compiled, source), 5)))
        policies = of_sources(source, PolicySettings())
        ten = fleet(10)
        for who, context in mix:
            policies.verdict(who, context, ten)
        hits[name] = round(policies.kept.hits / (policies.kept.hits + policies.kept.misses), 4)
        hits[f"{name}, entries"] = len(policies.kept)
        figures.append(figure(f"{name}: kept verdict, ten deployments", _kept(policies, mix, ten, options.kept), 3.0))
        for count, target in ((1, 400.0), (10, 2000.0)):
            some = fleet(count)
            asked = chance.sample(mix, min(options.calls, len(mix)))
            times = _worked_out(source, asked, some)
            word = "one deployment" if count == 1 else "ten deployments"
            figures.append(figure(f"{name}: worked out, {word}", times, target))
    figures.append(_tool(made["mixed"], mix, options.kept))
    return figures, hits


def _compiled(source: Sequence[Source], _: int) -> Policies:
    return of_sources(source, PolicySettings())


def _kept(policies: Policies, mix: Sequence[Any], some: dict[str, Deployment], calls: int) -> list[float]:
    """Of requests whose verdict is kept."""
    known = []
    for who, context in mix[:calls]:
        policies.verdict(who, context, some)
        known.append((who, context))
    hot = [one for one in known[-2000:] if policies.verdict(*one, some)]
    return timed(lambda number: policies.verdict(*hot[number % len(hot)], some), calls)


def _worked_out(source: Sequence[Source], asked: Sequence[Any], some: dict[str, Deployment]) -> list[float]:
    policies = of_sources(source, PolicySettings(cache_entries=0))
    for who, context in asked[:100]:
        policies.verdict(who, context, some)
    return timed(lambda number: policies.verdict(*asked[number], some), len(asked))


def _tool(text: str, mix: Sequence[Any], calls: int) -> Figure:
    more = '\n@id("egress") forbid(principal, action == Action::"use_tool", resource)\nwhen { context.tainted && resource.effects.contains("egress") };'
    policies = of_sources((Source(name="tools.cedar", text=text + more),), PolicySettings())
    mail = Resource(kind="Tool", name="mail", effects=frozenset(["egress"]))
    times = timed(lambda number: policies.may(mix[number % 2000][0], "use_tool", mail, mix[number % 2000][1]), calls)
    return figure("mixed: kept verdict on a tool", times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mix", type=int, default=20_000)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--kept", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    gc.disable()
    figures, hits = measure(options)
    day = datetime.now(UTC).date().isoformat()
    text = _page(figures, hits, options, day)
    told = {
        "date": day,
        "figures": [vars(one) for one in figures],
        "hits": hits,
        "versions": versions(),
        "machine": machine(),
    }
    options.out.mkdir(exist_ok=True)
    (options.out / f"{day}-policy.md").write_text(text)
    (options.out / f"{day}-policy.json").write_text(json.dumps(told, indent=2, default=str) + "\n")
    print(text)


def _page(figures: Sequence[Figure], hits: dict[str, Any], options: argparse.Namespace, day: str) -> str:
    box = machine()
    method = METHOD.format(mix=options.mix, keys=options.keys)
    said = ", ".join(f"{name} {version}" for name, version in versions().items() if name != "nginx")
    rows = [f"| {one.what} | {one.us:,.2f} | {one.p99_us:,.2f} | {_target(one)} |" for one in figures]
    rates = "; ".join(f"{name}: {value:,}" for name, value in hits.items())
    return "\n".join(
        [
            f"# Policies, {day}",
            "",
            f"Command: `python bench/policy.py`. {method} Versions: {said}, cedarpy {_cedarpy()}. Machine: {box['cpu']}, {box['cores']} cores, load average {getloadavg()[0]:.1f} meanwhile.",
            "",
            "| what | p50, µs | p99, µs | target for p50 |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            f"Hit rate over the mix, from an empty cache of 10,000 entries, and entries at its end: {rates}.",
            "",
        ]
    )


def _target(one: Figure) -> str:
    if one.target_us is None:
        return "none"
    return f"at most {one.target_us:g}: {'**met**' if one.us <= one.target_us else '**missed**'}"


def _cedarpy() -> str:
    from importlib.metadata import version

    return version("cedarpy")


if __name__ == "__main__":
    main()
