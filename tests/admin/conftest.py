"""The admin API on a real database, asked without a listener."""

import json
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
from fakes.clock import StoppedClock
from fakes.exchange import Asked

from antiphon.admin.desk import Desk
from antiphon.admin.site import AdminSite
from antiphon.app.doors import doors_of
from antiphon.config.forms import FileForms
from antiphon.config.load import load_text
from antiphon.control.callers import Callers
from antiphon.control.owned import Owned
from antiphon.control.policies import Bundles
from antiphon.control.registry import Registry
from antiphon.core.ids import Uuid7
from antiphon.core.ports import Transport
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.objects_sqlite import SqliteObjects
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


class Office:
    """The API, and what it is made of."""

    def __init__(self, directory: Path, text: str = FILE) -> None:
        SqliteDatabase(directory).close()
        self.objects = SqliteObjects(directory)
        self.bank = partial(SqliteBank, directory)
        self.clock = StoppedClock(1_000 * 10**9)
        self.loaded = load_text(text, "antiphon.yaml", directory, {})
        self.owned = Owned()
        doors = doors_of(cast("Transport", None), self.clock)  # no identity provider is set here
        settings = self.loaded.settings
        self.keys = Callers(settings.keys, self.owned, doors, settings.identity, managed=True)
        self.told: list[int] = []
        self.site = AdminSite(
            desk=Desk(
                registry=Registry(self.objects, FileForms(self.loaded), self.clock),
                policies=Bundles(self.objects, ("fast", "balanced", "premium"), self.clock),
                bank=self.bank,
                database=partial(SqliteDatabase, directory),
                clock=self.clock,
                ids=Uuid7(self.clock),
            ),
            identity=self.keys,
            bootstrap=sha256(BOOTSTRAP.encode()).digest(),
            taken=self._taken,
        )

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
