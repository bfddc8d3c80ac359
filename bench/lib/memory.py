"""Memory of a subject's processes: resident (RSS) and proportional (PSS) set sizes."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .cpu import process_tree
from .settings import without_paths

PROC = Path("/proc")
# multiprocessing's helper of a supervisor: no worker
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


@dataclass(frozen=True)
class ProcessMemory:
    """One process. Sizes in bytes; PSS shares pages evenly among the processes that map them."""

    pid: int
    role: str  # "supervisor", "worker" or "helper"
    name: str
    command: str
    rss_bytes: int
    pss_bytes: int


@dataclass(frozen=True)
class TreeMemory:
    """All processes of a subject at one moment."""

    processes: list[ProcessMemory]

    @property
    def pss_bytes(self) -> int:
        return sum(process.pss_bytes for process in self.processes)

    @property
    def workers(self) -> list[ProcessMemory]:
        return [process for process in self.processes if process.role == "worker"]

    def as_json(self, directory: Path) -> list[dict[str, object]]:
        """The processes for a published result: no pids, no paths."""
        rows: list[dict[str, object]] = []
        for process in self.processes:
            row: dict[str, object] = asdict(process)
            del row["pid"]
            row["command"] = without_paths(process.command, directory)
            rows.append(row)
        return rows


def _rollup_bytes(pid: int) -> dict[str, int]:
    """Fields of smaps_rollup in bytes. Raises OSError when the process has ended."""
    fields: dict[str, int] = {}
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        fields[name] = int(rest.split()[0]) * 1024
    return fields


def _command(pid: int) -> str:
    parts = (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return b" ".join(parts).decode(errors="replace")


def _describe(pid: int) -> ProcessMemory:
    """Memory of one process, its role yet open. Raises OSError when the process has ended."""
    command = _command(pid)
    fields = _rollup_bytes(pid)
    name = (PROC / str(pid) / "comm").read_text().strip()
    role = "helper" if any(helper in command for helper in HELPERS) else "worker"
    return ProcessMemory(pid, role, name, command, fields.get("Rss", 0), fields.get("Pss", 0))


def take(root: int) -> TreeMemory:
    """Memory of a process and its descendants; a process without workers is its own worker."""
    processes: list[ProcessMemory] = []
    for pid in process_tree(root):
        with contextlib.suppress(OSError):  # ended since the tree was listed
            processes.append(_describe(pid))
    workers = [process for process in processes if process.role == "worker"]
    if len(workers) > 1 and workers[0].pid == root:
        processes[0] = replace(workers[0], role="supervisor")
    return TreeMemory(processes)
