"""Servers of tools made with the protocol's own SDK, by HTTP."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ports import free_port

FOLDER = Path(__file__).parent.parent / "agents/mcp"
STARTS_S = 60


@pytest.fixture(scope="session")
def shop() -> Iterator[str]:
    """Its URL."""
    with _running("sdk_server.py") as url:
        yield url


@pytest.fixture(scope="session")
def library() -> Iterator[str]:
    """Its URL."""
    with _running("sdk_library.py") as url:
        yield url


@contextlib.contextmanager
def _running(name: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / name), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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
