"""The admin API on a real database, asked without a listener."""

import json
from contextlib import closing
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
from fakes.clock import StoppedClock
from fakes.exchange import Asked
from msgspec import structs
from role_office import RoleOffice, keys_of_roles, seed

from antiphon.admin.site import AdminSite
from antiphon.app.desk import desk_of
from antiphon.app.doors import doors_of
from antiphon.app.proof import log_of, proof_of
from antiphon.config.forms import FileForms
from antiphon.config.load import load_text
from antiphon.control.callers import Callers
from antiphon.control.owned import Owned
from antiphon.control.policies import Bundles
from antiphon.control.registry import Registry
from antiphon.core.ids import Uuid7
from antiphon.core.ports import Transport
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.objects_sqlite import SqliteObjects
from antiphon.store.sqlite import FILE as STORE
from antiphon.store.sqlite import SqliteDatabase

BOOTSTRAP = "ak-first-admin-key"
FILE = """\
keys:
  - {name: root, key: sk-root-0001, admin: true}
  - {name: alice, key: sk-alice-001, tenant: acme}
providers:
  lab: {lab: {models: {fast: {}}}}
models:
  fast: {provider: lab}
"""
FILE_OF_ROLES = f"""\
identity: {{issuers: [{{name: corp, issuer: "https://login.example.com", audiences: [antiphon]}}]}}
{FILE.replace("keys:", f"keys:{chr(10)}{keys_of_roles().rstrip()}", 1)}"""


class Office:
    """The API, and what it is made of."""

    def __init__(self, directory: Path, text: str = FILE) -> None:
        if not (directory / STORE).exists():
            SqliteDatabase(directory).close()
        self.objects = SqliteObjects(directory)
        self.bank = partial(SqliteBank, directory)
        self.clock = StoppedClock(1_000 * 10**9)
        self.loaded = load_text(f"{text}storage: {{dir: .}}\n", "antiphon.yaml", directory, {})
        self.owned = Owned()
        doors = doors_of(cast("Transport", None), self.clock)  # no identity provider is set here
        settings = self.loaded.settings
        self.keys = Callers(settings.keys, self.owned, doors, settings.identity, managed=True)
        self.told: list[int] = []
        self.forbidden: list[tuple[str, str, str]] = []
        own = structs.replace(settings, storage=structs.replace(settings.storage, dir=str(directory)))
        self.audit = SqliteAudit(directory)
        self.site = AdminSite(
            desk=structs.replace(
                desk_of(self.loaded),
                registry=Registry(self.objects, FileForms(self.loaded), self.clock),
                policies=Bundles(self.objects, ("fast", "balanced", "premium"), self.clock),
                clock=self.clock,
                ids=Uuid7(self.clock),
                notes=self.audit,
                log=log_of(own, self.audit),
                proof=cache(lambda: proof_of(own, self.audit)),
            ),
            identity=self.keys,
            bootstrap=sha256(BOOTSTRAP.encode()).digest(),
            taken=self._taken,
            forbidden=lambda who, what, error: self.forbidden.append((who.by, what, error.said_code)),
        )

    def let_go(self) -> None:
        """Close connections to runs that outlive a request; another is opened when one is needed."""
        proof, runs = cast("Any", self.site.desk.proof), cast("Any", self.site.desk.runs)
        if proof.cache_info().currsize:
            proof().erasing.runs.store.close()
        if runs.cache_info().currsize:
            runs()._runs.parts.store.close()
        triggers = cast("Any", self.site.desk.triggers)
        if triggers.cache_info().currsize:
            triggers()._store.close()

    async def _taken(self, version: int) -> bool:
        self.told.append(version)
        self.owned.take(self.objects.since(self.owned.version))
        self.keys.know(self.owned)
        return True

    async def ask(
        self, method: str, path: str, fields: Any = None, *, key: str | None = BOOTSTRAP, **headers: str
    ) -> Asked:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b""
        if fields is not None:
            body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
            told.setdefault("content-type", "application/json")
        if key is not None:
            told["authorization"] = f"Bearer {key}"
        asked = Asked(method, path, told, body)
        await self.site.handle(asked.exchange)
        assert asked.side.done == 1
        return asked


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> RoleOffice:
    """An office with callers of every role."""
    directory = tmp_path_factory.mktemp("roles")
    office = Office(directory, FILE_OF_ROLES)
    desk = office.site.desk
    with closing(desk.database()) as database:
        seed(desk.registry, desk.policies, database)
    return RoleOffice(office, directory)


@pytest.fixture
def roles(shared: RoleOffice) -> RoleOffice:
    """As it was at first, whatever a test before did there."""
    shared.again()
    return shared
