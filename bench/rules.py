"""What rules cost: CPU of evaluating an expression, of deciding among 200 rules by their index, and of whole decisions.

python bench/rules.py
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from antiphon import expr
from antiphon.core.signal import Declared, FactCost, FactKind, Value
from antiphon.expr import Index, Rule, analyse
from lib import deciding
from lib.machine import machine, versions

METHOD = (
    "CPU of one process, hot: the median of {rounds} rounds of {calls} calls each. Facts stand in a dict: looking one up "
    "costs next to nothing, working it out is not counted. The 200 rules are drawn: two to four comparisons each, or five to seven, over ten "
    "facts (a task of 10, a language of 8, a team of 20, four numbers, two bools, a confidence), one in ten with a "
    "condition that no index helps with; each of 400 requests has a value for each fact, one in twenty is unknown. "
    "A whole decision is among six candidates; the ten rules are over size, tokens, tools and 50 keywords of a request of "
    "1 KB, whose body is parsed and whose facts are worked out anew each time."
)
FACTS: Mapping[str, tuple[FactKind, FactCost]] = {
    "task.name": ("string", "learned"),
    "task.confidence": ("double", "learned"),
    "text.language": ("string", "free"),
    "who.team": ("string", "free"),
    "context.tokens": ("int", "free"),
    "tools.count": ("int", "free"),
    "request.images": ("int", "free"),
    "difficulty.score": ("double", "learned"),
    "text.code": ("bool", "free"),
    "asks.json": ("bool", "free"),
    "tools.names": ("strings", "free"),
}
ENV = {name: Declared(name=name, kind=kind, cost=cost, says="") for name, (kind, cost) in FACTS.items()}
TASKS = ["classify", "extract", "transform", "answer", "reason", "code", "math", "agentic", "chat", "creative"]
LANGUAGES = ["en", "de", "fr", "es", "zh", "ja", "ar", "hi"]
TEAMS = [f"team-{number}" for number in range(20)]
KNOWN: dict[str, Value] = {
    "task.name": "math",
    "task.confidence": 0.8,
    "text.language": "de",
    "who.team": "team-7",
    "context.tokens": 1800,
    "tools.count": 0,
    "request.images": 0,
    "difficulty.score": 0.4,
    "text.code": False,
    "asks.json": True,
    "tools.names": ("search", "fetch"),
}
EXPRESSIONS = (
    "context.tokens > 4000",
    "task.name == 'math' && task.confidence > 0.7",
    "text.language in ['de', 'fr', 'es'] && tools.count == 0 && !text.code",
    "context.tokens / 4 > 300 ? asks.json : text.code",
    "tools.names.exists(name, name.startsWith('fe'))",
    "who.team.matches('^team-[0-9]+$')",
)


@dataclass(frozen=True)
class Row:
    """One measurement; without a limit it is only told."""

    name: str
    us: float
    most_us: float
    limit_us: float | None = None


def cpu_us(do: Callable[[], object], calls: int, rounds: int) -> tuple[float, float]:
    """Of one call: the median of the rounds, and the dearest round."""
    took: list[float] = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(calls):
            do()
        took.append((time.process_time_ns() - began) / calls / 1000)
    return median(took), max(took)


def drawn_rule(chance: random.Random, most: int = 4) -> str:
    """A rule as operators write them, of at least two comparisons."""
    atoms = [
        f"task.name == '{chance.choice(TASKS)}'",
        f"task.name in ['{chance.choice(TASKS)}', '{chance.choice(TASKS)}']",
        f"text.language == '{chance.choice(LANGUAGES)}'",
        f"who.team == '{chance.choice(TEAMS)}'",
        f"who.team in ['{chance.choice(TEAMS)}', '{chance.choice(TEAMS)}']",
        f"context.tokens > {chance.choice((1000, 4000, 16000))}",
        f"tools.count >= {chance.randint(1, 5)}",
        f"request.images == {chance.randint(0, 2)}",
        f"difficulty.score < {chance.choice((0.2, 0.4, 0.6))}",
        "text.code",
        "!asks.json",
    ]
    chosen = chance.sample(atoms, chance.randint(most - 2, most))
    if chance.random() < 0.1:
        chosen = [f"tools.names.exists(name, name == 'tool-{chance.randint(0, 9)}')", chance.choice(atoms)]
    return " && ".join(chosen)


def drawn_facts(chance: random.Random) -> dict[str, Value]:
    drawn: dict[str, Value] = {
        "task.name": chance.choice(TASKS),
        "task.confidence": chance.random(),
        "text.language": chance.choice(LANGUAGES),
        "who.team": chance.choice(TEAMS),
        "context.tokens": int(chance.expovariate(1 / 3000)),
        "tools.count": chance.choice((0, 0, 0, 1, 4)),
        "request.images": chance.choice((0, 0, 0, 1)),
        "difficulty.score": chance.random(),
        "text.code": chance.random() < 0.3,
        "asks.json": chance.random() < 0.3,
        "tools.names": tuple(f"tool-{chance.randint(0, 30)}" for _ in range(3)),
    }
    return {name: None if chance.random() < 0.05 else value for name, value in drawn.items()}


def expressions(calls: int, rounds: int) -> list[Row]:
    """Each expression on one request."""
    rows: list[Row] = []
    for text in EXPRESSIONS:
        holds = expr.compile(text, ENV).holds
        rows.append(Row(f"`{text}`", *cpu_us(lambda holds=holds: holds(KNOWN.__getitem__), calls * 20, rounds)))
    return rows


def indexed(calls: int, rounds: int) -> list[Row]:
    """200 rules: decided on many requests, compiled and analysed."""
    texts = [drawn_rule(random.Random(seed)) for seed in range(200)]
    index = Index([expr.compile(text, ENV) for text in texts])

    def check() -> object:
        compiled = [expr.compile(text, ENV) for text in texts]
        Index(compiled)
        return analyse([Rule(name=str(at), when=one) for at, one in enumerate(compiled)])

    none = dict.fromkeys(FACTS)
    return [
        *_decided(texts, calls, rounds),
        *_decided([drawn_rule(random.Random(seed), 7) for seed in range(200)], calls, rounds),
        Row("200 rules, all facts unknown", *cpu_us(lambda: index.first(none.__getitem__), calls, rounds), 50),
        Row("200 rules compiled, indexed and analysed", *cpu_us(check, 1, min(rounds, 5)), 1_000_000),
    ]


def _decided(texts: Sequence[str], calls: int, rounds: int) -> list[Row]:
    """By the index, and in order, which has to find the same."""
    requests = [drawn_facts(random.Random(seed)) for seed in range(400)]
    rules = [expr.compile(text, ENV) for text in texts]
    index = Index(rules)
    firsts = [index.first(one.__getitem__) for one in requests]
    assert firsts == [in_order(rules, one) for one in requests], "the index finds another rule"
    found = sum(first is not None for first in firsts)
    many, each = max(1, calls // 100), len(requests)
    fast = cpu_us(lambda: [index.first(one.__getitem__) for one in requests], many, rounds)
    plain = cpu_us(lambda: [in_order(rules, one) for one in requests], many, rounds)
    title = f"{len(rules)} rules, of which {found} of {each} requests meet one"
    return [
        Row(title, fast[0] / each, fast[1] / each, 50),
        Row(f"{title}: in order, without an index", plain[0] / each, plain[1] / each),
    ]


def in_order(rules: Sequence[Any], known: Mapping[str, Value]) -> int | None:
    return next((at for at, rule in enumerate(rules) if rule.holds(known.__getitem__)), None)


def whole(calls: int, rounds: int) -> list[Row]:
    """A route's decision from its rules to its candidates in order."""
    texts = [drawn_rule(random.Random(seed)) for seed in range(200)]
    requests = [drawn_facts(random.Random(seed)) for seed in range(400)]
    rows = [
        Row("200 rules checked as `config check` does", *cpu_us(deciding.checked(texts), 1, min(rounds, 5)), 1_000_000)
    ]
    for objective, said in ((None, ""), (deciding.OBJECTIVE, ", an objective with two bounds")):
        many = deciding.many_rules(texts, ENV, requests, objective)
        ten = cpu_us(deciding.ten_rules(objective), calls, rounds)
        us, most_us = cpu_us(many, max(1, calls // 100), rounds)
        limits = (15, 50) if objective is None else (None, None)
        rows += [
            Row(f"whole decision, ten rules, facts worked out{said}", *ten, limits[0]),
            Row(
                f"whole decision, 200 rules, facts known{said}", us / len(requests), most_us / len(requests), limits[1]
            ),
        ]
    return rows


MEASURED: tuple[Callable[[int, int], list[Row]], ...] = (expressions, indexed, whole)
"""What is measured, each given calls and rounds."""


def page(result: dict[str, Any]) -> str:
    box, told = (
        result["machine"],
        ", ".join(f"{name} {version}" for name, version in result["versions"].items() if version),
    )
    lines = [
        f"| {row['name'].replace('|', chr(92) + '|')} | {row['us']:,.2f} | {row['most_us']:,.2f} | {_target(row)} |"
        for row in result["rows"]
    ]
    return (
        f"# Rules, {result['day']}\n\nCommand: `python bench/rules.py`. {result['method']} "
        f"Versions: {told}. Machine: {box['cpu']}, {box['cores']} cores.\n\n"
        "| what | µs | dearest round, µs | target |\n| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
    )


def _target(row: dict[str, Any]) -> str:
    limit = row["limit_us"]
    return "none" if limit is None else f"at most {limit:,g}: {'**met**' if row['us'] <= limit else '**missed**'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    gc.freeze()
    rows = [row for measure in MEASURED for row in measure(asked.calls, asked.rounds)]
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "method": METHOD.format(rounds=asked.rounds, calls=f"{asked.calls:,} or more"),
        "versions": versions(),
        "machine": machine(),
        "rows": [vars(row) for row in rows],
    }
    print(page(result))
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-rules"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result))


if __name__ == "__main__":
    main()
