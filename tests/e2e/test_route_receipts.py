"""A selector is learned from a gateway's own receipts: what was asked is captured, what came of it is fed back."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from made_outcomes import prompt
from servers import Postgres

from antiphon.core.secret import Secret
from antiphon.store.database import Reader
from antiphon.store.postgres import PostgresReader
from antiphon.store.postgres_link import PostgresPlace
from antiphon.store.sqlite import SqliteReader
from rig.fixtures import Start
from rig.fleet import Json, fleet, said
from rig.gateway import Config, Gateway
from rig.scripts import answers, by_model
from rig.sdk import says
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

DEPLOYMENTS: dict[str, Json] = {
    "small": {"price": {"input": 0.1, "output": 0.2}},
    "big": {"price": {"input": 10.0, "output": 20.0}},
}
RULES = [
    {"name": "to-small", "when": "header.x_to == 'small'", "models": ["small"]},
    {"name": "to-big", "when": "header.x_to == 'big'", "models": ["big"]},
]
GOOD_AT = {"small": ("sum",), "big": ("sum", "code")}
COUNT = 64


def config(upstream: str, *, url: str = "", capture: str = "content", **more: Any) -> Config:
    route = {"models": ["small", "big"], "equal": True, "rules": RULES}
    made = fleet(upstream, DEPLOYMENTS, {"r": {**route, **more.pop("route", {})}})
    made["storage"] |= {"capture": capture, **({"url": url} if url else {})}
    return {**made, **more}


def asked(gateway: Gateway, count: int, seed: int, to: Sequence[str] = ()) -> list[str]:
    """Ask for sums and code, and say who was right. Returns: the receipts."""
    chance, ids = random.Random(seed), []
    for number in range(count):
        kind = chance.choice(("sum", "code"))
        headers = {"x-to": to[number % len(to)]} if to else {}
        answer = gateway.chat({"model": "r", "messages": says(prompt(kind, chance))}, headers=headers)
        assert answer.status == 200, answer
        told = {"receipt": answer.receipt_id, "good": kind in GOOD_AT[said(answer)]}
        scored = gateway.ask("POST", "/v1/feedback", json.dumps(told).encode())
        assert scored.status == 200, scored
        ids.append(answer.receipt_id)
    return ids


def shipped(reader: Reader, ids: Sequence[str]) -> None:
    """Wait until these receipts and their scores are in the database."""
    until(lambda: all(reader.scores(one) and reader.receipt(one) for one in ids), "scores in the database", 30.0)


def route(gateway: Gateway, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "antiphon", "route", *arguments, "--config", str(gateway.file)]
    return subprocess.run(command, cwd=gateway.home, capture_output=True, text=True, timeout=120, check=False)


def told(ran: "subprocess.CompletedProcess[str]") -> Json:
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """Of the database; empty: it lies in the data directory."""
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


def reading(url: str, gateway: Gateway) -> Reader:
    return PostgresReader(PostgresPlace(url=Secret(url), home="test")) if url else SqliteReader(gateway.data)


def test_a_selector_learned_from_receipts_leads_requests_and_is_judged_by_what_they_came_to(
    start: Start, up: Upstream, url: str
) -> None:
    up.script = by_model(small=answers("small"), big=answers("big"))
    gateway = start(config(up.url, url=url))
    reader = reading(url, gateway)
    shipped(reader, asked(gateway, COUNT, 1, ("small", "big")))

    train = ("train", "--receipts", "--tenant", "acme", "--since", "1h", "--out", "selector.json", "--method", "ridge")
    learned = told(route(gateway, *train, "--json"))

    assert sorted(learned["models"]) == ["big", "small"]
    assert learned["best_single"] == "big"
    assert learned["receipts"] == {
        "scored": COUNT, "prompts": COUNT, "outcomes": COUNT, "propensities": 0, "left_out": {},
    }  # fmt: skip
    ran = route(gateway, "eval", "--selector", "selector.json", "--receipts", "--tenant", "acme")
    assert ran.returncode == 0, ran.stderr
    assert "no receipt keeps a propensity" in ran.stderr
    assert gateway.stop() == 0

    follows = {"selectors": {"mine": {"file": "selector.json", "explore": 0.5, "margin": 0.3, "tolerance": 0.3}}}
    led = {"selector": "mine", "objective": {"goal": "cheapest"}}
    gateway.write(config(up.url, url=url, route=led, **follows))
    gateway.start()
    ids = asked(gateway, 40, 2)
    grounds = [gateway.receipt(one)["grounds"] for one in ids]
    assert all(set(one["chances"]) == {"small", "big"} and 0 < one["propensity"] <= 1 for one in grounds)
    shipped(reader, ids)
    reader.close()

    valued = told(route(gateway, "eval", "--selector", "selector.json", "--receipts", "--tenant", "acme", "--json"))
    assert valued["receipts"]["propensities"] == valued["off_policy"]["chosen"]["choices"] == 40
    assert valued["receipts"]["outcomes"] == COUNT + 40


def test_what_is_missing_to_learn_from_receipts_is_named(start: Start, up: Upstream) -> None:
    up.script = by_model(small=answers("small"), big=answers("big"))
    gateway = start(config(up.url, capture="none"))
    train = ("train", "--receipts", "--tenant", "acme", "--out", "selector.json")
    nothing = route(gateway, *train)
    assert nothing.returncode == 3
    assert "no receipt of tenant 'acme' since 30d has a score" in nothing.stderr
    assert "antiphon feedback" in nothing.stderr

    shipped(SqliteReader(gateway.data), asked(gateway, 2, 1))
    bare = route(gateway, *train)

    assert bare.returncode == 3
    assert "no content was captured: 2" in bare.stderr
    assert "capture: content" in bare.stderr
    assert not (gateway.home / "selector.json").exists()
    both = route(gateway, *train, "--outcomes", "o.jsonl")
    assert (both.returncode, "not allowed with argument" in both.stderr) == (2, True)
    assert "every model's answer" in route(gateway, *train, "--cascades").stderr
    assert "go with --receipts" in route(gateway, *train[:1], *train[2:], "--outcomes", "o.jsonl").stderr
