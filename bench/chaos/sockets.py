"""TCP connections of this machine, as the kernel lists them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# Linux include/net/tcp_states.h
ESTABLISHED, TIME_WAIT, CLOSE, LISTEN = 1, 6, 7, 10


@dataclass(frozen=True)
class Socket:
    """One end of a connection."""

    local_port: int
    remote_port: int
    state: int

    @property
    def open(self) -> bool:
        return self.state not in (TIME_WAIT, CLOSE, LISTEN)


def parse(lines: Iterable[str]) -> Iterator[Socket]:
    """Read lines of /proc/net/tcp, without its heading. Source: proc_net_tcp.rst of the kernel's documentation."""
    for line in lines:
        _, local, remote, state, *_ = line.split()
        yield Socket(int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16), int(state, 16))


def listed() -> list[Socket]:
    """All sockets of this machine."""
    found: list[Socket] = []
    for table in TABLES:
        if table.exists():
            found += parse(table.read_text().splitlines()[1:])
    return found


@dataclass(frozen=True)
class Ends:
    """Ends of connections that are open."""

    callers: int  # between client and gateway, both ends
    pooled: int  # the gateway's ends to labs that are established
    half_closed: int  # to labs, either end, closed by one side only


def ends(sockets: Iterable[Socket], gateway: int, labs: Collection[int]) -> Ends:
    """Count what is open around a gateway."""
    open_ = [socket for socket in sockets if socket.open]
    upstream = [one for one in open_ if one.remote_port in labs or one.local_port in labs]
    return Ends(
        callers=sum(gateway in (one.local_port, one.remote_port) for one in open_),
        pooled=sum(one.remote_port in labs and one.state == ESTABLISHED for one in upstream),
        half_closed=sum(one.state != ESTABLISHED for one in upstream),
    )
