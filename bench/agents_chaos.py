"""Agents while the processes that run them die: 500 runs of 20 at-most-once steps, a random worker killed or stopped every 2 s.

python bench/agents_chaos.py [--runs 500] [--steps 20] [--every-s 2] [--subjects postgres,sqlite] [--out RESULTS]
"""

from __future__ import annotations

import argparse
import json
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

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from agent_workers import Person, Worker, prepared
from scripted_agents import Place, scripted
from servers import Postgres, postgres_programs

from antiphon.agents.engine_alive import host
from antiphon.core.error import StoreError
from antiphon.core.run import Run, RunEnvelope
from antiphon.core.run_store import Asked

METHOD = (
    "{runs} runs of {steps} steps; each step holds its most on its root's envelope, writes an intent, appends a line to a "
    "file (the effect, at most once), writes what came of it and settles: {each_ms:g} ms at most beside the journal. Every "
    "{every_s:g} s a random worker is killed (SIGKILL) or stopped (SIGSTOP, SIGCONT 1 to 4 s later); what died is started "
    "again a second later, the only one at once. A person answers reviews of cut-off effects by looking into the file. Each ten runs share the "
    "envelope of one root, which allows a tenth fewer steps than they want together: the last ones are refused them. Of the "
    "workers on Postgres the last is in a pid namespace of its own, as on another machine: nobody can end it, it has to end "
    "itself. Takeover: from when a worker was killed or stopped until the last run that it had under way was back in the "
    "queue; begun: until that had gone on in another worker, which has to have room for it. Where whoever was to take over died "
    "before it had, the time runs from its death; `with_heirs` counts from the first. A worker that went on in time loses "
    "nothing, and is not counted. "
)
FAMILY = 10
SHORT = 0.9
TAKEOVER_S = 5.0


@dataclass
class Death:
    """A worker that was killed, or stood still."""

    at: int
    executor: str
    at_s: float
    how: str
    runs: set[str] = field(default_factory=set)
    wall_s: float = field(default_factory=time.time)
    on_s: float = 0.0
    """When it was continued, on the wall clock; 0: never."""
    begun_s: float = 0.0


@dataclass
class Chaos:
    """One subject while it is hurt."""

    place: Place
    workers: list[Worker]
    elsewhere: frozenset[int]
    every_s: float
    dice: random.Random
    deaths: list[Death] = field(default_factory=list)
    stopped: list[tuple[float, int]] = field(default_factory=list)
    killed: int = 0
    continued: int = 0
    again: dict[int, float] = field(default_factory=dict)

    def turn(self, now_s: float) -> None:
        """Continue what was stopped for long enough, start what has died."""
        for until_s, at in list(self.stopped):
            if now_s >= until_s:
                self.workers[at].say(signal.SIGCONT)
                [death] = [one for one in self.deaths if one.at == at and one.how == "stopped" and not one.on_s]
                death.on_s = time.time()
                self.continued += self.workers[at].gone is None
                self.stopped.remove((until_s, at))
        for at, worker in enumerate(self.workers):
            if worker.gone is not None and at not in self.again:
                worker.ended()
                self.again[at] = now_s + (1 if len(self.workers) > 1 else 0)
        for at, from_s in list(self.again.items()):
            if now_s >= from_s:
                self.workers[at] = Worker(self.place, elsewhere=at in self.elsewhere, wait=False)
                del self.again[at]

    def hurt(self, now_s: float, person: Person) -> None:
        """Kill or stop one that runs."""
        held = {at for _, at in self.stopped}
        well = [at for at, worker in enumerate(self.workers) if worker.gone is None and at not in held]
        if len(well) < min(2, len(self.workers)):
            return
        at = self.dice.choice(well)
        worker = self.workers[at]
        kill = self.dice.random() < 0.5 or (len(self.workers) == 1 and self.dice.random() < 0.5)
        how = "killed" if kill else "stopped"
        worker.say(signal.SIGKILL if kill else signal.SIGSTOP)
        executor = self._executor(person, at, worker)
        runs = person.store.page(Asked(statuses=("running",), most=1000))
        under_way = {one.id for one in runs if one.owner.rpartition("#")[0] == executor}
        if kill:
            self.killed += 1
        else:
            self.stopped.append((now_s + self.dice.uniform(1, 4), at))
        self.deaths.append(Death(at, executor, now_s, how, under_way))

    def _executor(self, person: Person, at: int, worker: Worker) -> str:
        """The name that a worker beats under."""
        here = host()
        found = [one for one in person.store.beats() if not one.retired]
        if at in self.elsewhere:
            mine = [one for one in found if one.host != here]
        else:
            mine = [one for one in found if one.pid == worker.pid]
        return max(mine, key=lambda one: one.at_ns).worker if mine else ""

    def watch(self, now_s: float, runs: dict[str, Run]) -> None:
        """Note when the last run of a death is with another, or has gone on otherwise."""
        for death in self.deaths:
            if not death.begun_s and not any(
                one in runs and runs[one].owner.rpartition("#")[0] == death.executor for one in death.runs
            ):
                death.begun_s = now_s - death.at_s


