"""The programs the bench runs: its own C tools, built here, and those of the system."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError
from .settings import BENCH, Settings

REMEDIES = {
    "gcc": "apt-get install gcc libc6-dev",
    "nginx": "apt-get install nginx",
    "openssl": "apt-get install openssl",
}


def find(program: str) -> str:
    """Path of a system program. Raises BenchError with the remedy when it is missing."""
    places = "/usr/local/sbin:/usr/sbin:/sbin"  # nginx is often outside a user's PATH
    found = shutil.which(program) or shutil.which(program, path=places)
    if found is None:
        raise BenchError(f"{program} is missing; install it: {REMEDIES[program]}")
    return found


def run(command: list[str]) -> str:
    """Run a command to its end and return its output. Raises BenchError when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Tools:
    """The built tools and the request bodies."""

    load: Path
    mock: Path
    bodies: Path  # directory of the bodies and of headers.txt


def build(directory: Path, settings: Settings) -> Tools:
    """Build the C tools and write the bodies into a directory."""
    compiler = find("gcc")
    built: dict[str, Path] = {}
    for name in ("load", "mock"):
        built[name] = directory / name
        source = BENCH / "tools" / f"{name}.c"
        run([compiler, "-O2", "-Wall", "-o", str(built[name]), str(source)])
    bodies = directory / "bodies"
    command = [sys.executable, str(BENCH / "tools" / "bodies.py"), str(bodies)]
    command += ["--model", settings.model]
    for header in settings.headers:
        command += [f"--header={header}"]
    run(command)
    return Tools(load=built["load"], mock=built["mock"], bodies=bodies)
