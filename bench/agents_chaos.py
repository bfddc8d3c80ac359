"""Agents while the processes that run them die: 500 runs of 20 at-most-once steps, a random worker killed or stopped every 2 s.

python bench/agents_chaos.py [--runs 500] [--runs-sqlite 500] [--steps 20] [--every-s 2] [--subjects postgres,sqlite] [--out RESULTS]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.machine import machine, versions
from lib.takeovers import Hurt, Told, takeovers, told

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from agent_workers import Forked, Nest, Person, Worker, prepared
from scripted_agents import Place, scripted
from servers import Postgres, postgres_programs

from antiphon.core.error import StoreError
from antiphon.core.run import Run, RunEnvelope
from antiphon.core.run_store import Asked

METHOD = (
    "{runs} runs of {steps} steps; each step holds its most on its root's envelope, writes an intent, appends a line to a "
    "file (the effect, at most once), writes what came of it and settles: {each_ms:g} ms at most beside the journal. Every "
    "{every_s:g} s a random worker is killed (SIGKILL) or stopped (SIGSTOP, SIGCONT 1 to 4 s later); what died is started "
    "again a second later, the only one at once, forked from a process that has loaded what it needs. A person answers reviews "
    "of cut-off effects by looking into the file. Each ten runs share the envelope of one root, which allows a tenth fewer "
    "steps than they want together: the last ones are refused them. Of the workers on Postgres the last is in a pid namespace "
    "of its own, as on another machine: nobody can end it, it has to end itself.\n\n"
    "Takeover: from the hurt of a worker until the last run that it had under way could go on elsewhere: it was taken from "
    "the dead one, and stands in a queue for such runs alone. The clock begins again when, before that, whoever was to do "
    "it is hurt too: the heir, once it has said that it is (`worker.inherited`), or the last worker that was up, as nobody "
    "is left to notice. `chain` counts from the first hurt all the same. `on`: until the first step of the last of these "
    "runs began elsewhere, the runs aside that were hurt again before. A worker that was continued before others took it "
    "for dead loses nothing, and is not counted. `start`: from the fork, or the start of the interpreter for the one in a namespace, until a worker was up. `load`: the average of the last minute at the end, the bench's own in it.\n\n"
)
FAMILY = 10
SHORT = 0.9
TAKEOVER_S = 5.0


@dataclass
class Chaos:
    """One subject while it is hurt."""

    place: Place
    nest: Nest
    count: int
    elsewhere: frozenset[int]
    dice: random.Random
    workers: list[Worker | Forked] = field(default_factory=list)
    hurts: list[Hurt] = field(default_factory=list)
    stopped: list[tuple[float, int]] = field(default_factory=list)
    continued: int = 0
    again: dict[int, float] = field(default_factory=dict)
    lives: int = 0
    begun_s: dict[str, float] = field(default_factory=dict)
    """When each life was begun, on the wall clock."""

    def start(self) -> None:
        self.workers = [self._worker(at) for at in range(self.count)]
        end_s = time.monotonic() + 60
        while len(self.told().up) < self.count and time.monotonic() < end_s:
            time.sleep(0.05)

    def _worker(self, at: int) -> Worker | Forked:
        self.lives += 1
        life = f"{at}.{self.lives}"
        self.begun_s[life] = time.time()
        return Worker(self.place, elsewhere=True, life=life) if at in self.elsewhere else self.nest.worker(life)

    def told(self) -> Told:
        return told((self.place.dir / "log").read_bytes())

    def turn(self, now_s: float) -> None:
        """Continue what was stopped for long enough, start what has died."""
        for until_s, at in list(self.stopped):
            if now_s >= until_s:
                self.workers[at].say(signal.SIGCONT)
                death = next(one for one in reversed(self.hurts) if one.at == at)
                death.on_s = time.time()
                self.continued += self.workers[at].gone is None
                self.stopped.remove((until_s, at))
        for at, worker in enumerate(self.workers):
            if worker.gone is not None and at not in self.again:
                worker.ended()
                self.again[at] = now_s + (1 if self.count > 1 else 0)
        for at, from_s in list(self.again.items()):
            if now_s >= from_s:
                self.workers[at] = self._worker(at)
                del self.again[at]

    def hurt(self, now_s: float) -> None:
        """Kill or stop one that runs."""
        held = {at for _, at in self.stopped}
        well = [at for at, worker in enumerate(self.workers) if worker.gone is None and at not in held]
        if len(well) < min(2, self.count):
            return
        at = self.dice.choice(well)
        worker = self.workers[at]
        kill = self.dice.random() < 0.5 or (self.count == 1 and self.dice.random() < 0.5)
        worker.say(signal.SIGKILL if kill else signal.SIGSTOP)
        wall_s = time.time()
        if not kill:
            self.stopped.append((now_s + self.dice.uniform(1, 4), at))
        found = self.told()
        alone = not any(
            found.made.get(self.workers[one].life) in found.up
            and found.made[self.workers[one].life] not in found.silent
            for one in well
            if one != at
        )
        self.hurts.append(Hurt(at, worker.life, wall_s, "killed" if kill else "stopped", alone))


def begin(person: Person, runs: int, steps: int, each_s: float) -> None:
    for number in range(runs):
        root = f"r{number - number % FAMILY:04}"
        allowed = int(FAMILY * steps * SHORT)
        most = RunEnvelope(steps=allowed, tool_calls=allowed)
        made = scripted(f"r{number:04}", {"steps": steps, "each_s": each_s}, root=root, envelope=most)
        person.store.begin(made)


def trial(place: Place, elsewhere: frozenset[int], asked: argparse.Namespace, workers: int) -> dict[str, Any]:
    """Hurt one subject until all of its runs have ended."""
    person = Person(place)
    begin(person, asked.runs[place.url != ""], asked.steps, asked.each_s)
    nest = Nest(place)
    chaos = Chaos(place, nest, workers, elsewhere, random.Random(asked.seed))
    try:
        chaos.start()
        took_s = _hurt(chaos, person, asked)
    finally:
        for worker in chaos.workers:
            worker.end()
        nest.close()
    found = figures(place, person, chaos, took_s)
    person.store.close()
    return found


def _hurt(chaos: Chaos, person: Person, asked: argparse.Namespace) -> float:
    """Returns: after how many seconds all had ended."""
    began_s = time.monotonic()
    next_s = began_s + asked.every_s
    while (now_s := time.monotonic()) < began_s + asked.within_s:
        chaos.turn(now_s)
        if now_s >= next_s:
            next_s = now_s + asked.every_s
            chaos.hurt(now_s)
        with suppress(StoreError):  # a stopped worker holds the lock of the SQLite database
            if not person.look():
                break
        time.sleep(0.1)
    return time.monotonic() - began_s


def figures(place: Place, person: Person, chaos: Chaos, took_s: float) -> dict[str, Any]:
    runs: list[Run] = []
    before = ""
    while found := person.store.page(Asked(before=before, most=1000)):
        runs += found
        before = found[-1].id
    roots = [one for one in runs if one.root == one.id]
    effects = person.effects()
    by_root: Counter[str] = Counter()
    root_of = {one.id: one.root for one in runs}
    for effect, count in effects.items():
        by_root[root_of[effect.partition(" ")[0]]] += count
    over = [one for one in roots if one.used.steps > one.envelope.steps or by_root[one.id] > one.envelope.steps]
    log = chaos.told()
    over_taken = takeovers(chaos.hurts, log)
    starts = [log.up[executor] - chaos.begun_s[life] for life, executor in log.made.items() if executor in log.up]
    return {
        "runs": len(runs),
        "ended": sum(one.ended for one in runs),
        "done": sum(one.status == "done" for one in runs),
        "effects": sum(effects.values()),
        "twice": sum(count > 1 for count in effects.values()),
        "allowed": sum(one.envelope.steps for one in roots),
        "over": len(over),
        "reviews": len(person.reviewed),
        "killed": sum(one.how == "killed" for one in chaos.hurts),
        "stopped": sum(one.how == "stopped" for one in chaos.hurts),
        "continued_alive": chaos.continued,
        "takeovers": len(over_taken),
        "clocks_begun_again": sum(one.restarts > 0 for one in over_taken),
        "runs_taken_over": sum(one.runs for one in over_taken),
        "takeover_median_s": median([one.back_s for one in over_taken]),
        "takeover_most_s": most([one.back_s for one in over_taken]),
        "chain_most_s": most([one.chain_s for one in over_taken]),
        "on_median_s": median([one.on_s for one in over_taken]),
        "on_most_s": most([one.on_s for one in over_taken]),
        "start_median_s": median(starts),
        "start_most_s": most(starts),
        "seconds": round(took_s, 1),
        "load": round(os.getloadavg()[0], 1),
        "each": [one.line() for one in over_taken],
        "left": [(one.id, one.status, one.owner) for one in runs if not one.ended][:5],
    }


def median(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2], 2) if values else 0


def most(values: list[float]) -> float:
    return round(max(values, default=0), 2)


def subjects(asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    settings = {"concurrency": 24, "tenant_concurrency": 100}
    programs = postgres_programs()
    with tempfile.TemporaryDirectory(prefix="antiphon-agents-") as folder:
        if "postgres" in asked.subjects and programs is not None:
            server = Postgres(programs, safe=True)
            try:
                directory = Path(folder) / "postgres"
                directory.mkdir()
                place = prepared(directory, server.database(), **settings)
                out["postgres"] = trial(place, frozenset({2}), asked, 3)
            finally:
                server.close()
        if "sqlite" in asked.subjects:
            directory = Path(folder) / "sqlite"
            directory.mkdir()
            out["sqlite"] = trial(prepared(directory, **settings), frozenset(), asked, 1)
    return out


SAID = {
    "postgres": "three workers on one Postgres 15, `fsync` on",
    "sqlite": "one worker on SQLite, started again by the bench",
}


def rows(name: str, found: dict[str, Any]) -> list[tuple[str, str, Any, str, bool]]:
    said = SAID[name]
    return [
        (name, f"{said}: runs that ended, of {found['runs']}", found["ended"], "all", found["ended"] == found["runs"]),
        (name, "at-most-once effects that were there twice", found["twice"], "0", found["twice"] == 0),
        (name, "envelopes exceeded", found["over"], "0", found["over"] == 0),
        (name, "effects, of those that envelopes allow", found["effects"], str(found["allowed"]), found["effects"] == found["allowed"]),
        (name, "slowest takeover, s", found["takeover_most_s"], f"at most {TAKEOVER_S:g}", found["takeover_most_s"] <= TAKEOVER_S),
    ]  # fmt: skip


def page(result: dict[str, Any], table: list[tuple[str, str, Any, str, bool]]) -> str:
    told = ", ".join(f"{name} {version}" for name, version in result["versions"].items() if version)
    lines = [f"| {a} | {b} | {c} | {d} | {'**met**' if ok else '**missed**'} |" for a, b, c, d, ok in table]
    more = [
        f"| {name} | "
        + ", ".join(f"{key} {value}" for key, value in found.items() if key not in ("left", "each"))
        + " |"
        for name, found in result["subjects"].items()
    ]
    return (
        f"# Agents whose workers die, {result['day']}\n\nCommand: `{result['command']}`. {result['method']}"
        f"Versions: {told}. Machine: {result['machine']['cpu']}, {result['machine']['cores']} cores.\n\n"
        "| subject | what | value | target | result |\n| --- | --- | --- | --- | --- |\n" + "\n".join(lines) + "\n\n"
        "| subject | figures |\n| --- | --- |\n" + "\n".join(more) + "\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="on Postgres")
    parser.add_argument("--runs-sqlite", type=int, default=500)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--each-s", type=float, default=0.05)
    parser.add_argument("--every-s", type=float, default=2.0)
    parser.add_argument("--within-s", type=float, default=900.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--subjects", default="postgres,sqlite")
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    asked.runs = asked.runs_sqlite, asked.runs
    found = subjects(asked)
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "command": f"python bench/agents_chaos.py {' '.join(sys.argv[1:])}".strip(),
        "method": METHOD.format(
            runs=f"{asked.runs[1]} (Postgres) and {asked.runs[0]} (SQLite)",
            steps=asked.steps,
            each_ms=2000 * asked.each_s,
            every_s=asked.every_s,
        ),
        "versions": versions(),
        "machine": machine(),
        "subjects": found,
    }
    table = [row for name, one in found.items() for row in rows(name, one)]
    print(page(result, table))
    for one in found.values():
        print(*one["each"], *one["left"], sep="\n")
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-agents-chaos"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result, table))
    return 0 if all(row[-1] for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