def told(place: Place) -> tuple[dict[str, tuple[float, str]], dict[str, tuple[float, str]]]:
    """By worker: when it was found silent, and when the last of its runs was taken over; and by whom."""
    silent: dict[str, tuple[float, str]] = {}
    taken: dict[str, tuple[float, str]] = {}
    for line in (place.dir / "log").read_bytes().splitlines():
        try:
            said = json.loads(line)
            at = datetime.fromisoformat(said["at"]).timestamp()
        except ValueError:  # a line that a kill cut off
            continue
        if said["event"] == "worker.silent":
            silent[said["worker"]] = at, said["by"]
        elif said["event"] == "run.taken_over":
            taken[said["of"]] = at, said["by"]
    return silent, taken


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
    begin(person, asked.runs, asked.steps, asked.each_s)
    began_s = time.monotonic()
    started = [Worker(place, elsewhere=at in elsewhere) for at in range(workers)]
    chaos = Chaos(place, started, elsewhere, asked.every_s, random.Random(asked.seed))
    next_s = began_s + asked.every_s
    try:
        while time.monotonic() < began_s + asked.within_s:
            now_s = time.monotonic()
            try:
                open_runs = {one.id: one for one in person.look()}
            except StoreError:  # a stopped worker holds the lock of the SQLite database
                chaos.turn(now_s)
                continue
            chaos.watch(now_s, open_runs)
            if not open_runs:
                break
            chaos.turn(now_s)
            if now_s >= next_s:
                next_s = now_s + asked.every_s
                with suppress(StoreError):
                    chaos.hurt(now_s, person)
            time.sleep(0.1)
        took_s = time.monotonic() - began_s
    finally:
        for worker in chaos.workers:
            worker.end()
    return figures(place, person, chaos, asked, took_s)


def _took_s(
    death: Death,
    died: dict[str, float],
    silent: dict[str, tuple[float, str]],
    taken: dict[str, tuple[float, str]],
) -> float:
    """From a death, or that of whoever was to take over and died of it before it had, whichever was last."""
    back_s, by = taken[death.executor]
    heirs = [death.wall_s]
    if silent[death.executor][1] != by:
        heirs += [at for one, at in died.items() if one != death.executor and death.wall_s < at < back_s and one != by]
    return back_s - max(heirs)


def figures(place: Place, person: Person, chaos: Chaos, asked: argparse.Namespace, took_s: float) -> dict[str, Any]:
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
    silent, taken = told(place)
    dead = [
        one
        for one in chaos.deaths
        if one.executor in taken and (one.how == "killed" or not one.on_s or silent[one.executor][0] < one.on_s)
    ]
    died = {one.executor: one.wall_s for one in chaos.deaths}
    back = sorted(_took_s(one, died, silent, taken) for one in dead)
    chains = [taken[one.executor][0] - one.wall_s for one in dead]
    person.store.close()
    log = (place.dir / "log").read_text()
    return {
        "runs": len(runs),
        "ended": sum(one.ended for one in runs),
        "done": sum(one.status == "done" for one in runs),
        "effects": sum(effects.values()),
        "twice": sum(count > 1 for count in effects.values()),
        "allowed": sum(one.envelope.steps for one in roots),
        "over": len(over),
        "reviews": len(person.reviewed),
        "killed": chaos.killed,
        "stopped": sum(one.how == "stopped" for one in chaos.deaths),
        "continued_alive": chaos.continued,
        "takeovers": len(back),
        "runs_taken_over": log.count("run.taken_over"),
        "takeover_median_s": round(back[len(back) // 2], 2) if back else 0,
        "takeover_most_s": round(back[-1], 2) if back else 0,
        "with_heirs_most_s": round(max(chains, default=0), 2),
        "begun_most_s": round(max((one.begun_s for one in dead), default=0), 2),
        "seconds": round(took_s, 1),
        "deaths": [
            f"{one.how} {one.at}: found after {silent[one.executor][0] - one.wall_s:.1f} s, back after {taken[one.executor][0] - one.wall_s:.1f} s"
            for one in dead
        ],
        "left": [(one.id, one.status, one.owner) for one in runs if not one.ended][:5],
    }


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


def rows(name: str, found: dict[str, Any], asked: argparse.Namespace) -> list[tuple[str, str, Any, str, bool]]:
    said = SAID[name]
    return [
        (name, f"{said}: runs that ended, of {asked.runs}", found["ended"], "all", found["ended"] == asked.runs),
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
        + ", ".join(f"{key} {value}" for key, value in found.items() if key not in ("left", "deaths"))
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
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--each-s", type=float, default=0.05)
    parser.add_argument("--every-s", type=float, default=2.0)
    parser.add_argument("--within-s", type=float, default=900.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--subjects", default="postgres,sqlite")
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    found = subjects(asked)
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "command": "python bench/agents_chaos.py",
        "method": METHOD.format(runs=asked.runs, steps=asked.steps, each_ms=2000 * asked.each_s, every_s=asked.every_s),
        "versions": versions(),
        "machine": machine(),
        "subjects": found,
    }
    table = [row for name, one in found.items() for row in rows(name, one, asked)]
    print(page(result, table))
    print(*((one["left"], one["deaths"]) for one in found.values()))
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-agents-chaos"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result, table))
    return 0 if all(row[-1] for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
