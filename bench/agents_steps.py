"""What a journalled step of an agent costs beside its work, and what runs that wait cost in memory.

python bench/agents_steps.py [--steps 500] [--waiting 1000] [--out RESULTS]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.machine import machine, versions

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from agent_workers import prepared
from scripted_agents import Place, scripted
from servers import Postgres, postgres_programs

from antiphon.agents.engine.engine import Engine
from antiphon.agents.journal import Driver, Ended, Journal, Parked
from antiphon.core.run import Mail, Run, Wait
from antiphon.core.run_store import RunStore
from antiphon.vault.local import LocalSealer

METHOD = (
    "One process, the real engine and store; a run of {steps} steps whose work is to return a JSON object of 1 KB, so that "
    "what is measured is the journal: DBOS's two commits, sealing, and reading back. One run alone, and 16 runs at once: "
    "wall time by all their steps. Median and dearest of {rounds} rounds. Postgres with `fsync` on. Waiting: resident "
    "memory of the process before {waiting} runs that ask a person were begun, and when all of them waited."
)
TARGETS = {"sqlite": 5.0, "postgres": 10.0}
MOST_MIB = 50.0
TOGETHER = 16


class Plain(Driver):
    """Steps that do next to nothing; with no steps it asks a person."""

    async def drive(self, journal: Journal, run: Run, mail: list[Mail]) -> Ended:
        script = json.loads(run.input)
        if not script["steps"]:
            raise Parked(Wait(kind="question", key="ask"), b'{"goal": "' + b"x" * 2000 + b'"}')
        began_s = time.perf_counter()
        for number in range(script["steps"]):
            await journal.step(f"step {number}", _kilobyte)
        return Ended(status="done", stop="finished", why="", result=str(time.perf_counter() - began_s).encode())


async def _kilobyte() -> dict[str, str]:
    return {"text": "x" * 1000}


@dataclass
class Row:
    name: str
    value: float
    most: float
    unit: str
    target: float | None


def resident_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


async def ended(store: RunStore, ids: list[str], statuses: tuple[str, ...]) -> list[Run]:
    while True:
        found = [await asyncio.to_thread(store.one, one) for one in ids]
        runs = [one for one in found if one is not None]
        if all(one.status in statuses for one in runs):
            return runs
        await asyncio.sleep(0.05)


async def measured(name: str, place: Place, asked: argparse.Namespace) -> list[Row]:
    store = place.store()
    sealer = LocalSealer(place.dir / "key")
    engine = Engine(store, Plain(), sealer, place.settings, place.engine_place())
    await engine.start()
    alone: list[float] = []
    together: list[float] = []
    for number in range(asked.rounds):
        store.begin(scripted(f"a{number}", {"steps": asked.steps}))
        [run] = await ended(store, [f"a{number}"], ("done",))
        alone.append(float(run.result) * 1000 / asked.steps)
        ids = [f"t{number}.{at}".replace(".", "-") for at in range(TOGETHER)]
        for one in ids:
            store.begin(scripted(one, {"steps": asked.steps // 4}))
        runs = await ended(store, ids, ("done",))
        wall_ns = max(one.ended_ns for one in runs) - min(one.started_ns for one in runs)
        together.append(wall_ns / 1e6 / (TOGETHER * (asked.steps // 4)))
    before = resident_mib()
    for number in range(asked.waiting):
        store.begin(scripted(f"w{number:05}", {"steps": 0}))
    ids = [f"w{number:05}" for number in range(asked.waiting)]
    await ended(store, ids[-TOGETHER:], ("waiting",))
    await ended(store, ids, ("waiting",))
    after = resident_mib()
    await engine.stop()
    store.close()
    alone.sort()
    together.sort()
    middle = asked.rounds // 2
    return [
        Row(f"{name}: a step of one run, ms", alone[middle], alone[-1], "ms", TARGETS[name]),
        Row(f"{name}: a step of {TOGETHER} runs at once, ms by all steps", together[middle], together[-1], "ms", None),
        Row(f"{name}: {asked.waiting} runs that wait, MiB more", after - before, after - before, "MiB", MOST_MIB),
    ]


def page(result: dict[str, Any]) -> str:
    told = ", ".join(f"{name} {version}" for name, version in result["versions"].items() if version)
    lines = [f"| {one['name']} | {one['value']:.2f} | {one['most']:.2f} | {_target(one)} |" for one in result["rows"]]
    return (
        f"# Steps of agents, {result['day']}\n\nCommand: `python bench/agents_steps.py`. {result['method']} "
        f"Versions: {told}. Machine: {result['machine']['cpu']}, {result['machine']['cores']} cores.\n\n"
        "| what | median | dearest round | target |\n| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
    )


def _target(row: dict[str, Any]) -> str:
    limit = row["target"]
    return "none" if limit is None else f"at most {limit:g}: {'**met**' if row['value'] <= limit else '**missed**'}"


def rows(asked: argparse.Namespace) -> list[Row]:
    out: list[Row] = []
    programs = postgres_programs()
    settings = {"concurrency": 32, "tenant_concurrency": 1000}
    with tempfile.TemporaryDirectory(prefix="antiphon-agents-") as folder:
        for name in ("sqlite", "postgres"):
            directory = Path(folder) / name
            directory.mkdir()
            if name == "sqlite":
                out += asyncio.run(measured(name, prepared(directory, **settings), asked))
            elif programs is not None:
                server = Postgres(programs, safe=True)
                try:
                    out += asyncio.run(measured(name, prepared(directory, server.database(), **settings), asked))
                finally:
                    server.close()
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--waiting", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    found = rows(asked)
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "method": METHOD.format(steps=asked.steps, rounds=asked.rounds, waiting=asked.waiting),
        "versions": versions(),
        "machine": machine(),
        "rows": [vars(row) for row in found],
    }
    print(page(result))
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-agents-steps"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result))
    return 0 if all(row.target is None or row.value <= row.target for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
