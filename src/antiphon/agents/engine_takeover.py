"""Signs of life, and taking over what a process without them was running.

A thread of its own beats, so that a busy loop is not taken for a dead process; where the loop hasn't turned for long, the
thread falls silent too. Others' clocks are never compared: a worker is silent when its last sign is still the same after
`dead_after_s` of watching.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from antiphon.agents import engine_alive
from antiphon.agents.engine_dbos import Durable
from antiphon.core.error import StoreError, VersionConflict
from antiphon.core.run import Beat, Run
from antiphon.core.run_store import RunStore
from antiphon.telemetry.metrics_agents import AgentMetrics

log = logging.getLogger(__name__)
HUNG_S = 60.0
"""A loop that hasn't turned for so long is as good as dead."""
DEATHS = 10
"""Processes that may die of one segment; then it is given up."""
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
        retired: Callable[[], None] = _exit,
    ) -> None:
        """`retired` is called when this process learns that others run its runs: it must not go on."""
        self._store, self._durable, self._metrics = store, durable, metrics
        self._every_s, self._dead_after_s, self._retired = heartbeat_s, dead_after_s, retired
        self._me = engine_alive.me(durable.executor)
        self._seen: dict[str, tuple[int, float]] = {}
        self._living: set[str] = set()
        self._looked_s = 0.0
        self._turned_s = time.monotonic()
        self._beaten_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runs-heart", daemon=True)
        self._quiet = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat once, then in a thread. Blocks. Raises: StoreError."""
        self._loop = loop
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Fall silent: others take over what this process left. Blocks for a beat at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5 * self._every_s)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            try:
                self.turn(time.monotonic())
                self._quiet = False
            except StoreError as error:
                if not self._quiet:
                    log.warning("runs.waiting", extra={"error": error.noted})
                self._quiet = True
            except Exception:
                log.exception("runs.unseen")
            stopping = self._stopping.wait(self._every_s)

    def turn(self, now_s: float) -> None:
        """Beat and look. Raises: StoreError."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._turned)
        if now_s - self._turned_s < HUNG_S and not self._beat():
            log.error("worker.retired", extra={"worker": self._me.worker})
            self._retired()
            return
        retired = self._look(now_s)
        mine = [one for one in retired if self._heir(one)]
        if mine:
            self._take_over(mine)

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
        self._living = {self._me.worker}
        for beat in self._store.beats():
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
        try:
            until_ns = time.time_ns() + DAY_NS
            self._store.put("", HEIRS, beat.worker, self._me.worker.encode(), expects=version, until_ns=until_ns)
        except VersionConflict:
            return False
        return True

    # --- what it was running

    def _take_over(self, retired: Sequence[Beat]) -> None:
        pending = self._durable.pending([one.worker for one in retired])
        going: dict[str, Run] = {}
        for workflow in pending:
            run = self._store.one(workflow.rpartition(".")[0])
            if run is None or run.status == "paused":
                self._durable.cancel(workflow)
            elif self._deaths(run, workflow) >= DEATHS:
                self._give_up(run, workflow)
            else:
                going[workflow] = run
        if going:
            self._durable.resume(list(going))
        for workflow, run in going.items():
            self._metrics.taken_over()
            log.warning("run.taken_over", extra={"run": run.id, "of": pending[workflow], "by": self._me.worker})
            self._died(run, workflow)
        if not pending:
            for one in retired:
                self._forget(one)

    def _forget(self, beat: Beat) -> None:
        """A process that can't come back needs no grave; others keep theirs for a day."""
        gone = beat.host == self._me.host and not engine_alive.alive(beat)
        if gone or time.time_ns() - beat.at_ns > DAY_NS:
            self._store.forget_worker(beat.worker)
            self._store.drop("", HEIRS, beat.worker)

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
