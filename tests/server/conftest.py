from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.exchange import Asked
from fakes.house import House
from fakes.records import ListedStore

from antiphon.control.identity import Keys
from antiphon.control.settings import KeySettings
from antiphon.core.ports import Store
from antiphon.core.secret import Secret
from antiphon.server.site import Site

KEYS = [
    KeySettings(name="alice", key=Secret("sk-alice-1"), tenant="acme"),
    KeySettings(name="bob", key=Secret("sk-bob-0001"), tenant="acme", models=["slow*"]),
    KeySettings(name="root", key=Secret("sk-root-01"), tenant="acme", admin=True),
]


class Place:
    """A site on fakes, and ways to ask it."""

    def __init__(
        self,
        directory: Path,
        *script: Any,
        store: Store | None = None,
        keys: Any = KEYS,
        house: Any = None,
        **site: Any,
    ) -> None:
        self.house = House(directory, *script, **(house or {}))
        told: dict[str, Any] = {
            "metrics": lambda: b"a 1\n",
            "metrics_type": b"text/plain; version=0.0.4; charset=utf-8",
            "open_metrics": False,
            "created_s": 7,
            "ready": lambda: "",
            **site,
        }
        self.site = Site(gateway=self.house.gateway, identity=Keys(keys), store=store or ListedStore(), **told)

    async def ask(self, method: str, target: str, key: str = "sk-alice-1", body: bytes = b"", **headers: str) -> Asked:
        """Ask, and see to it that there is an answer."""
        told = {"authorization": f"Bearer {key}"} if key else {}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        asked = Asked(method, target, told, body)
        await self.site.handle(asked.exchange)
        assert asked.exchange.ended
        assert asked.side.done == 1
        return asked

    async def chat(self, body: bytes, key: str = "sk-alice-1", **headers: str) -> Asked:
        return await self.ask(
            "POST", "/v1/chat/completions", key, body, **{"content_type": "application/json", **headers}
        )


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Place]:
    return lambda *script, **told: Place(tmp_path, *script, **told)
