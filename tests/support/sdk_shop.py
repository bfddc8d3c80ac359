"""A server of tools made with the protocol's own SDK, by HTTP."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parent.parent / "agents/mcp/sdk_server.py"
STARTS_S = 30


@pytest.fixture(scope="session")
def shop() -> Iterator[str]:
    """Its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(SERVER), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port, process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + STARTS_S
    while time.monotonic() < until_s:
        assert process.poll() is None, "the server ended before it was reached"
        with socket.socket() as tried:
            if not tried.connect_ex(("127.0.0.1", port)):
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError("the server didn't start")
