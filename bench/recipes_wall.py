"""What a recipe adds to the time of its calls: CPU of a run, and wall time over the longest way through its steps.

python bench/recipes_wall.py
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import msgspec

from antiphon.core.content import Content, Message, Text
from antiphon.core.plan import Envelope
from antiphon.core.receipt import Noted
from antiphon.core.response import Choice, Response
from antiphon.core.ticket import Bound
from antiphon.recipes.envelope import Purse
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from lib.errors import BenchError
from lib.machine import machine, versions
from lib.processes import Process, require_free, start, stop, stop_on_sigterm, wait_ready

METHOD = (
    "CPU: runs of a recipe in one process, its calls answered at once by a script, each drawn on an envelope; the median of "
    "{rounds} rounds of {runs} runs. Scripted: {rounds} runs whose calls take as long as the lab's models. Wall time: {requests} requests one after the other to a gateway of one worker with lab "
    "models whose first token comes after a fixed time and whose answers have {tokens} tokens at 1,000,000 a second, loopback "
    "HTTP/1.1. Each figure is what the client measured less the times of the recipe's own calls along the longest way through "
    "its steps, from the receipt: an attempt's beginning to its last byte. Lab models don't answer judges in JSON: the panel's "
    "is asked twice, so that a panel has four stages."
)
WARM = 3
"""Requests of each recipe that aren't counted: they prepare what the others use."""
HEADERS = {"authorization": "Bearer sk-bench-7d1f0c52a9e64b38", "content-type": "application/json"}
MOST_MS = 5.0
"""Over the slowest member and the judge, of a panel of three."""
ANSWER_TOKENS = 20
SEATS: Mapping[str, int] = {"fast": 50, "middle": 100, "slow": 200, "judge": 100}
"""Milliseconds to the first token of each lab model."""
LONG = "Summarise this.\n\n" + "\n\n".join(f"Paragraph {one}. " + "It goes on for a while. " * 9 for one in range(8))
RECIPES: Mapping[str, dict[str, Any]] = {
    "panel": {"panel": {"members": ["fast", "middle", "slow"], "judge": "judge"}},
    "vote": {"vote": {"members": ["fast", "middle", "slow"], "early_stop": False}},
    "breadth": {"breadth": {"members": ["fast", "middle", "slow"], "schedule": [3, 2], "final": "judge"}},
    "debate": {"debate": {"members": ["fast", "middle", "slow"], "rounds": 1, "early_stop": False}},
    "refine": {"refine": {"seat": "fast", "critic": "judge", "rounds": 1}},
    "draft_verify": {"draft_verify": {"draft": "fast", "verifier": "judge"}},
    "workflow": {
        "workflow": {
            "steps": [
                {"name": "facts", "seat": "fast"},
                {"name": "check", "seat": "middle", "after": ["facts"]},
                {"name": "style", "seat": "slow"},
            ],
            "final": {"seat": "judge"},
        }
    },
    "map_reduce": {"map_reduce": {"seat": "fast", "final": "judge", "chunk_tokens": 64, "overlap_tokens": 0}},
}
Durations = Mapping[str, float]
"""Milliseconds of each call, by its step."""


def widest(took: Durations, *stages: str) -> float:
    """The slowest call of each stage, one stage after the other. `stages`: beginnings of their steps' names."""
    return sum(max((ms for step, ms in took.items() if step.startswith(stage)), default=0.0) for stage in stages)


WAYS: Mapping[str, Callable[[Durations], float]] = {
    "single": lambda took: sum(took.values()),
    "panel": lambda took: widest(took, "member-", "judge#1", "judge#2", "final"),
    "vote": lambda took: max(took.values()),
    "breadth": lambda took: widest(took, "round-1-", "round-2-", "final"),
    "debate": lambda took: widest(took, "round-1-", "round-2-"),
    "refine": lambda took: sum(took.values()),
    "draft_verify": lambda took: sum(took.values()),
    "workflow": lambda took: max(took["style"], took["facts"] + took["check"]) + took["final"],
    "map_reduce": lambda took: widest(took, "map#", "reduce#", "final"),
}
"""Milliseconds of the longest way through a recipe's steps."""


@dataclass(frozen=True)
class Row:
    """One measurement."""

    name: str
    unit: str
    value: float
    most: float
    """The 90th percentile, or the dearest round."""
    calls: float
    target: float | None = None


