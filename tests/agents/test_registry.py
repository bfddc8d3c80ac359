"""Agents found by skill, and our servers as a registry of MCP tells of them."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from agent_place import ALICE, BOB, KEYS, Place, document, says

from antiphon.agents.a2a.document import RemoteAgentSpec
from antiphon.agents.a2a.recorded import RemoteCalls
from antiphon.agents.a2a.remote import RemoteParts, Remotes
from antiphon.agents.documents.document import Document, Metadata, SkillSpec
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.mcp.document import ToolServerSpec
from antiphon.agents.registry import Directory
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.control.identity import Keys
from antiphon.core.clock import SystemClock
from antiphon.core.principal import Principal
from antiphon.core.run import Barred, Skill
from antiphon.core.run_store import RunStore
from antiphon.gateway.gateway import Gateway
from antiphon.net.client import Client
from antiphon.net.egress import Egress
from antiphon.net.exchange import Exchange
from antiphon.server import registry
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

WHO = Principal(tenant="acme", key="alice")
REFUNDS = [SkillSpec(id="refunds", tags=["money"])]
DOCUMENTS = [
    document("good", skills=REFUNDS),
    document("poor", skills=REFUNDS, version="2"),
    document("other", skills=[SkillSpec(id="letters")]),
    document("theirs", skills=REFUNDS, tenant="other"),
    document("quiet", skills=REFUNDS, listed=False),
]
SERVERS = {
    name: Document(
        kind="ToolServer",
        metadata=Metadata(name=name, version="3", tenant=tenant, description="Files."),
        spec=ToolServerSpec(url="https://x.example", gateway=gateway),
        raw={},
        digest="",
    )
    for name, tenant, gateway in (("files", "", True), ("own", "other", True), ("inner", "", False))
}
SHELF = Shelf(agents={one.name: {one.version: one} for one in DOCUMENTS}, others={"ToolServer": SERVERS})


@pytest.fixture
def store(tmp_path: Path) -> Any:
    SqliteDatabase(tmp_path).close()
    made = SqliteRuns(tmp_path)
    yield made
    made.close()


def scored(store: RunStore, agent: str, good: int, bad: int, cost: int, tenant: str = "acme") -> None:
    runs = good + bad
    store.score(
        Skill(tenant=tenant, agent=agent, skill="refunds", good=good, bad=bad, cost_nano_usd=cost * runs, runs=runs)
    )


def _unasked() -> Gateway:
    raise AssertionError("nobody is asked here")


def remotes() -> Remotes:
    made = Remotes(
        RemoteParts(
            transport=Client(Egress()),
            clock=SystemClock(),
            breakers=MemoryBreakers(),
            calls=RemoteCalls(_unasked),
            fraction=lambda: 0.5,
        )
    )
    spec = RemoteAgentSpec(url="https://far.example", skills=["refunds"], cost_usd=0.5)
    made.arrange({"far": Document(kind="RemoteAgent", metadata=Metadata(name="far"), spec=spec, raw={}, digest="")})
    return made


async def test_the_best_at_a_skill_come_first_and_those_of_others_are_not_found(store: SqliteRuns) -> None:
    scored(store, "good", 9, 1, 100)
    scored(store, "poor", 1, 9, 10)
    scored(store, "good", 0, 50, 7, tenant="other")
    here = Directory(lambda: SHELF, store, remotes())
    await here.refresh()
    found = here.find("refunds", WHO)
    assert [one.name for one in found] == ["good", "a2a/far", "poor"]
    assert [round(one.good, 3) for one in found] == [0.833, 0.5, 0.167]
    assert [one.cost_nano_usd for one in found] == [100, 500_000_000, 10]
    assert [one.name for one in here.find("money", WHO)] == ["good", "poor"]
    assert here.known("theirs", WHO) is None
    known = here.known("poor", WHO)
    assert known is not None
    assert known.version == "2"


async def test_one_that_is_switched_off_is_not_healthy_and_comes_last(store: SqliteRuns) -> None:
    scored(store, "good", 9, 0, 1)
    store.bar(Barred(kind="agent", name="good", tenant="acme", how="quarantined", by="op", at_ns=1, why="it lies"))
    here = Directory(lambda: SHELF, store)
    await here.refresh()
    assert [(one.name, one.healthy) for one in here.find("refunds", WHO)] == [("poor", True), ("good", False)]
    assert [one.name for one in here.page(WHO, "refunds", healthy=True)] == ["poor"]
    assert next(one for one in here.page(WHO) if one.name == "good").why == "agent quarantined: it lies"
    assert here.find("refunds", Principal(tenant="acme", key="x", models=("agent/other",))) == []


class RegistryPlace(Place):
    """With the paths of registries."""

    async def _handle(self, exchange: Exchange) -> None:
        await registry.answer(exchange, self.registries)


@pytest.fixture
def place(tmp_path: Path) -> RegistryPlace:
    made = RegistryPlace(tmp_path, {"good": says})
    directory = Directory(lambda: SHELF, made.store)
    made.registries = registry.Registries(
        directory=directory,
        shelf=lambda: SHELF,
        identity=Keys(KEYS),
        since_s=1_790_000_000,
        base_url="https://gw.example.com",
    )
    return made


async def get(place: Place, path: str, key: str = ALICE) -> httpx.Response:
    async with httpx.AsyncClient(base_url=place.base, headers={"authorization": f"Bearer {key}"}, timeout=60) as ask:
        return await ask.get(path)


async def test_servers_are_listed_page_by_page_and_read_by_name(place: RegistryPlace) -> None:
    async with place:
        first = (await get(place, "/v0.1/servers?limit=2")).json()
        second = (await get(place, f"/v0.1/servers?limit=2&cursor={first['metadata']['nextCursor']}")).json()
        found = (await get(place, "/v0.1/servers?search=FILES&version=latest")).json()
        one = (await get(place, "/v0.1/servers/com.example.gw%2Ffiles/versions/latest")).json()
        versions = (await get(place, "/v0.1/servers/com.example.gw%2Ffiles/versions")).json()
        later = (await get(place, "/v0.1/servers?updated_since=2100-01-01T00:00:00Z")).json()
    names = [entry["server"]["name"] for entry in first["servers"] + second["servers"]]
    assert names == ["com.example.gw/antiphon", "com.example.gw/agents", "com.example.gw/files"]
    assert "nextCursor" not in second["metadata"]
    assert [entry["server"]["version"] for entry in found["servers"]] == ["3"]
    assert one["server"]["remotes"] == [{"type": "streamable-http", "url": "https://gw.example.com/mcp/files"}]
    assert one["_meta"]["io.modelcontextprotocol.registry/official"]["isLatest"]
    assert versions["metadata"]["count"] == 1
    assert later["servers"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v0.1/servers/com.example.gw%2Fown", 404),
        ("/v0.1/servers/com.example.gw%2Finner", 404),
        ("/v0.1/servers?limit=0", 400),
        ("/v0.1/servers?limit=x", 400),
        ("/v0.1/servers?cursor=none", 400),
        ("/v0.1/servers?updated_since=soon", 400),
    ],
)
async def test_what_is_not_there_or_wrong_is_said(place: RegistryPlace, path: str, status: int) -> None:
    async with place:
        answer = await get(place, path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_agents_are_found_by_skill(place: RegistryPlace) -> None:
    scored(place.store, "poor", 3, 0, 5)
    async with place:
        by_skill = (await get(place, "/v1/registry/agents?skill=refunds")).json()["data"]
        all_of_them = (await get(place, "/v1/registry/agents")).json()["data"]
        none = (await get(place, "/v1/registry/agents?skill=refunds", BOB)).json()["data"]
    assert [(one["name"], one.get("cost_nano_usd", 0)) for one in by_skill] == [("poor", 5), ("good", 0)]
    assert [one["name"] for one in all_of_them] == ["good", "other", "poor"]
    assert by_skill[0]["path"] == "/a2a/poor"
    assert none == []
