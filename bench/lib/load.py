"""Runs of the load tool, with the subject's CPU clock read around the measured window."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, fields

from .cpu import CpuReading, CpuUse, between
from .errors import BenchError
from .processes import pinned
from .tools import Tools


@dataclass(frozen=True, kw_only=True)
class LoadSpec:
    """What to send. `seconds` 0 means until `requests` are done; `requests` 0 means no limit."""

    path: str
    body: str
    connections: int
    seconds: float
    warmup: float = 1.0
    requests: int = 0
    stream: bool = False


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """The load tool's report; times in microseconds."""

    connections: int
    elapsed_s: float
    requests: int
    rps: float
    p50_us: int
    p90_us: int
    p99_us: int
    p999_us: int
    max_us: int
    first_byte_p50_us: int
    first_byte_p99_us: int
    events: int
    events_per_s: float
    reads: int
    bytes: int
    errors: int
    non200: int
    short_streams: int
    open_streams: int
    min_per_connection: int
    max_per_connection: int
    first_error: str

    def faults(self) -> list[str]:
        """What went wrong, in words; empty when every request was answered well."""
        found = {
            "errors": self.errors,
            "answers other than 200": self.non200,
            "short streams": self.short_streams,
        }
        text = [f"{count} {what}" for what, count in found.items() if count]
        if text and self.first_error:
            text.append(f"first error: {self.first_error}")
        return text


def _command(tools: Tools, port: int, spec: LoadSpec) -> list[str]:
    command = [str(tools.load), "--port", str(port), "--path", spec.path]
    command += ["--body", str(tools.bodies / spec.body)]
    command += ["--headers", str(tools.bodies / "headers.txt")]
    command += ["--connections", str(spec.connections)]
    command += ["--seconds", str(spec.seconds), "--warmup", str(spec.warmup)]
    if spec.requests:
        command += ["--requests", str(spec.requests)]
    if spec.stream:
        command.append("--stream")
    return command


def run_load(tools: Tools, port: int, spec: LoadSpec, *, core: int, on_phase: Callable[[str], None]) -> LoadResult:
    """Run the load tool on one core.

    Args:
        on_phase: Called with "measuring" when the warm-up is over and with "finished" at the end
            of the measured window, while the tool waits for nobody.
    """
    with pinned(core):
        popen = subprocess.Popen(_command(tools, port, spec), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert popen.stdout
    assert popen.stderr
    try:
        said: list[str] = []
        for line in popen.stderr:
            said.append(line)
            if line.strip() in ("measuring", "finished"):
                on_phase(line.strip())
        output = popen.stdout.read()
        if popen.wait() != 0:
            raise BenchError(f"the load tool failed:\n{''.join(said)}")
    finally:
        popen.kill()
        popen.wait()
    report = json.loads(output)
    return LoadResult(**{field.name: report[field.name] for field in fields(LoadResult)})


@dataclass(frozen=True)
class Sample:
    """One load run and what it cost the subject."""

    load: LoadResult
    cpu: CpuUse

    @property
    def requests_per_cpu_s(self) -> float:
        return self.load.requests / self.cpu.seconds if self.cpu.seconds else 0.0

    @property
    def events_per_cpu_s(self) -> float:
        return self.load.events / self.cpu.seconds if self.cpu.seconds else 0.0

    @property
    def reads_per_stream(self) -> float:
        """Reads by the client for each 51 events: 51 when each event was relayed by itself."""
        return 51 * self.load.reads / self.load.events if self.load.events else 0.0


def sample(tools: Tools, port: int, spec: LoadSpec, *, root: int, root_core: int, core: int) -> Sample:
    """Run the load tool on `core`; read the CPU clock of process `root`, which has `root_core`,
    around the measured window."""
    readings: dict[str, CpuReading] = {}

    def read_clock(phase: str) -> None:
        readings[phase] = CpuReading.take(root, root_core)

    result = run_load(tools, port, spec, core=core, on_phase=read_clock)
    return Sample(result, between(readings["measuring"], readings["finished"]))
