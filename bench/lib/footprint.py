"""Rows about the standing gateway: time to ready, idle memory, memory of open streams."""

from __future__ import annotations

import time
from statistics import median

from . import memory
from .load import LoadResult, LoadSpec
from .rig import Rig, Subject
from .row import Plan, Row, Target

OPEN_STREAMS = 1000
SETTLE_S = 2.0  # from ready to the reading of idle memory
MB = 1_000_000
KB = 1_000


def ready(rig: Rig, plan: Plan) -> Row:
    """Time from the start of the process until GET /readyz is 200, asked every 2 ms."""
    times = [round(rig.restart_gateway(), 4) for _ in range(plan.rounds)]
    name = rig.settings.gateway_name
    return Row(
        name="ready",
        title="time to ready",
        figures={name: {"ready_s": median(times), "slowest_s": max(times)}},
        measure="time to ready, s",
        value=median(times),
        target=Target("under", 1.0),
        rounds={name: {"ready_s": times}},
    )


def idle_memory(rig: Rig, plan: Plan) -> Row:
    """Memory of a fresh gateway that has served nothing."""
    del plan  # one reading: it does not vary
    rig.restart_gateway()
    gateway = rig.gateway()
    time.sleep(SETTLE_S)
    tree = memory.take(gateway.pid)
    largest = max(tree.workers, key=lambda worker: worker.rss_bytes)
    figures = {
        "worker_rss_mb": largest.rss_bytes / MB,
        "worker_pss_mb": largest.pss_bytes / MB,
        "all_pss_mb": tree.pss_bytes / MB,
        "workers": float(len(tree.workers)),
    }
    return Row(
        name="idle-memory",
        title="memory, idle worker",
        figures={gateway.name: figures, "nginx": {"all_pss_mb": _pss(rig.nginx()) / MB}},
        measure="RSS of the largest worker, MB",
        value=largest.rss_bytes / MB,
        target=Target("at most", 90),
        details={"processes": tree.as_json(rig.directory)},
    )


def _pss(subject: Subject) -> int:
    return memory.take(subject.pid).pss_bytes


def warm(rig: Rig, subject: Subject) -> None:
    """A few streams, so that what a first stream loads is not charged to the thousand."""
    spec = LoadSpec(
        path=subject.stream_path,
        body="stream-1k-burst.json",
        connections=16,
        seconds=0,
        warmup=0,
        requests=64,
        stream=True,
    )
    rig.load(subject.port, spec, lambda _: None)
    time.sleep(1)


def hold_streams(rig: Rig, subject: Subject) -> tuple[float, LoadResult]:
    """Bytes of PSS for each of OPEN_STREAMS streams with an event a second, and the load run."""
    before = _pss(subject)
    during = 0

    def read(phase: str) -> None:
        nonlocal during
        if phase == "measuring":
            time.sleep(1.5)
            during = _pss(subject)

    spec = LoadSpec(
        path=subject.stream_path,
        body="stream-1k-slow.json",
        connections=OPEN_STREAMS,
        seconds=3,
        warmup=3,
        stream=True,
    )
    result = rig.load(subject.port, spec, read)
    return (during - before) / OPEN_STREAMS, result


def stream_memory(rig: Rig, plan: Plan) -> Row:
    """Memory that each of 1,000 open streams takes, in a fresh gateway."""
    del plan
    rig.restart_gateway()
    row = Row(
        name="stream-memory",
        title="memory, open stream",
        figures={},
        measure=f"PSS growth / {OPEN_STREAMS} streams, KB",
        value=None,
        target=Target("at most", 40),
    )
    for subject in rig.subjects():
        warm(rig, subject)
        size, result = hold_streams(rig, subject)
        row.figures[subject.name] = {
            "kb_per_stream": size / KB,
            "open_streams": float(result.open_streams),
        }
        row.faults += [f"{subject.name}: {fault}" for fault in result.faults()]
        if result.open_streams < OPEN_STREAMS:
            row.faults.append(f"{subject.name}: only {result.open_streams} streams were open")
    row.value = row.figures[rig.settings.gateway_name]["kb_per_stream"]
    return row
