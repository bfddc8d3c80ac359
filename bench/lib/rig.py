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
from .settings import (
    MOCK_PORT,
    NGINX_PORT,
    NGINX_TLS_PORT,
    REPOSITORY,
    STREAM_INTERVAL_US,
    TERMINATOR_PORT,
    Settings,
)
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
        require_free(MOCK_PORT, NGINX_PORT, NGINX_TLS_PORT, TERMINATOR_PORT, settings.port)
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
        load_core, subject_core = self.settings.load_core, self.settings.subject_core
        nginx.make_certificates(self.directory)
        command = [str(self.tools.mock), str(MOCK_PORT), str(STREAM_INTERVAL_US)]
        mock = start("mock", command, core=load_core, log=self.directory / "mock.log")
        self._keep(mock, MOCK_PORT, None)
        self._keep(nginx.start_terminator(self.directory, core=load_core), TERMINATOR_PORT, None)
        proxy = nginx.start_proxy("nginx", self.directory, port=NGINX_PORT, tls_port=NGINX_TLS_PORT, core=subject_core)
        self._keep(proxy, NGINX_PORT, "/readyz")

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
            return nginx.start_proxy(name, self.directory, port=settings.port, tls_port=settings.port + 1, core=core)
        command = [
            part.format(
                python=sys.executable,
                config=settings.config,
                port=settings.port,
                dir=self.directory,
            )
            for part in shlex.split(settings.gateway_command)
        ]
        environment = {
            "BENCH_DIR": str(self.directory),
            "BENCH_TLS_PORT": str(TERMINATOR_PORT),
            "BENCH_TLS_CA": str(self.directory / "ca.pem"),
            "SSL_CERT_FILE": str(self.directory / "ca.pem"),
        }
        log = self.directory / f"{name}.log"
        return start(name, command, core=core, log=log, cwd=REPOSITORY, environment=environment)

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

    def nginx(self) -> Subject:
        """nginx as a plain reverse proxy."""
        return Subject(
            name="nginx",
            pid=self._running["nginx"].pid,
            core=self.settings.subject_core,
            port=NGINX_PORT,
            chat_path="/v1/chat/completions",
            stream_path="/stream/v1/chat/completions",
            tls_port=NGINX_TLS_PORT,
        )

    def direct(self) -> Subject:
        """The mock upstream itself, with nothing in between."""
        path = "/v1/chat/completions"
        return Subject(
            name="direct",
            pid=self._running["mock"].pid,
            core=self.settings.load_core,
            port=MOCK_PORT,
            chat_path=path,
            stream_path=path,
            tls_port=MOCK_PORT,
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
