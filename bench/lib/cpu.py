"""CPU time of a subject: all threads of its process and of all descendants."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CPUCLOCK_SCHED = 2  # Linux include/linux/posix-timers_types.h


def _parent(pid: int) -> int | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])  # the name in parentheses may hold spaces


def process_tree(root: int) -> list[int]:
    """The process and all its living descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            parent = _parent(int(entry.name))
            if parent is not None:
                children.setdefault(parent, []).append(int(entry.name))
    tree = [root]
    for pid in tree:
        tree.extend(sorted(children.get(pid, [])))
    return tree


def _process_ns(pid: int) -> int | None:
    """CPU time of all threads of a process, also of those that ended; None when it is gone.

    The sum of /proc/<pid>/task/*/schedstat holds the same counter (the scheduler's
    sum_exec_runtime, in ns) but forgets the threads that ended.
    Source: clock_getcpuclockid(3); Linux include/linux/posix-timers.h, make_process_cpuclock.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        return None


def core_busy_s(core: int) -> float:
    """Time a core was not idle since boot, by all processes and the kernel, in 10 ms steps.

    Source: proc_stat(5): user nice system idle iowait irq softirq steal, in clock ticks.
    """
    for line in (PROC / "stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _, _, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return 0.0


@dataclass(frozen=True)
class CpuReading:
    """CPU time by process, and of everything on the subject's core, at one moment."""

    ns_by_pid: dict[int, int]
    core_busy_s: float

    @classmethod
    def take(cls, root: int, core: int) -> CpuReading:
        clocks = {pid: _process_ns(pid) for pid in process_tree(root)}
        known = {pid: ns for pid, ns in clocks.items() if ns is not None}
        return cls(known, core_busy_s(core))


@dataclass(frozen=True)
class CpuUse:
    """CPU used between two readings. `ended` lists processes that ended in between: what they
    used after the first reading is lost, as is all of a process that came and went."""

    seconds: float
    busiest_s: float  # what the busiest of its processes used: the worker, where there is one
    others_seconds: float  # what everything else used of the subject's core
    ended: list[int]


def between(before: CpuReading, after: CpuReading) -> CpuUse:
    """CPU time used from one reading to the next; processes new in between count in full."""
    by_pid = {pid: ns - before.ns_by_pid.get(pid, 0) for pid, ns in after.ns_by_pid.items()}
    used = sum(by_pid.values())
    ended = [pid for pid in before.ns_by_pid if pid not in after.ns_by_pid]
    others_s = after.core_busy_s - before.core_busy_s - used / 1e9
    return CpuUse(used / 1e9, max(by_pid.values(), default=0) / 1e9, max(0.0, others_s), ended)


QUIET_FRACTION = 0.1


def wait_quiet(cores: Sequence[int], patience_s: float) -> None:
    """Wait until none of the cores was busier than QUIET_FRACTION for a second, or until patience ends."""
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        before = [core_busy_s(core) for core in cores]
        time.sleep(1)
        if all(core_busy_s(core) - was < QUIET_FRACTION for core, was in zip(cores, before, strict=True)):
            return
