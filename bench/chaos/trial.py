"""One subject under the load: with the noisy tenant, then without it."""

from __future__ import annotations

import asyncio
import shlex
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from lib import cpu
from lib.processes import Process, require_free, start, stop, wait_ready
from lib.settings import REPOSITORY, Settings

from . import sockets
from .answers import expected
from .fleet import Fleet, Received, between, tally
from .load import Aim, Outcome, fire
from .receipts import Receipts, compare, stored
from .settings import NOISY, Chaos
from .shots import Shot, shots, without_noisy
from .subjects import Subject

SETTLE_S = 6.0
"""The longest to wait after the load until nothing is open; a little more than the deadlines of the subjects."""
NOTICED_S = 2.0
START_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Left:
    """What was still open when everybody should have been done, and after the subject's end."""

    callers: int
    half_closed: int
    running: int  # requests at the labs
    after_stop: int
    pooled: int  # kept connections to the labs, which is no fault

    @property
    def total(self) -> int:
        return self.callers + self.half_closed + self.running + self.after_stop


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One load on a fresh subject."""

    outcomes: list[Outcome]
    load_s: float  # until the last request was sent
    elapsed_s: float  # until the last answer
    received: Received
    dead_after_learning: int | None  # attempts at dead labs from `learn_s` on; None when the load was shorter
    cpu_s: float
    left: Left
    receipts: Receipts | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A subject's phases. The healthy fleet needs no second one."""

    name: str
    loud: Phase
    quiet: Phase | None
    note: str

    @property
    def others(self) -> list[Outcome]:
        """What came of the other tenants' requests beside the noisy one's."""
        return [one for one in self.loud.outcomes if one.tenant != NOISY]


@dataclass(frozen=True)
class Stage:
    """Where trials take place."""

    settings: Settings
    chaos: Chaos
    fleet: Fleet
    directory: Path

    def measure(self, subject: Subject) -> Measured:
        """Both phases of a subject."""
        planned = shots(self.chaos)
        quiet = None
        loud = self._phase(subject, planned, "loud")
        if subject.name != "healthy":
            quiet = self._phase(subject, without_noisy(planned), "quiet")
        return Measured(name=subject.name, loud=loud, quiet=quiet, note=subject.note)

    def _phase(self, subject: Subject, planned: list[Shot], phase: str) -> Phase:
        home = self.directory / f"{subject.name}-{phase}"
        home.mkdir()
        self.fleet.reset()
        before = self.fleet.tallies()
        process = self._start(subject, home)
        try:
            clock = cpu.CpuReading.take(process.pid, self.settings.subject_core)
            watch = DeadWatch(self.fleet, self.chaos.learn_s)
            began_s = time.monotonic()
            outcomes = uvloop.run(self._fire(subject, planned, watch))
            elapsed_s = time.monotonic() - began_s
            used = cpu.between(clock, cpu.CpuReading.take(process.pid, self.settings.subject_core))
            settled = self._settled()
        finally:
            stop(process)
        after = self.fleet.tallies()
        return Phase(
            outcomes=outcomes,
            load_s=planned[-1].at_s if planned else 0.0,
            elapsed_s=elapsed_s,
            received=between(before, after),
            dead_after_learning=watch.since(),
            cpu_s=used.seconds,
            left=self._left(settled),
            receipts=compare(outcomes, stored(home)) if subject.receipts else None,
        )

    def _start(self, subject: Subject, home: Path) -> Process:
        port = self.settings.port
        require_free(port)
        config = home / "config.yaml"
        config.write_text(subject.config())
        command = subject.command.format(python=sys.executable, config=config, port=port, dir=home)
        process = start(
            subject.name,
            shlex.split(command),
            core=self.settings.subject_core,
            log=home / "log",
            cwd=REPOSITORY,
            environment={"BENCH_DIR": str(home), **subject.environment},
        )
        try:
            wait_ready(process, port, subject.ready_path or None, timeout_s=START_S)
        except BaseException:
            stop(process)
            raise
        return process

    async def _fire(self, subject: Subject, planned: list[Shot], watch: DeadWatch) -> list[Outcome]:
        chaos = self.chaos
        aim = Aim(port=self.settings.port, headers=subject.headers, timeout_s=chaos.timeout_s)
        expect = partial(expected, seed=chaos.seed, answer_tokens=chaos.answer_tokens)
        return await fire(planned, aim, expect, watch.run)

    def _settled(self) -> tuple[sockets.Ends, int]:
        """What is open when nothing closes any more: ends of connections, requests running at labs."""
        end_s = time.monotonic() + SETTLE_S
        while True:
            ends = sockets.ends(sockets.listed(), self.settings.port, self.fleet.ports)
            running = sum(tally.running for tally in self.fleet.tallies().values())
            if time.monotonic() > end_s or not (ends.callers or ends.half_closed or running):
                return ends, running
            time.sleep(0.2)

    def _left(self, settled: tuple[sockets.Ends, int]) -> Left:
        ends, running = settled
        stopped = self._stopped()
        return Left(
            callers=ends.callers,
            half_closed=ends.half_closed,
            running=running,
            after_stop=stopped.callers + stopped.pooled + stopped.half_closed,
            pooled=ends.pooled,
        )

    def _stopped(self) -> sockets.Ends:
        """What is open after the subject's end, when its ends of connections have had time to be noticed."""
        end_s = time.monotonic() + NOTICED_S
        while True:
            ends = sockets.ends(sockets.listed(), self.settings.port, self.fleet.ports)
            if time.monotonic() > end_s or not (ends.callers or ends.pooled or ends.half_closed):
                return ends
            time.sleep(0.1)


class DeadWatch:
    """Counts attempts at dead labs once the gateway has had time to learn."""

    def __init__(self, fleet: Fleet, learn_s: float) -> None:
        self._dead = fleet.of_kind("dead")
        self._learn_s = learn_s
        self._learnt: int | None = None

    def _count(self) -> int:
        return sum(tally(lab).requests for lab in self._dead)

    async def run(self) -> None:
        """Look once, `learn_s` after the start of the load."""
        await asyncio.sleep(self._learn_s)
        self._learnt = await asyncio.to_thread(self._count)

    def since(self) -> int | None:
        """Attempts since then."""
        return None if self._learnt is None else self._count() - self._learnt