QUESTION = Question(
    content=Content(dialect="openai_chat", messages=(Message(role="user", parts=(Text(text=LONG),), form="text"),)),
    seed=7,
)


class Scripted(Calls):
    """Answers by a script."""

    def __init__(self, seats: Mapping[str, int]) -> None:
        """`seats`: milliseconds that each takes; one that isn't there answers at once."""
        self._purse = Purse(Envelope(calls=1000), 0.0)
        self._seats = seats
        self.took: dict[str, float] = {}
        self.made = 0

    def now_s(self) -> float:
        return 0.0

    def bound(self, asked: Asked) -> Bound:
        return Bound(money_nano_usd=None, tokens=None)

    async def ask(self, asked: Asked) -> Answer:
        drawn = self._purse.draw(self.bound(asked), 100, 0.0)
        self.made += 1
        if asked.seat in self._seats:
            began = time.perf_counter()
            await asyncio.sleep(self._seats[asked.seat] / 1000)
            self.took[asked.step] = (time.perf_counter() - began) * 1000
        self._purse.settle(drawn, 0, 20)
        return _answer(asked)

    async def final(self, asked: Asked) -> Answer:
        return await self.ask(asked)

    def note(self, noted: Noted) -> None:
        """Nobody is told."""


def _answer(asked: Asked) -> Answer:
    text = (
        f'The answer of {asked.seat} is {len(asked.step)}. {{"accepted": true, "A": 7}} ' + "It has more to say. " * 20
    )
    message = Message(role="assistant", parts=(Text(text=text),), form="text")
    response = Response(
        dialect="openai_chat",
        id="r",
        model=asked.seat,
        created_s=0,
        choices=(Choice(index=0, message=message, finish_reason="stop"),),
    )
    return Answer(step=asked.step, seat=asked.seat, deployment=asked.seat, response=response, text=text)


def cpu(runs: int, rounds: int) -> list[Row]:
    """CPU of a run of each recipe."""
    rows: list[Row] = []
    with asyncio.Runner() as runner:
        for name, written in RECIPES.items():
            recipe = msgspec.convert(written, RecipeSettings)
            calls = 0.0

            async def many(recipe: RecipeSettings = recipe) -> float:
                made = 0
                for _ in range(runs):
                    scripted = Scripted({})
                    await run(recipe, QUESTION, scripted)
                    made += scripted.made
                return made / runs

            took: list[float] = []
            for _ in range(rounds):
                began = time.process_time_ns()
                calls = runner.run(many())
                took.append((time.process_time_ns() - began) / runs / 1000)
            rows.append(Row(f"{name}: CPU of a run", "µs", median(took), max(took), calls))
    return rows


def scripted(rounds: int) -> list[Row]:
    """Wall time of a run of each recipe over the longest way through its calls, which take a script's time."""
    rows: list[Row] = []
    with asyncio.Runner() as runner:
        for name, written in RECIPES.items():
            recipe = msgspec.convert(written, RecipeSettings)
            over: list[float] = []
            calls = 0
            for _ in range(rounds):
                made = Scripted(SEATS)
                began = time.perf_counter()
                runner.run(run(recipe, QUESTION, made))
                over.append((time.perf_counter() - began) * 1000 - WAYS[name](made.took))
                calls = made.made
            rows.append(Row(f"{name}: wall time over its scripted calls", "ms", median(over), max(over), calls))
    return rows


def config(directory: Path) -> Path:
    """A gateway's configuration with lab models and a route of each recipe."""
    lab = {
        name: {
            "first_token": {"p50_ms": first_ms, "p99_ms": first_ms},
            "tokens_per_s": 1_000_000,
            "answer_tokens": ANSWER_TOKENS,
        }
        for name, first_ms in SEATS.items()
    }
    written = {
        "storage": {"dir": str(directory / "data")},
        "keys": [{"name": "bench", "key": "sk-bench-7d1f0c52a9e64b38"}],
        "providers": {"lab": {"lab": {"models": lab}}},
        "models": {name: {"provider": "lab"} for name in SEATS},
        "recipes": RECIPES,
        "routes": {
            "single": {"models": ["slow"]},
            **{name: {"models": ["fast"], "recipe": name} for name in RECIPES},
        },
    }
    path = directory / "config.yaml"
    path.write_text(json.dumps(written))  # JSON is YAML
    return path


