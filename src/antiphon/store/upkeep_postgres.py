"""Upkeep of a database in Postgres. Copies are made by its own programs."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from antiphon.core.error import StoreError
from antiphon.store import upkeep_sql
from antiphon.store.postgres_link import NAMED, Database, PostgresPlace, connect
from antiphon.store.postgres_tls import secured
from antiphon.store.schema_postgres import STEPS, migrate, version_of
from antiphon.store.upkeep import Audit, Home, Lease, Upkeep

T = TypeVar("T")
FILE = "antiphon.dump"
PLACES = Path("/usr/lib/postgresql")
"""Where Debian keeps programs of each version."""


class PostgresUpkeep(Upkeep):
    """A connection for each question."""

    newest = len(STEPS)

    def __init__(self, place: PostgresPlace) -> None:
        self._place = place

    def version(self) -> int:
        return self._ask(version_of)

    def migrate(self, wanted: int | None = None) -> tuple[int, int]:
        return self._ask(lambda database: migrate(database, wanted))

    def audit(self) -> Audit:
        def work(database: Database) -> Audit:
            with database.transaction():
                database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                database.execute("SET LOCAL statement_timeout = 0")
                return upkeep_sql.audit(lambda query: database.execute(query.encode()).fetchall(), ())

        return self._ask(work)

    def homes(self) -> tuple[Home, ...]:
        def work(database: Database) -> tuple[Home, ...]:
            running: dict[str, int] = dict(
                database.execute("SELECT home, count(*) FROM running GROUP BY home").fetchall()
            )
            named = database.execute(
                "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
            connected = {name.removeprefix(NAMED) for (name,) in named}
            return upkeep_sql.homes(database.execute(upkeep_sql.HOMES.encode()).fetchall(), running, connected)

        return self._ask(work)

    def leases(self, home: str) -> tuple[Lease, ...]:
        text = upkeep_sql.LEASES.format("%s").encode()
        return self._ask(lambda database: upkeep_sql.leases(database.execute(text, (home,)).fetchall()))

    def copy(self, directory: Path) -> Path:
        target = directory / FILE
        self._run("pg_dump", "--format=custom", f"--file={target}")
        return target

    def restore(self, directory: Path) -> None:
        source = directory / FILE
        if not source.is_file():
            raise StoreError(f"there is no {FILE} in {directory}")
        with tempfile.TemporaryDirectory(prefix="antiphon-") as aside:
            before = self.copy(Path(aside)) if self.version() else None
            try:
                self._load(source)
            except StoreError:
                if before is not None:
                    self._load(before)
                raise

    def _load(self, source: Path) -> None:
        """Put a copy in the place of all tables. `pg_restore --clean` can't: it fails at partitions."""
        self.migrate(0)
        self._ask(lambda database: database.execute("DROP TABLE IF EXISTS antiphon_version"))
        self._run("pg_restore", "--no-owner", "--single-transaction", last=str(source))

    def close(self) -> None:
        """Nothing stays open."""

    def _ask(self, ask: Callable[[Database], T]) -> T:
        database = connect(self._place)
        try:
            return ask(database)
        except (psycopg.Error, ValueError) as error:
            raise StoreError(f"the database: {' '.join(str(error).split())}") from error
        finally:
            database.close()

    def _run(self, program: str, *options: str, last: str = "") -> None:
        """Run one of Postgres' programs. The password goes by a file that nobody else can read."""
        place = self._place
        said = secured(conninfo_to_dict(place.url.reveal()), ca_file=place.ca_file, insecure=place.insecure)
        password = str(said.pop("password", None) or "")
        with tempfile.NamedTemporaryFile("w", prefix="antiphon-", encoding="utf-8") as passwords:
            escaped = password.replace("\\", "\\\\").replace(":", "\\:")
            passwords.write(f"*:*:*:*:{escaped}\n")
            passwords.flush()
            where = make_conninfo("", **said, passfile=passwords.name)
            command = [_program(program), *options, f"--dbname={where}", *([last] if last else [])]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode:
            raise StoreError(f"{program} failed: {' '.join(done.stderr.split())}")


def _program(name: str) -> str:
    """Where a program is, the newest first: an older one refuses to copy from a newer server."""
    places = sorted(PLACES.glob(f"*/bin/{name}"), key=lambda path: int(path.parent.parent.name))
    found = str(places[-1]) if places else shutil.which(name)
    if found is None:
        raise StoreError(
            f"{name} is not installed: apt-get install postgresql-client, of the server's version or newer"
        )
    return found
