"""Which database it is: SQLite in the data directory, or the Postgres of `storage.url`."""

import secrets
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from antiphon.core.approval_store import ApprovalStore
from antiphon.core.audit_store import AuditStore
from antiphon.core.bank import Bank
from antiphon.core.error import StoreError
from antiphon.core.objects import Objects
from antiphon.core.secret import Secret
from antiphon.core.vault_store import VaultStore
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.database import Database, Reader
from antiphon.store.live import Live
from antiphon.store.objects_sqlite import SqliteObjects
from antiphon.store.reports_sqlite import SqliteSpending
from antiphon.store.settings import PostgresSettings, StorageSettings
from antiphon.store.sqlite import FILE, SqliteDatabase, SqliteReader
from antiphon.store.upkeep import Upkeep
from antiphon.store.upkeep_sqlite import BESIDE, SqliteUpkeep
from antiphon.store.vault_sqlite import SqliteVault

if TYPE_CHECKING:
    from antiphon.core.run_store import RunStore

HOME = "home"
"""File in the data directory that names this gateway among those that share a database."""


class Stores(Struct, frozen=True, kw_only=True):
    """Opens the adapters of one database. Holds no connection, so it goes through forks."""

    directory: Path
    url: Secret | None = None
    home: str = ""
    postgres: PostgresSettings = PostgresSettings()

    @classmethod
    def of(cls, settings: StorageSettings, data: Path) -> "Stores":
        """What a configuration names. Makes the name of this gateway, when it has none yet. Raises: StoreError."""
        if settings.url is None:
            return cls(directory=data)
        return cls(directory=data, url=settings.url, home=_home(data), postgres=settings.postgres)

    def database(self) -> Database:
        """The writing connection, its tables brought up to date. Raises: StoreError."""
        if self.url is None:
            return SqliteDatabase(self.directory)
        return _adapters("postgres").PostgresDatabase(self._place())

    def reader(self) -> Reader:
        """Reads; connects when it is asked."""
        if self.url is None:
            return SqliteReader(self.directory)
        return _adapters("postgres").PostgresReader(self._place())

    def bank(self) -> Bank:
        """Grants leases. Raises: StoreError."""
        if self.url is None:
            return SqliteBank(self.directory)
        return _adapters("bank_postgres").PostgresBank(self._place())

    def objects(self) -> Objects:
        """What the admin API owns; connects when it is asked. The tables are up to date."""
        if self.url is None:
            return SqliteObjects(self.directory)
        return _adapters("objects_postgres").PostgresObjects(self._place())

    def audit(self) -> AuditStore:
        """Chains of events, and notes of what is to be chained. The tables are up to date."""
        if self.url is None:
            return SqliteAudit(self.directory)
        return _adapters("audit_postgres").PostgresAudit(self._place())

    def vault(self) -> VaultStore:
        """Keys, erasures and holds. The tables are up to date."""
        if self.url is None:
            return SqliteVault(self.directory)
        return _adapters("vault_postgres").PostgresVault(self._place())

    def upkeep(self) -> Upkeep:
        """For work by hand. Raises: StoreError."""
        if self.url is None:
            return SqliteUpkeep(self.directory)
        return _adapters("upkeep_postgres").PostgresUpkeep(self._place())

    def approvals(self) -> ApprovalStore:
        """What people were asked; connects when it is asked. The tables are up to date."""
        if self.url is None:
            return SqliteApprovals(self.directory)
        return _adapters("approvals_postgres").PostgresApprovals(self._place())

    def runs(self) -> "RunStore":
        """Runs of agents and what belongs to them; connects when it is asked. The tables are up to date."""
        if self.url is None:
            return _adapters("runs_sqlite").SqliteRuns(self.directory)
        return _adapters("runs_postgres").PostgresRuns(self._place())

    def spending(self) -> Live:
        """For reports and exports; connects when it is asked."""
        if self.url is None:
            return SqliteSpending(self.directory)
        return _adapters("reports_postgres").PostgresSpending(self._place())

    @property
    def files(self) -> tuple[Path, ...]:
        """What of the data directory is the database, as far as it is there."""
        return () if self.url is not None else tuple(self.directory / f"{FILE}{end}" for end in ("", *BESIDE))

    def place(self) -> Any:
        """Postgres and how it is reached, for what keeps tables of its own there; None: it is SQLite."""
        return None if self.url is None else self._place()

    def _place(self) -> object:
        return _adapters("postgres_link").PostgresPlace(
            url=self.url,
            home=self.home,
            connections=self.postgres.connections,
            connect_timeout_s=self.postgres.connect_timeout_s,
            statement_timeout_s=self.postgres.statement_timeout_s,
            ca_file=self.postgres.ca_file,
            insecure=self.postgres.insecure,
        )


def _adapters(module: str) -> ModuleType:
    """What needs the driver, and what only agents need, is loaded where it is used."""
    try:
        return import_module(f"antiphon.store.{module}")
    except ImportError as error:
        if error.name is None or not error.name.startswith("psycopg"):
            raise
        raise StoreError("storage.url needs a driver of Postgres: pip install 'antiphon[postgres]'") from error


def _home(data: Path) -> str:
    """The name of the gateway whose data directory this is. Raises: StoreError."""
    path = data / HOME
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.write_text(secrets.token_hex(8), encoding="ascii")
            fresh.rename(path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise StoreError(f"{path} can't be used: {error.strerror}") from error
