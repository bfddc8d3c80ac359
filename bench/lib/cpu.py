"""CPU time of a subject: all threads of its process and of all descendants."""

from __future__ import annotations

import time
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


@dataclass(frozen=True)
class CpuReading:
    """CPU time by process at one moment."""

    ns_by_pid: dict[int, int]

    @classmethod
    def take(cls, root: int) -> CpuReading:
        clocks = {pid: _process_ns(pid) for pid in process_tree(root)}
        return cls({pid: ns for pid, ns in clocks.items() if ns is not None})


@dataclass(frozen=True)
class CpuUse:
    """CPU used between two readings. `ended` lists processes that ended in between: what they
    used after the first reading is lost, as is all of a process that came and went."""

    seconds: float
    ended: list[int]


def between(before: CpuReading, after: CpuReading) -> CpuUse:
    """CPU time used from one reading to the next; processes new in between count in full."""
    used = 0
    for pid, ns in after.ns_by_pid.items():
        used += ns - before.ns_by_pid.get(pid, 0)
    ended = [pid for pid in before.ns_by_pid if pid not in after.ns_by_pid]
    return CpuUse(used / 1e9, ended)
