"""Signs of life, and taking over what a process without them was running.

A thread of its own beats, so that neither a busy loop nor a long takeover is taken for a dead process; where the loop hasn't
turned for long, the thread falls silent too. Another looks for dead ones. Others' clocks are never compared: a worker is
silent when its last sign is still the same after `dead_after_s` of watching.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from antiphon.agents.engine import alive as engine_alive
from antiphon.agents.engine.dbos import Durable
from antiphon.core.error import StoreError, VersionConflict
from antiphon.core.run import Beat, Run
from antiphon.core.run_store import RunStore
from antiphon.telemetry.metrics_agents import AgentMetrics

log = logging.getLogger(__name__)
HUNG_S = 60.0
"""A loop that hasn't turned for so long is as good as dead."""
DEATHS = 10
"""Processes that may die of one segment; then it is given up."""
LOOKS = 2
"""At others, to a beat of one's own: the sooner one is seen to be silent."""
FIRST_S = 1.0
"""For so long runs that were taken over may take what room there is, before any that begins."""
GRAVE_S = 1.0
"""Between two looks at what was left by one that had left nothing."""
SPACE = "engine/takeovers"
DAY_NS = 86_400_000_000_000
HEIRS = "engine/heirs"
"""Who takes over from a worker that was retired; whoever finds that one dead too takes its place."""
RETIRED_EXIT = 70


def _exit() -> None:
    os._exit(RETIRED_EXIT)


