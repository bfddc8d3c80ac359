"""What the system says of a gateway's processes."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rig.gateway import Gateway
from rig.wait import until


def workers(gateway: Gateway) -> list[int]:
    """Processes that have a segment of the journal open as its writer has; the shipper reads some, now and then."""
    return [pid for pid in gateway.children() if any(_journals(pid))]


def shipper(gateway: Gateway) -> int:
    """The process that has the database open and takes no requests."""

    def found() -> int | None:
        others = set(gateway.children()) - set(workers(gateway))
        return next((pid for pid in others if any(file.endswith("antiphon.db") for file in open_files(pid))), None)

    return until(found, "the shipper has it open")


def open_files(pid: int) -> list[str]:
    out: list[str] = []
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            out.append(str(link.readlink()))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return out


def _journals(pid: int) -> Iterator[bool]:
    """For each open segment, whether it is open for reading and writing at once."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if str(link.readlink()).endswith(".journal"):
                told = dict(
                    line.split() for line in Path(f"/proc/{pid}/fdinfo/{link.name}").read_text().splitlines()[:3]
                )
                yield int(told["flags:"], 8) & os.O_ACCMODE == os.O_RDWR


def runs(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
