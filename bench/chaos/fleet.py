"""The fleet's processes: real lab servers, and what they say of themselves."""

from __future__ import annotations

import contextlib
import http.client
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from antiphon.providers.lab.settings import FaultSettings
from lib.errors import BenchError
from lib.processes import Process, get, require_free, start, stop, wait_ready

from .settings import MODEL
from .weather import Lab


class Tally(msgspec.Struct):
    """Of GET /lab/stats, what the bench needs."""

    requests: int
    running: int


@dataclass(frozen=True)
class Received:
    """What the fleet got between two looks."""

    by_lab: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_lab.values())


class Fleet:
    """Lab servers that run until the block of `open` ends."""

    def __init__(self, labs: list[Lab]) -> None:
        self.labs = labs

    @classmethod
    @contextlib.contextmanager
    def open(cls, labs: list[Lab], directory: Path, *, core: int) -> Generator[Fleet]:
        """Start every lab in a process of its own."""
        require_free(*(lab.port for lab in labs))
        running: list[tuple[Lab, Process]] = []
        try:
            running.extend((lab, _start(lab, directory, core)) for lab in labs)  # each is kept as soon as it runs
            for lab, process in running:
                wait_ready(process, lab.port, "/v1/models")
            yield cls(labs)
        finally:
            for _, process in reversed(running):
                stop(process)

    def of_kind(self, *kinds: str) -> list[Lab]:
        return [lab for lab in self.labs if lab.kind in kinds]

    @property
    def ports(self) -> set[int]:
        return {lab.port for lab in self.labs}

    def reset(self) -> None:
        """Let every lab count its requests from 1 again, so that each subject meets the same weather."""
        for lab in self.labs:
            _put_faults(lab)

    def tallies(self) -> dict[str, Tally]:
        return {lab.name: tally(lab) for lab in self.labs}


def tally(lab: Lab) -> Tally:
    """What a lab counted since it was started."""
    return msgspec.json.decode(get(lab.port, "/lab/stats")[1], type=Tally)


def between(before: dict[str, Tally], after: dict[str, Tally]) -> Received:
    return Received({name: tally.requests - before[name].requests for name, tally in after.items()})


def _start(lab: Lab, directory: Path, core: int) -> Process:
    file = directory / f"lab-{lab.name}.yaml"
    file.write_bytes(msgspec.json.encode(lab.settings))  # JSON is YAML
    command = [sys.executable, "-m", "antiphon", "lab", "serve", "--models", str(file), "--port", str(lab.port)]
    return start(f"lab {lab.name}", command, core=core, log=directory / f"lab-{lab.name}.log")


def _put_faults(lab: Lab) -> None:
    faults: list[FaultSettings] = lab.faults
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=5)
    try:
        connection.request("PUT", f"/lab/faults/{MODEL}", msgspec.json.encode(faults))
        response = connection.getresponse()
        said = response.read().decode(errors="replace")
        if response.status >= 300:
            raise BenchError(f"lab {lab.name} takes no faults: {response.status} {said}")
    finally:
        connection.close()
