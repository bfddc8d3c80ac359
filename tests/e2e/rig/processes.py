"""What the system says of a gateway's processes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rig.gateway import Gateway
from rig.wait import until


def workers(gateway: Gateway) -> list[int]:
    """Processes that have a segment of the journal open as its writer has; the shipper reads some, now and then."""
    return [pid for pid in gateway.children() if any(_journals(pid))]


def shipper(gateway: Gateway) -> int:
    """The process that counts as the shipper does; what it has open others have too, now and then."""

    def found() -> int | None:
        return next((pid for pid in gateway.children() if "/shipper.values" in _maps(pid)), None)

    return until(found, "the shipper has begun")


def busiest(gateway: Gateway) -> int:
    """The worker with the most connections: which worker is given one is the kernel's choice."""
    return max(workers(gateway), key=lambda pid: sum(name.startswith("socket:") for name in open_files(pid)))


def _maps(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/maps").read_text()
    return ""


def open_files(pid: int) -> list[str]:
    return [name for _, name in _files(pid)]


def _files(pid: int) -> Iterator[tuple[str, str]]:
    """Each open file: its number and its name. One that is closed meanwhile is left out, and those behind it are not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                yield link.name, str(link.readlink())


def _journals(pid: int) -> Iterator[bool]:
    """For each open segment, whether it is open for reading and writing at once."""
    for number, name in _files(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            if name.endswith(".journal"):
                told = dict(line.split() for line in Path(f"/proc/{pid}/fdinfo/{number}").read_text().splitlines()[:3])
                yield int(told["flags:"], 8) & os.O_ACCMODE == os.O_RDWR


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """While it is open a process does nothing: what it could do is another's."""
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: _state(pid) == "T", f"process {pid} stands still")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def runs(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    return _state(pid) not in ("", "Z")


def _state(pid: int) -> str:
    """The letter that the system has for what it does; empty: there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
