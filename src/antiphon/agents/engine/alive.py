"""Which process this is, and whether another of the same machine still runs."""

import os
import secrets
import signal
import socket
import time
from pathlib import Path

from antiphon.core.run import Beat

BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")
START = 19
"""Place of `starttime` in /proc/PID/stat behind the command's name. Source: proc(5), field 22."""


def host() -> str:
    """Names what pids are told apart within: machine since its start, and namespace."""
    try:
        boot, space = BOOT.read_text().strip()[:13], str(NAMESPACE.readlink()).strip("pid:[]")
    except OSError:  # no Linux: nobody else's processes are looked at
        return f"{socket.gethostname()}/{secrets.token_hex(8)}"
    return f"{socket.gethostname()}/{boot}/{space}"


def started(pid: int) -> int:
    """When a process began, in clock ticks since the machine's start; 0: there is none, or it is dead already."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[START])


def me(executor: str) -> Beat:
    """This process, without a time."""
    return Beat(worker=executor, host=host(), pid=os.getpid(), started=started(os.getpid()), at_ns=0)


def executor() -> str:
    """Names this life of this process."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def alive(beat: Beat) -> bool:
    """Whether another process of this machine still runs. An earlier engine of this very process does not."""
    return beat.pid != os.getpid() and started(beat.pid) == beat.started


def kill(beat: Beat) -> None:
    """End a process of this machine that was retired, if it is still that one."""
    if alive(beat):
        try:
            os.kill(beat.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def awake_s() -> float:
    """Seconds on a clock that goes on while this process, or the machine, sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
