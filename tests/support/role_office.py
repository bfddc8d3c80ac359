"""The admin API with callers of every role, in two tenants and several teams."""

import re
from itertools import product
from pathlib import Path
from typing import Any

from fakes.exchange import Asked

from antiphon.admin.route import Route
from antiphon.control.registry import Registry
from antiphon.control.roles import ROLES
from antiphon.core.ledger import Posting
from antiphon.core.objects import ObjectKind
from antiphon.store.database import Batch, Database

PLACES: dict[str, dict[str, str]] = {
    "acme": {"tenant": "acme", "team": "search"},
    "globex": {"tenant": "globex", "team": "search"},
    "other team": {"tenant": "acme", "team": "other"},
    "no team": {"tenant": "acme"},
}
KEYS = {(role, place): f"sk-{role}-{place.replace(' ', '-')}-0123456789" for role, place in product(ROLES, PLACES)}
KEYS["nothing", "acme"] = "sk-nothing-acme-0123456789"
NAMES = {"keys": "ci", "accounts": "robot", "bindings": "bind", "budgets": "b", "limits": "l"}
OTHERS = {**NAMES, "policies": "pol"}
ENTRY = Posting(
    id="t-1", at_ns=5, kind="settled", tenant="acme", receipt="r-1", holds="", debit="tenant/acme",
    credit="provider/lab/fast", money_nano_usd=7_000_000_000, tokens=100, requests=1,
)  # fmt: skip
ONLY = {"tenant": ["acme"], "team": ["search"]}
OWN = {"tenant": "acme", "team": "search"}
BUNDLE = '@id("all")\npermit(principal, action, resource);\n'
PROMPT = {
    "apiVersion": "antiphon/v1",
    "kind": "Prompt",
    "metadata": {"name": "sort", "tenant": "acme"},
    "spec": {"text": "Sort them."},
}
_PUT: dict[str, dict[str, Any]] = {
    "keys": OWN,
    "accounts": OWN,
    "bindings": {**OWN, "subject": "key/ci", "role": "member"},
    "budgets": {"usd": 5, "only": ONLY},
    "limits": {"requests": 5, "only": ONLY},
    "policies": {"text": BUNDLE},
}
_POST: dict[str, dict[str, Any]] = {
    "rotate": {"overlap": "1h"},
    "raises": {"usd": 2, "until": "1970-01-02T00:00:00Z"},
    "corrections": {"entry": "t-1", "usd": 1, "note": "x"},
    "publish": {},
    "rollout": {"share": 0.5},
    "rollback": {"number": 1},
    "reveal": {"tenant": "acme", "tokens": ["[[EMAIL_00000000]]"]},
    "erasures": {"tenant": "acme", "subject": "nobody"},
    "holds": {"tenant": "acme", "subject": "nobody"},
    "approve": {},
    "modify": {"action": {}},
    "reject": {},
    "cancel": {},
    "apply": {"documents": [PROMPT]},
    "answer": {},
    "take-over": {},
    "give-back": {},
    "kill": {},
    "pause": {},
    "resume": {},
    "fork": {"step": 1},
    "revive": {},
    "bars": {"kind": "agent", "name": "clerk"},
}
_QUERY = {
    "events": "?tenant=acme",
    "checkpoints": "?tenant=acme",
    "inclusion": "?tenant=acme&seq=1",
    "consistency": "?tenant=acme&old=1",
}


def keys_of_roles() -> str:
    """The configuration's keys, one for each role and place."""
    lines = [
        f"  - {{name: {role}-{place.replace(' ', '-')}, key: {text}, "
        + ", ".join(f"{name}: {value}" for name, value in PLACES[place].items())
        + (f", roles: [{role}]" if role != "nothing" else "")
        + "}"
        for (role, place), text in KEYS.items()
    ]
    return "\n".join(lines) + "\n"


def section_of(route: Route) -> str:
    return route.path.removeprefix("/admin/v1/").split("/")[0]


def body_of(route: Route) -> dict[str, Any] | None:
    """What is sent; None: nothing."""
    if route.method == "PUT":
        return _PUT[section_of(route)]
    return _POST.get(route.path.rpartition("/")[2]) if route.method == "POST" else None


def seed(registry: Registry, policies: Any, database: Database) -> None:
    """Objects of the tenant acme and its team search."""
    kinds: dict[str, ObjectKind] = {
        "keys": "key",
        "accounts": "account",
        "bindings": "binding",
        "budgets": "budget",
        "limits": "limit",
    }
    for section, kind in kinds.items():
        registry.put(kind, NAMES[section], _PUT[section], "new", "seed")
    policies.draft("pol", {"text": BUNDLE}, "any", "seed")
    database.write(Batch(postings=[ENTRY]))


class RoleOffice:
    """An office, and what callers of roles do there."""

    def __init__(self, office: Any, directory: Path) -> None:
        self._office = office
        self._directory = directory
        self._first = {file: file.read_bytes() for file in directory.iterdir() if file.is_file()}
        self._began_ns = office.clock.at_ns
        self.keys = office.keys
        self.clock = office.clock
        self.forbidden: list[tuple[str, str, str]] = office.forbidden

    def again(self) -> None:
        """Put the store back as it was."""
        office = self._office
        office.let_go()
        for file in self._directory.iterdir():
            if file.is_file() and file not in self._first:
                file.unlink()
        for file, content in self._first.items():
            if not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)
        self.clock.at_ns = self._began_ns
        office.forbidden.clear()
        office.owned.take(office.objects.since(0))
        office.keys.know(office.owned)

    async def ask(self, *arguments: Any, **more: Any) -> Asked:
        return await self._office.ask(*arguments, **more)

    async def use(self, route: Route, key: str) -> Asked:
        """One request to a path, with a body that it takes."""
        path = route.path.replace("{name}", OTHERS.get(section_of(route), "x"))
        more = {"if_match": str(self.version(route))} if route.method == "PUT" else {}
        path = re.sub(r"\{\w+\}", "x", path) + _QUERY.get(route.path.rpartition("/")[2], "")
        return await self.ask(route.method, path, body_of(route), key=key, **more)

    def version(self, route: Route) -> int:
        name = OTHERS.get(section_of(route), "x")
        return next((found[0] for (_, one), found in self.state().items() if one == name), 1)

    async def made(self, section: str, name: str, **fields: Any) -> str:
        """Make an object as the first admin. Returns: its text."""
        asked = await self.ask("PUT", f"/admin/v1/{section}/{name}", fields, if_none_match="*")
        assert asked.status == 201, asked.body
        return asked.json.get("key", "")

    async def everywhere(self, role: str) -> str:
        """A key that has a role in all tenants."""
        await self.made("bindings", "wide", subject="key/nothing-acme", role=role, tenant="*")
        return KEYS["nothing", "acme"]

    def state(self) -> dict[tuple[str, str], tuple[int, bytes]]:
        """Version and content of every object."""
        return {(one.kind, one.name): (one.version, one.spec) for one in self._office.objects.since(0).objects}
