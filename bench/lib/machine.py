"""Facts about the machine and the software of a run, without its paths or its name."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from .settings import REPOSITORY
from .tools import find


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _output(command: list[str]) -> str:
    """What a command prints on either stream; empty when it fails."""
    with contextlib.suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
        if done.returncode == 0:
            return (done.stdout + done.stderr).strip()
    return ""


def _antiphon_version() -> str:
    try:
        version = importlib.metadata.version("antiphon")
    except importlib.metadata.PackageNotFoundError:
        version = "not installed"
    revision = _output(["git", "rev-parse", "--short=12", "HEAD"])
    changed = _output(["git", "status", "--porcelain", "--", "src", "bench/gateway.yaml"])
    return f"{version} at {revision or 'no revision'}{' with changes' if changed else ''}"


def machine() -> dict[str, object]:
    """Cores and CPU model."""
    return {"cores": os.cpu_count(), "cpu": _cpu_model()}


def versions() -> dict[str, str]:
    """Versions of everything that bears on the numbers."""
    return {
        "antiphon": _antiphon_version(),
        "python": platform.python_version(),
        "nginx": _output([find("nginx"), "-v"]).rpartition("/")[2],
        "kernel": platform.release(),
        "compiler": _output([find("gcc"), "-dumpfullversion"]),
    }
