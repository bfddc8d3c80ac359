"""Ports for servers that are told where to listen."""

import random
import socket
from contextlib import suppress

LEAST, MOST = 15_000, 32_000
"""Below those that the system gives to connections (Linux: from 32,768): else one of them may have a server's port by the
time that it starts, or starts again.
"""


def free_port() -> int:
    """One of 127.0.0.1 that nobody has. Raises: OSError, where there is none."""
    for _ in range(1000):
        with suppress(OSError), socket.create_server(("127.0.0.1", random.randrange(LEAST, MOST))) as free:
            return int(free.getsockname()[1])
    raise OSError(f"no port from {LEAST} to {MOST} is free")
