"""The whole arrangement of a run: mock upstream, nginx and the gateway, each on its core."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from . import nginx
from .errors import BenchError
from .load import LoadResult, LoadSpec, Sample, run_load, sample
from .processes import (
    Process,
    raise_file_limit,
    require_free,
    start,
    stop,
    stop_on_sigterm,
    wait_ready,
)
from .settings import REPOSITORY, STREAM_INTERVAL_US, Settings
from .tools import Tools, build


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that answers chat completions, and the process its CPU time is read from."""

    name: str
    pid: int
    core: int
    port: int
    chat_path: str
    stream_path: str
    tls_port: int  # where the TLS row's requests go


class Rig:
    """Starts what a row needs and stops all of it at the end. Use `Rig.open`."""

    def __init__(self, settings: Settings, directory: Path, tools: Tools) -> None:
        self.settings = settings
        self.directory = directory
        self.tools = tools
        self._running: dict[str, Process] = {}

    @classmethod
    @contextlib.contextmanager
    def open(cls, settings: Settings) -> Generator[Rig]:
        """Build the tools, start mock and nginx; the gateway starts when first asked for."""
        stop_on_sigterm()
        raise_file_limit()
        os.sched_setaffinity(0, {settings.load_core})
        ports = settings.ports
        require_free(ports.mock, ports.nginx, ports.nginx_tls, ports.terminator, settings.port)
        directory = Path(tempfile.mkdtemp(prefix="bench-"))
        rig: Rig | None = None
        try:
            rig = cls(settings, directory, build(directory, settings))
            rig._start_surroundings()
            yield rig
        finally:
            if rig is not None:
                rig._stop_all()
            shutil.rmtree(directory, ignore_errors=True)

    def _start_surroundings(self) -> None:
        load_core, subject_core, ports = self.settings.load_core, self.settings.subject_core, self.settings.ports
        nginx.make_certificates(self.directory)
        command = [str(self.tools.mock), str(ports.mock), str(STREAM_INTERVAL_US)]
        mock = start("mock", command, core=load_core, log=self.directory / "mock.log")
        self._keep(mock, ports.mock, None)
        self._keep(nginx.start_terminator(self.directory, ports, core=load_core), ports.terminator, None)
        proxy = nginx.start_proxy(
            "nginx", self.directory, ports, port=ports.nginx, tls_port=ports.nginx_tls, core=subject_core
        )
        self._keep(proxy, ports.nginx, "/readyz")

    def _keep(self, process: Process, port: int, ready_path: str | None) -> float:
        self._running[process.name] = process
        return wait_ready(process, port, ready_path)

    def _stop_all(self) -> None:
        for process in reversed(list(self._running.values())):
            stop(process)
        self._running.clear()

    def _start_gateway_process(self) -> Process:
        settings = self.settings
        name, core = settings.gateway_name, settings.subject_core
        if settings.stand_in:
            return nginx.start_proxy(
                name, self.directory, settings.ports, port=settings.port, tls_port=settings.port + 1, core=core
            )
        return self._start_command(name, settings.gateway_command, settings.config, settings.port, self.directory)

    def _start_command(self, name: str, command: str, config: Path, port: int, home: Path) -> Process:
        """Start a gateway by its command; `home` is the directory of its own."""
        settings = self.settings
        parts = [
            part.format(python=sys.executable, config=config, port=port, dir=home) for part in shlex.split(command)
        ]
        environment = {
            "BENCH_DIR": str(home),
            "BENCH_MOCK_PORT": str(settings.ports.mock),
            "BENCH_PROBED_PORT": str(settings.ports.probed),
            "BENCH_TLS_PORT": str(settings.ports.terminator),
            "BENCH_TLS_CA": str(self.directory / "ca.pem"),
            "SSL_CERT_FILE": str(self.directory / "ca.pem"),
        }
        log = self.directory / f"{name}.log"
        return start(name, parts, core=settings.subject_core, log=log, cwd=REPOSITORY, environment=environment)

    def restart_gateway(self) -> float:
        """Stop the gateway if it runs and start it anew. Returns: seconds until it was ready."""
        running = self._running.pop(self.settings.gateway_name, None)
        if running is not None:
            stop(running)
        require_free(self.settings.port)
        process = self._start_gateway_process()
        return self._keep(process, self.settings.port, self.settings.ready_path or None)

    def gateway(self) -> Subject:
        """The gateway under test, started if need be."""
        settings = self.settings
        if settings.gateway_name not in self._running:
            self.restart_gateway()
        process = self._running[settings.gateway_name]
        if process.popen.poll() is not None:
            raise BenchError(f"{process.name} ended with code {process.popen.returncode}")
        stand_in = settings.stand_in
        return Subject(
            name=settings.gateway_name,
            pid=process.pid,
            core=settings.subject_core,
            port=settings.port,
            chat_path=settings.chat_path,
            stream_path=f"/stream{settings.chat_path}" if stand_in else settings.chat_path,
            tls_port=settings.port + 1 if stand_in else settings.port,
        )

    def beside(self, name: str, command: str, config: Path, port: int) -> Subject:
        """Start a further gateway, with a directory of its own; it runs until `end`, or the run's end."""
        home = self.directory / name
        home.mkdir(exist_ok=True)
        require_free(port)
        process = self._start_command(name, command, config, port, home)
        self._keep(process, port, self.settings.ready_path or None)
        path, core = self.settings.chat_path, self.settings.subject_core
        return Subject(
            name=name, pid=process.pid, core=core, port=port, chat_path=path, stream_path=path, tls_port=port
        )

    def end(self, subject: Subject) -> None:
        """Stop a gateway that `beside` started."""
        stop(self._running.pop(subject.name))

    def nginx(self) -> Subject:
        """nginx as a plain reverse proxy."""
        return Subject(
            name="nginx",
            pid=self._running["nginx"].pid,
            core=self.settings.subject_core,
            port=self.settings.ports.nginx,
            chat_path="/v1/chat/completions",
            stream_path="/stream/v1/chat/completions",
            tls_port=self.settings.ports.nginx_tls,
        )

    def direct(self) -> Subject:
        """The mock upstream itself, with nothing in between."""
        path, port = "/v1/chat/completions", self.settings.ports.mock
        return Subject(
            name="direct",
            pid=self._running["mock"].pid,
            core=self.settings.load_core,
            port=port,
            chat_path=path,
            stream_path=path,
            tls_port=port,
        )

    def subjects(self) -> list[Subject]:
        """nginx, then the gateway."""
        return [self.nginx(), self.gateway()]

    def sample(self, subject: Subject, port: int, spec: LoadSpec) -> Sample:
        """A load run with the subject's CPU time."""
        core = self.settings.load_core
        return sample(self.tools, port, spec, root=subject.pid, root_core=subject.core, core=core)

    def load(self, port: int, spec: LoadSpec, on_phase: Callable[[str], None]) -> LoadResult:
        """A load run without a look at the CPU."""
        core = self.settings.load_core
        return run_load(self.tools, port, spec, core=core, on_phase=on_phase)
