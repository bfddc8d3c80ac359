"""What became of agents' workers that were hurt, by the log that they all write."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Hurt:
    """A worker that was killed, or stood still."""

    at: int
    life: str
    wall_s: float
    how: str
    alone: bool
    """No other worker was up: none was left that could have noticed."""
    on_s: float = 0.0
    """When it was continued; 0: never."""


@dataclass
class Told:
    """Times on the wall clock, by executor unless it says otherwise."""

    made: dict[str, str] = field(default_factory=dict)
    """Executor by life."""
    made_s: dict[str, float] = field(default_factory=dict)
    """By life."""
    up: dict[str, float] = field(default_factory=dict)
    silent: dict[str, tuple[float, str]] = field(default_factory=dict)
    heirs: defaultdict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    taken: defaultdict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    """With the run."""
    acts: defaultdict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    """By run: first steps in each process, with who did them."""


def told(log: bytes) -> Told:
    out = Told()
    for line in log.splitlines():
        try:
            said = json.loads(line)
            at_s = datetime.fromisoformat(said["at"]).timestamp()
            _note(out, said, at_s)
        except (ValueError, KeyError, TypeError):  # a line that a kill cut off, or another's
            continue
    return out


def _note(out: Told, said: dict[str, Any], at_s: float) -> None:
    match said["event"]:
        case "worker.made":
            out.made[said["life"]] = said["worker"]
            out.made_s[said["life"]] = at_s
        case "engine.started":
            out.up[said["worker"]] = at_s
        case "worker.silent":
            out.silent[said["worker"]] = at_s, said["by"]
        case "worker.inherited":
            out.heirs[said["worker"]].append((at_s, said["by"]))
        case "run.taken_over":
            out.taken[said["of"]].append((at_s, said["run"]))
        case "run.acts":
            out.acts[said["run"]].append((at_s, said["by"]))


@dataclass
class Takeover:
    """Seconds since the clock began, but for `chain_s`."""

    hurt: Hurt
    runs: int
    found_s: float
    """Since it was hurt: when another saw that it is dead."""
    heir_s: float
    back_s: float
    """When the last of its runs could go on."""
    on_s: float
    """When the last of them had gone on: its first step elsewhere began. Those that were hurt again before, aside."""
    chain_s: float
    """The same as `back_s`, since it was hurt itself."""
    restarts: int
    """How often the clock began again."""

    def line(self) -> str:
        return (
            f"{self.hurt.how} {self.hurt.life}: found {self.found_s:.2f}, heir {self.heir_s:.2f}, back {self.back_s:.2f}, "
            f"on {self.on_s:.2f}, of {self.runs} runs; clock begun again {self.restarts} times, chain {self.chain_s:.2f}"
        )


def takeovers(hurts: list[Hurt], found: Told) -> list[Takeover]:
    """Of those that lost runs to others, in the order in which they were hurt."""
    out: list[Takeover] = []
    for hurt in hurts:
        executor = found.made.get(hurt.life, "")
        taken = found.taken.get(executor)
        if not taken or executor not in found.silent:
            continue
        silent_s = found.silent[executor][0]
        if hurt.how == "stopped" and hurt.on_s and hurt.on_s < silent_s:
            continue
        if silent_s < hurt.wall_s:  # it was dead by another hurt before
            continue
        out.append(_takeover(hurt, executor, hurts, found))
    return out


def _takeover(hurt: Hurt, executor: str, hurts: list[Hurt], found: Told) -> Takeover:
    taken = found.taken[executor]
    back = max(at_s for at_s, _ in taken)
    heirs = found.heirs[executor]
    began, restarts = hurt.wall_s, 0
    for other in sorted(hurts, key=lambda one: one.wall_s):
        if not hurt.wall_s < other.wall_s < back:
            continue
        holds = [by for at_s, by in heirs if at_s <= other.wall_s]
        held = bool(holds) and found.made.get(other.life) == holds[-1]
        if other.alone or held:
            began, restarts = other.wall_s, restarts + 1
    on = [at for at in (_went_on(run, at_s, executor, hurts, found) for at_s, run in taken) if at]
    return Takeover(
        hurt=hurt,
        runs=len(taken),
        found_s=found.silent[executor][0] - hurt.wall_s,
        heir_s=max((at_s for at_s, _ in heirs if at_s <= back), default=found.silent[executor][0]) - began,
        back_s=back - began,
        on_s=max(on, default=back) - began,
        chain_s=back - hurt.wall_s,
        restarts=restarts,
    )


def _went_on(run: str, back_s: float, executor: str, hurts: list[Hurt], found: Told) -> float:
    """When a run acted again; 0: whoever had it next was hurt first, or there was no step left."""
    next_s = min((at_s for at_s, by in found.acts.get(run, ()) if at_s >= back_s and by != executor), default=0.0)
    again = [at_s for taken in found.taken.values() for at_s, one in taken if one == run and at_s > back_s]
    return 0.0 if any(at_s < next_s for at_s in again) else next_s