def wall(port: int, requests: int) -> list[Row]:
    """What the gateway adds to the longest way through each recipe's calls."""
    rows: list[Row] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for name, way in WAYS.items():
        over: list[float] = []
        ways: list[float] = []
        calls = 0
        for number in range(requests + WARM):
            took_ms, took = _asked(connection, name, number)
            calls = len(took)
            if number >= WARM:
                ways.append(way(took))
                over.append(took_ms - ways[-1])
        most = quantiles(over, n=10)[-1]
        title = f"{name}: wall time over {median(ways):.0f} ms of its calls"
        rows.append(Row(title, "ms", median(over), most, calls, MOST_MS if name == "panel" else None))
    connection.close()
    return rows


def _asked(connection: http.client.HTTPConnection, model: str, number: int) -> tuple[float, Durations]:
    """Milliseconds of a request, and of each of its calls. Raises: BenchError, when it wasn't answered."""
    said = {"role": "user", "content": f"{LONG}\n\nRequest {number}."}
    body = json.dumps({"model": model, "messages": [said]}).encode()
    began = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", body, HEADERS)
    response = connection.getresponse()
    told = response.read()
    took_ms = (time.perf_counter() - began) * 1000
    if response.status != 200:
        raise BenchError(f"{model}: {response.status} {told[:300].decode('utf-8', 'replace')}")
    connection.request("GET", f"/v1/receipts/{response.headers['x-antiphon-receipt']}", headers=HEADERS)
    attempts = json.loads(connection.getresponse().read())["attempts"]
    return took_ms, {one.get("step", ""): one["timings"]["last_byte_us"] / 1000 for one in attempts}


def through_gateway(port: int, requests: int, core: int) -> list[Row]:
    """Start a gateway, measure, and stop it."""
    stop_on_sigterm()
    require_free(port)
    directory = Path(tempfile.mkdtemp(prefix="recipes-"))
    process: Process | None = None
    try:
        command = [sys.executable, "-m", "antiphon", "serve", "--config", str(config(directory)), "--port", str(port)]
        process = start("gateway", command, core=core, log=directory / "gateway.log")
        wait_ready(process, port, "/readyz")
        return wall(port, requests)
    finally:
        if process is not None:
            stop(process)
        shutil.rmtree(directory, ignore_errors=True)


def page(result: dict[str, Any]) -> str:
    """The result to read."""
    told = ", ".join(f"{name} {version}" for name, version in result["versions"].items() if version)
    box = result["machine"]
    lines = [
        f"| {row['name']} | {row['calls']:g} | {row['value']:,.2f} {row['unit']} | {row['most']:,.2f} {row['unit']} | {_target(row)} |"
        for row in result["rows"]
    ]
    return (
        f"# Recipes, {result['day']}\n\nCommand: `python bench/recipes_wall.py`. {result['method']} "
        f"Versions: {told}. Machine: {box['cpu']}, {box['cores']} cores; load average {result['load']:.1f}.\n\n"
        "| what | calls | median | 90 % of requests, or dearest round | target |\n"
        "| --- | --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
    )


def _target(row: dict[str, Any]) -> str:
    most = row["target"]
    return "none" if most is None else f"at most {most:g} ms: {'**met**' if row['value'] <= most else '**missed**'}"


def main() -> int:
    """Returns 0 when the target was met, 1 when it was missed, 2 when the bench failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="runs of a round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="default %(default)s")
    parser.add_argument("--requests", type=int, default=40, help="of each recipe (default %(default)s)")
    parser.add_argument("--port", type=int, default=19_480)
    parser.add_argument("--core", type=int, default=0, help="of the gateway (default %(default)s)")
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    gc.freeze()
    try:
        rows: Sequence[Row] = [
            *cpu(asked.runs, asked.rounds),
            *scripted(asked.rounds),
            *through_gateway(asked.port, asked.requests, asked.core),
        ]
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "method": METHOD.format(rounds=asked.rounds, runs=asked.runs, requests=asked.requests, tokens=ANSWER_TOKENS),
        "versions": versions(),
        "machine": machine(),
        "load": os.getloadavg()[0],
        "rows": [vars(row) for row in rows],
    }
    print(page(result))
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-recipes"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result))
    return 1 if any(row.target is not None and row.value > row.target for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
