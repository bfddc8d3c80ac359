"""What Antiphon runs on: Python, file descriptors, the clock."""

import platform
import resource
import sys
import time
from datetime import UTC, datetime

from antiphon.cli.checks.finding import Finding, note, ok, wrong
from antiphon.config.settings import Settings

LEAST_PYTHON = (3, 11)
BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""Before this there was no Antiphon: a clock that says less is wrong."""
SPARE_DESCRIPTORS = 64
"""Files, pipes and listening sockets of one process, beside its connections."""


def python() -> Finding:
    """Whether this Python is new enough."""
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if sys.version_info < LEAST_PYTHON:
        return wrong("python", found, "run Antiphon on Python 3.11 or newer")
    return ok("python", found)


def descriptors(settings: Settings) -> Finding:
    """Whether a process may hold as many connections as the configuration allows: each request takes two.

    The gateway raises its own limit at the start, as far as the system lets it.
    """
    about = "file descriptors"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return ok(about, "no limit")
    callers = settings.server.limits.max_connections
    needed = 2 * callers + SPARE_DESCRIPTORS
    if most >= needed:
        return ok(about, f"{most} a process at most")
    room = max(most - SPARE_DESCRIPTORS, 0) // 2
    return note(
        about,
        f"{most} a process at most: room for {room} requests at once in each worker, of {callers} connections",
        f"let the service have {needed} (LimitNOFILE in systemd, else `ulimit -Hn`) where so many come",
    )


def clock(newest_ns: int | None) -> Finding:
    """Whether the clock can be right. Ids of receipts sort by it.

    Args:
        newest_ns: When the newest receipt was begun.
    """
    now_s = time.time()
    found = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    remedy = "set the machine's clock, by NTP for instance"
    if now_s < BUILT.timestamp():
        return wrong("clock", f"{found}, before this Antiphon was made", remedy)
    if newest_ns is not None and newest_ns / 1e9 > now_s + 1:
        ahead_s = newest_ns / 1e9 - now_s
        return wrong("clock", f"{found}, {ahead_s:.0f} s before the newest receipt was begun", remedy)
    return ok("clock", found)