class Takeover:
    """One process's heart and eyes."""

    def __init__(
        self,
        store: RunStore,
        durable: Durable,
        metrics: AgentMetrics,
        *,
        heartbeat_s: float,
        dead_after_s: float,
        first: Callable[[float], None],
        retired: Callable[[], None] = _exit,
    ) -> None:
        """
        Args:
            first: Called on the loop of this process: for so many seconds nothing may begin, as runs were taken over.
            retired: Called when this process learns that others run its runs: it must not go on.
        """
        self._first, self._begun = first, False
        self._store, self._durable, self._metrics = store, durable, metrics
        self._every_s, self._dead_after_s, self._retired = heartbeat_s, dead_after_s, retired
        self._me = engine_alive.me(durable.executor)
        self._seen: dict[str, tuple[int, float]] = {}
        self._living: set[str] = set()
        self._known: set[str] = set()
        self._looked_s = 0.0
        self._turned_s = time.monotonic()
        self._beaten_s = 0.0
        self._graves: dict[str, float] = {}
        """Those that had left nothing: when they are looked at again. One that wakes up may have been given something."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        heart, eyes = (self._live, heartbeat_s), (self._watch, heartbeat_s / LOOKS)
        self._threads = [
            threading.Thread(target=self._again, args=heart, name="runs-heart", daemon=True),
            threading.Thread(target=self._again, args=eyes, name="runs-eyes", daemon=True),
        ]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat once, then in a thread: before this process is given anything to run. Blocks. Raises: StoreError."""
        self._loop = loop
        self._beat()
        self._threads[0].start()

    def watch(self) -> None:
        """Look for dead ones, in a thread: once the journal is there."""
        self._threads[1].start()

    def stop(self) -> None:
        """Fall silent: others take over what this process left. Blocks for a beat at most."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5 * self._every_s)

    def _again(self, work: Callable[[float], None], every_s: float) -> None:
        """Do it until this process stops. What the store doesn't answer is tried again, and told once."""
        quiet = stopping = False
        while not stopping:
            try:
                work(time.monotonic())
                quiet = False
            except StoreError as error:
                if not quiet:
                    log.warning("runs.waiting", extra={"error": error.noted})
                quiet = True
            except Exception:
                log.exception("runs.unseen")
            stopping = self._stopping.wait(every_s)

    def _live(self, now_s: float) -> None:
        """Beat, unless the loop hangs. Raises: StoreError."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._turned)
        if now_s - self._turned_s < HUNG_S and not self._beat():
            log.error("worker.retired", extra={"worker": self._me.worker})
            self._retired()

    def _watch(self, now_s: float) -> None:
        """Look who is dead, and take over what this process is the heir of. Raises: StoreError."""
        retired = self._look(now_s)
        mine = [one for one in retired if now_s >= self._graves.get(one.worker, 0.0) and self._heir(one)]
        taken = self._take_over(mine, now_s) if mine else 0
        if self._loop is not None and (taken or not self._begun):
            self._begun = True
            self._loop.call_soon_threadsafe(self._first, FIRST_S if taken else 0.0)

    @property
    def sure(self) -> bool:
        """Whether nobody can have taken this process for dead. False: its last sign of life is too old, as after a sleep."""
        return engine_alive.awake_s() - self._beaten_s < self._dead_after_s

    def _beat(self) -> bool:
        """Returns: whether this process may go on. Raises: StoreError."""
        before_s = engine_alive.awake_s()
        may = self._store.beat(replace(self._me, at_ns=time.time_ns()))
        if may:
            self._beaten_s = before_s
        return may

    def _turned(self) -> None:
        self._turned_s = time.monotonic()

    # --- who is dead

    def _look(self, now_s: float) -> list[Beat]:
        """Those that are retired, by this process too."""
        if now_s - self._looked_s > self._dead_after_s:  # this process slept itself, or just began
            self._seen.clear()
        self._looked_s = now_s
        retired: list[Beat] = []
        found = self._store.beats()
        self._living, self._known = {self._me.worker}, {one.worker for one in found}
        for beat in found:
            if beat.worker == self._me.worker:
                continue
            if beat.retired or (self._silent(beat, now_s) and self._retire(beat)):
                retired.append(beat)
            else:
                self._living.add(beat.worker)
        return retired

    def _silent(self, beat: Beat, now_s: float) -> bool:
        if beat.host == self._me.host and not engine_alive.alive(beat):
            return True
        seen = self._seen.get(beat.worker)
        if seen is None or seen[0] != beat.at_ns:
            self._seen[beat.worker] = beat.at_ns, now_s
            return False
        return now_s - seen[1] > self._dead_after_s

    def _retire(self, beat: Beat) -> bool:
        if not self._store.retire(beat.worker, beat.at_ns):
            return False
        log.warning("worker.silent", extra={"worker": beat.worker, "by": self._me.worker})
        if beat.host == self._me.host:
            engine_alive.kill(beat)
        return True

    def _heir(self, beat: Beat) -> bool:
        """Whether this process takes over from a retired worker: one does, and the next only when that one is dead."""
        found = self._store.value("", HEIRS, beat.worker, time.time_ns())
        heir, version = (found[0].decode(), found[1]) if found else ("", 0)
        if heir in self._living:
            return heir == self._me.worker
        if heir and heir not in self._known and heir in {one.worker for one in self._store.beats()}:
            return False  # it has just begun: the next look sees how it is
        try:
            until_ns = time.time_ns() + DAY_NS
            self._store.put("", HEIRS, beat.worker, self._me.worker.encode(), expects=version, until_ns=until_ns)
        except VersionConflict:
            return False
        log.info("worker.inherited", extra={"worker": beat.worker, "by": self._me.worker})
        return True

    # --- what it was running

    def _take_over(self, retired: Sequence[Beat], now_s: float) -> int:
        """Returns: how many runs."""
        pending = self._durable.pending([one.worker for one in retired])
        going: dict[str, Run] = {}
        queued: list[str] = []
        for workflow in pending:
            run = self._store.one(workflow.rpartition(".")[0])
            if run is None or run.status == "paused":
                self._durable.cancel(workflow)
            elif self._deaths(run, workflow) >= DEATHS:
                self._give_up(run, workflow)
            elif run.status == "running":
                going[workflow] = run
            else:
                queued.append(workflow)
        self._durable.take_over(list(going))
        self._durable.resume(queued)
        for workflow, run in going.items():
            self._metrics.taken_over()
            log.warning("run.taken_over", extra={"run": run.id, "of": pending[workflow], "by": self._me.worker})
        for workflow, run in going.items():
            self._died(run, workflow)
        left = set(pending.values())
        for one in retired:
            if one.worker not in left:
                self._graves[one.worker] = now_s + GRAVE_S
                self._forget(one)
        return len(going)

    def _forget(self, beat: Beat) -> None:
        """A process that can't come back needs no grave; others keep theirs for a day."""
        gone = beat.host == self._me.host and not engine_alive.alive(beat)
        if gone or time.time_ns() - beat.at_ns > DAY_NS:
            self._store.forget_worker(beat.worker)
            self._store.drop("", HEIRS, beat.worker)
            self._graves.pop(beat.worker, None)

    def _deaths(self, run: Run, workflow: str) -> int:
        """How many processes died of a segment before."""
        found = self._store.value(run.tenant, SPACE, workflow, time.time_ns())
        return int(found[0]) if found else 0

    def _died(self, run: Run, workflow: str) -> None:
        deaths = str(1 + self._deaths(run, workflow)).encode()
        self._store.put(run.tenant, SPACE, workflow, deaths, until_ns=time.time_ns() + DAY_NS)

    def _give_up(self, run: Run, workflow: str) -> None:
        self._durable.cancel(workflow)
        now = time.time_ns()
        why = f"{DEATHS} processes that ran its segment {run.segment} died; see their logs, then fork it"
        failed = replace(run, status="failed", stop="error", why=why, owner="", wait=None, ended_ns=now, updated_ns=now)
        if self._store.save(failed, run.segment, (run.status,)):
            self._metrics.ended(run.agent, "failed", "error")
            log.error("run.given_up", extra={"run": run.id})
