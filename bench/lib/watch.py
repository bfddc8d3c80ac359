"""Watching a gateway's memory during a long load."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import memory
from .load import LoadResult, LoadSpec
from .memory import TreeMemory
from .rig import Rig
from .row import Row, Target

MB = 1_000_000
ALLOWED_FRACTION = 0.05
ALLOWED_BYTES = 4 * MB
MIN_READINGS = 10  # with fewer, a tenth of the phase has no reading of its own


@dataclass(frozen=True)
class Phase:
    """A number of like requests."""

    name: str
    body: str
    count: int
    connections: int
    stream: bool


@dataclass
class Watch:
    """Reads the memory of a process tree at intervals, in a thread of its own."""

    pid: int
    every_s: float
    readings: list[tuple[float, TreeMemory]] = field(
        default_factory=list[tuple[float, TreeMemory]]
    )  # seconds since start
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        began = time.monotonic()
        while True:
            self.readings.append((time.monotonic() - began, memory.take(self.pid)))
            if self._stopped.wait(self.every_s):
                return

    def stop(self) -> None:
        self._stopped.set()

    def pss_bytes(self) -> list[int]:
        return [tree.pss_bytes for _, tree in self.readings]

    def as_json(self, directory: Path) -> dict[str, object]:
        """The whole series: for each reading the PSS of each process, in bytes."""
        return {
            "processes": self.readings[-1][1].as_json(directory),
            "readings": [
                {
                    "at_s": round(at_s, 1),
                    "pss_bytes": [process.pss_bytes for process in tree.processes],
                }
                for at_s, tree in self.readings
            ],
        }


def growth(readings: list[int]) -> tuple[int, int]:
    """Value at the first tenth of a series, and the largest of its last half."""
    return readings[len(readings) // 10], max(readings[len(readings) // 2 :])


def _load(rig: Rig, phase: Phase, watch: Watch) -> LoadResult:
    gateway = rig.gateway()
    spec = LoadSpec(
        path=gateway.stream_path if phase.stream else gateway.chat_path,
        body=phase.body,
        connections=phase.connections,
        seconds=0,
        warmup=0,
        requests=phase.count,
        stream=phase.stream,
    )
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        return rig.load(gateway.port, spec, lambda _: None)
    finally:
        watch.stop()
        thread.join()


def soak(rig: Rig, phase: Phase, every_s: float) -> Row:
    """Run one phase to its end and judge the memory readings."""
    gateway = rig.gateway()
    watch = Watch(gateway.pid, every_s)
    result = _load(rig, phase, watch)
    readings = watch.pss_bytes()
    early, late = growth(readings)
    allowed = max(ALLOWED_FRACTION * early, ALLOWED_BYTES)
    figures = {
        "pss_at_tenth_mb": early / MB,
        "pss_max_of_last_half_mb": late / MB,
        "pss_at_end_mb": readings[-1] / MB,
        "requests": float(result.requests),
        "requests_per_s": result.rps,
        "p99_us": float(result.p99_us),
    }
    notes: list[str] = []
    if len(readings) < MIN_READINGS:
        notes.append(f"only {len(readings)} readings: take more requests or a shorter --every")
    return Row(
        name=f"soak-{phase.name}",
        title=f"{phase.count:,} {phase.name}",
        figures={gateway.name: figures},
        measure="growth of PSS after the first tenth, MB",
        value=(late - early) / MB,
        target=Target("at most", round(allowed / MB, 3)),
        details=watch.as_json(rig.directory),
        faults=result.faults(),
        notes=notes,
    )
