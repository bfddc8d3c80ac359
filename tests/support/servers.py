"""Real servers for tests, each started once for a whole run of pytest, when the first test asks for it."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from ports import free_port

from antiphon.core.secret import Secret
from antiphon.store.postgres_link import PostgresPlace

START_S = 60.0


def postgres_programs() -> Path | None:
    """The directory of Postgres' programs; None when it isn't installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    places = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((place.parent for place in places), key=lambda place: int(place.parent.name), default=None)


class Postgres:
    """A server of its own in a temporary directory. Root starts it as the user `postgres`, as it refuses to be root."""

    def __init__(self, programs: Path, *, safe: bool = False) -> None:
        """`safe`: what is committed is on the disk, as in production; tests have no use for that."""
        self._programs = programs
        self._fsync = "on" if safe else "off"
        self._place = tempfile.TemporaryDirectory(prefix="antiphon-pg-", ignore_cleanup_errors=True)
        self._data = Path(self._place.name) / "data"
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self._place.name, "postgres", "postgres")
        self.port = free_port()
        self._databases = 0
        self._run("initdb", "-D", self._data, "-U", "antiphon", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.start()

    def start(self) -> None:
        """Start it, or start it again."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._place.name}"
            f" -c fsync={self._fsync} -c max_connections=200 -c max_locks_per_transaction=256"
        )
        log = Path(self._place.name) / "log"
        self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-t", int(START_S), "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would; what was committed stays."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop()
        self._place.cleanup()

    def _run(self, program: str, *arguments: Any) -> None:
        command = [*self._as, self._programs / program, *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=2 * START_S)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://antiphon@127.0.0.1:{self.port}/{quote(database)}"

    def database(self) -> str:
        """The URL of an empty database that nobody used before."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def run(self, statement: str) -> None:
        """Do something in the database `postgres`."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def place(self, home: str = "home", url: str = "") -> PostgresPlace:
        """The same, as adapters take it."""
        return PostgresPlace(url=Secret(url or self.database()), home=home, statement_timeout_s=5.0)
