"""Starting, pinning and stopping the processes of a bench run."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from .errors import BenchError

STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Process:
    """A process this run started, in a process group of its own."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    started: float  # time.monotonic() just before the start

    @property
    def pid(self) -> int:
        return self.popen.pid


def raise_file_limit() -> None:
    """Let this process and its children open as many files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_on_sigterm() -> None:
    """Turn SIGTERM into SystemExit, so that `finally` clauses stop what was started."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)


@contextlib.contextmanager
def pinned(core: int) -> Generator[None]:
    """Run on one core within; children started within inherit it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(
    name: str,
    command: list[str],
    *,
    core: int,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a process on one core; its output goes to `log`."""
    with pinned(core), log.open("wb") as output:
        started = time.monotonic()
        try:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise BenchError(f"can't start {name}: {error}") from error
    return Process(name, popen, log, started)


def stop(process: Process) -> None:
    """Ask the process to end; after STOP_TIMEOUT_S end its whole group."""
    if process.popen.poll() is None:
        process.popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(STOP_TIMEOUT_S)
    with contextlib.suppress(ProcessLookupError):  # what is left of the group, if anything
        os.killpg(process.pid, signal.SIGKILL)
    process.popen.wait()


def port_taken(port: int) -> bool:
    """Whether something listens on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def require_free(*ports: int) -> None:
    """Raise BenchError when one of the ports is in use."""
    taken = [port for port in ports if port_taken(port)]
    if taken:
        raise BenchError(f"ports in use: {taken}; stop what listens there (an earlier run?)")


def get(port: int, path: str, *, timeout_s: float = 5, key: str = "") -> tuple[int, str]:
    """GET a path of a local server: status and body. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def _is_ready(port: int, path: str | None) -> bool:
    if path is None:
        return port_taken(port)
    try:
        return get(port, path, timeout_s=2)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def wait_ready(process: Process, port: int, path: str | None, *, timeout_s: float = 60) -> float:
    """Wait until GET `path` is 200 (without a path: until the port listens).

    Returns: Seconds since the process was started.
    Raises: BenchError with the end of its log when it ends or takes too long.
    """
    while time.monotonic() - process.started < timeout_s:
        if _is_ready(port, path):
            return time.monotonic() - process.started
        if process.popen.poll() is not None:
            code = process.popen.returncode
            raise BenchError(f"{process.name} ended with code {code}:\n{log_tail(process)}")
        time.sleep(0.002)
    raise BenchError(f"{process.name} is not ready after {timeout_s} s:\n{log_tail(process)}")


def log_tail(process: Process, lines: int = 20) -> str:
    """The last lines the process wrote."""
    text = process.log.read_text(errors="replace").splitlines()
    return "\n".join(text[-lines:]) or "(it wrote nothing)"
