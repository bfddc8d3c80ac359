"""What agents remember, and letters that began no run, by commands on a gateway that runs."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
import yaml

from antiphon.store.runs_sqlite import SqliteRuns
from rig.wait import until

ALICE, BOB, ADMIN = "sk-alice-0123456789", "sk-bobby-0123456789", "sk-admin-0123456789"
SCRIPT = [
    {
        "when": "'remember' not in called",
        "calls": [{"tool": "remember", "arguments": {"text": "Likes green tea.", "scope": "user"}}],
    },
    {"say": "It is noted."},
]
CONFIG: dict[str, Any] = {
    "storage": {"dir": "data", "ship_interval_s": 0.05},
    "admin": {"port": 0},
    "agents": {"documents": ["agents.yaml"], "workers": 2, "public_url": "https://models.example.com"},
    "keys": [
        {"name": "alice", "key": ALICE, "tenant": "acme", "user": "alice"},
        {"name": "bob", "key": BOB, "tenant": "acme", "user": "bob"},
        {"name": "admin", "key": ADMIN, "tenant": "acme", "admin": True},
    ],
    "providers": {"lab": {"lab": {"models": {"clerk": {"tokens_per_s": 1_000_000, "script": SCRIPT}}}}},
    "models": {"clerk": {"provider": "lab", "price": {"input": 1.0, "output": 2.0}}},
}
DOCUMENTS = [
    {
        "apiVersion": "antiphon/v1",
        "kind": "Agent",
        "metadata": {"name": "clerk"},
        "spec": {
            "goal": "Notes things.",
            "models": {"act": "clerk"},
            "verify": None,
            "memory": {"scopes": ["user"], "approve": "never"},
        },
    },
    {
        "apiVersion": "antiphon/v1",
        "kind": "Trigger",
        "metadata": {"name": "orders", "tenant": "acme"},
        "spec": {"agent": "clerk", "queue": {}, "service": {"models": ["nothing"]}},
    },
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Any]) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("kept")
    (home / "agents.yaml").write_text(yaml.safe_dump_all(DOCUMENTS))
    (home / "antiphon.yaml").write_text(yaml.safe_dump(CONFIG))
    with serving(home / "antiphon.yaml", "--port", "0") as one:
        yield one


@pytest.fixture
def command(antiphon: Callable[..., Any], gateway: Any) -> Callable[..., Any]:
    def run(*arguments: str, key: str = ALICE) -> Any:
        return antiphon("agent", *arguments, ANTIPHON_URL=gateway.url, ANTIPHON_KEY=key)

    return run


def test_what_an_agent_remembers_is_listed_and_erased_by_those_whose_it_is(command: Callable[..., Any]) -> None:
    ran = command("run", "clerk", "Remember my tea.")
    assert ran.code == 0, ran.err
    told = command("memories", "clerk", "--json")
    assert told.code == 0, told.err
    (memory,) = json.loads(told.out)["data"]
    assert (memory["text"], memory["scope"]) == ("Likes green tea.", "user")
    assert memory["id"] in command("memories", "clerk").out
    assert "remembers nothing" in command("memories", "clerk", key=BOB).err
    assert command("forget", "clerk", memory["id"], key=BOB).code != 0
    assert command("forget", "clerk", memory["id"]).code == 0
    assert json.loads(command("memories", "clerk", "--json").out)["data"] == []
    gone = command("forget", "clerk", memory["id"])
    assert "has no memory" in gone.err


def test_a_dead_letter_is_listed_tried_again_and_dropped(
    command: Callable[..., Any], antiphon: Callable[..., Any], gateway: Any, post: Callable[..., int]
) -> None:
    def triggers(*arguments: str) -> Any:
        return antiphon("agent", "triggers", *arguments, "--config", gateway.config)

    def letters() -> list[Any]:
        return json.loads(triggers("orders", "--json").out)["data"]

    assert post("/v1/triggers/orders", {"order": 7}, "evt-1") == 202
    dead = _until(letters)
    assert [(one["event"], one["code"], one["body"]) for one in dead] == [("evt-1", "not_allowed", {"order": 7})]
    (row,) = json.loads(triggers("--json").out)["data"]
    assert (row["name"], row["kind"], row["waiting"], row["dead"]) == ("orders", "queue", 0, 1)
    assert "evt-1" in triggers("orders").out
    assert triggers("orders", "--revive", "evt-1").code == 0
    assert [one["event"] for one in _until(letters)] == ["evt-1"]
    assert triggers("orders", "--forget", "evt-1").code == 0
    assert "orders has no dead letters." in triggers("orders").err
    assert triggers("orders", "--forget", "evt-1").code != 0
    assert triggers("--forget", "evt-1").code == 2


def test_as_many_processes_run_agents_as_the_configuration_says(gateway: Any) -> None:
    store = SqliteRuns(gateway.config.parent / "data")
    try:
        until(lambda: len([one for one in store.beats() if not one.retired]) == 2, "two that live")
    finally:
        store.close()


def test_what_others_are_told_begins_with_the_public_url(gateway: Any) -> None:
    asked = Request(
        f"{gateway.url}/a2a/clerk/.well-known/agent-card.json", headers={"authorization": f"Bearer {ALICE}"}
    )
    with urlopen(asked) as answer:
        card = json.load(answer)
    urls = [one["url"] for one in card["supportedInterfaces"]]
    assert urls
    assert all(one.startswith("https://models.example.com/") for one in urls)


@pytest.fixture
def post(gateway: Any) -> Callable[[str, Any, str], int]:
    def send(path: str, body: Any, once: str) -> int:
        headers = {"authorization": f"Bearer {ADMIN}", "content-type": "application/json", "idempotency-key": once}
        with urlopen(Request(gateway.url + path, json.dumps(body).encode(), headers)) as answer:
            return int(answer.status)

    return send


def _until(found: Callable[[], list[Any]], most: int = 60) -> list[Any]:
    """Ask until there is something; each time is a command of its own, which takes a while."""
    for _ in range(most):
        if came := found():
            return came
    raise AssertionError("nothing came")
