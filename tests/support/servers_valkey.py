"""A real Valkey or Redis server on a free port, which a test may stop and start again."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator

import pytest
from ports import free_port

MISSING = "neither valkey-server nor redis-server is installed"


def program() -> str:
    """The server's program; empty: there is none."""
    return shutil.which("valkey-server") or shutil.which("redis-server") or ""


class Server:
    """One server, which keeps nothing on disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = tempfile.TemporaryDirectory(prefix="antiphon-valkey-")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [program(), *options, "--dir", self._folder.name, "--loglevel", "notice"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"Ready to accept connections" in line:
                return
        raise AssertionError(f"{program()} ended before it was ready")

    def stop(self) -> None:
        """Kill it, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()

    def command(self, *parts: str) -> bytes:
        """One command, without any client of ours; the reply as it stands on the wire, up to 64 KiB."""
        said = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p.encode()) for p in parts)
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(said)
            return connection.recv(65_536)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Server]:
    """One for the whole session, always up; each test takes a namespace of its own."""
    if not program():
        pytest.skip(MISSING)
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.fixture
def own_valkey() -> Iterator[Server]:
    """One that a test may stop; it is started already."""
    if not program():
        pytest.skip(MISSING)
    server = Server()
    server.start()
    yield server
    server.close()


class Silent:
    """A port that takes connections and never answers."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listening.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def close(self) -> None:
        self._listening.close()
