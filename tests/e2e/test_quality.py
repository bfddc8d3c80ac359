"""What callers, contracts and judges say of answers is kept, comes to the quality of deployments, and leads requests."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from servers import Postgres

from rig.config import ALICE, BOB, ROOT
from rig.fixtures import Start
from rig.fleet import Json, fleet, said
from rig.gateway import Answer, Config, Gateway
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
BEST = {"goal": "best", "scores_at_least": 3}
RATING = '{"score": 4, "accepted": true}'
Found = TypeVar("Found")
LEARNT_S = 120.0
"""Workers read what scores come to every 2 s, and not before 20 times as long as a reading takes."""


def learnt(probe: Callable[[], Found], what: str) -> Found:
    """Wait for what workers know of scores."""
    return until(probe, what, LEARNT_S)


def config(url: str, route: Json, **more: Any) -> Config:
    """A route `r` over two deployments, either of which a header asks for."""
    made = fleet(url, DEPLOYMENTS, {"r": {"models": ["small", "big"], "equal": True, "rules": RULES, **route}})
    return {**made, **more}


def chat(gateway: Gateway, to: str = "", **more: Any) -> Answer:
    body = {"model": "r", "messages": says("What is 2 + 2?"), **more}
    answer = gateway.chat(body, headers={"x-to": to} if to else {})
    assert answer.status == 200, answer
    return answer


def score(gateway: Gateway, *, key: str | None = None, **body: Any) -> Answer:
    return gateway.ask("POST", "/v1/feedback", json.dumps(body).encode(), key=key)


def scored(gateway: Gateway, receipt: str, *, key: str | None = None, **body: Any) -> Json:
    answer = score(gateway, key=key, receipt=receipt, **body)
    assert answer.status == 200, answer
    return answer.json


def quality(gateway: Gateway, key: str = ALICE, query: str = "") -> dict[tuple[str, str, str], Json]:
    """By deployment, route and task."""
    answer = gateway.get(f"/v1/quality{query}", key=key)
    assert answer.status == 200, answer
    return {(one["deployment"], one["route"], one.get("task", "")): one for one in answer.json["data"]}


def count(gateway: Gateway, deployment: str, key: str = ALICE) -> float:
    return round(quality(gateway, key).get((deployment, "r", ""), {}).get("count", 0.0), 3)


def contents(directory: Path) -> Iterator[bytes]:
    """Of all files; some come and go while they are looked at."""
    for one in directory.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            yield one.read_bytes()


@pytest.fixture
def gateway(start: Start, up: Upstream) -> Gateway:
    up.script = by_model(small=answers("small's"), big=answers("big's"))
    return start(config(up.url, {"objective": BEST}))


@pytest.mark.parametrize(("liked", "other"), [("big", "small"), ("small", "big")])
def test_the_best_candidate_is_who_feedback_says_is(gateway: Gateway, liked: str, other: str) -> None:
    for name, good in ((liked, True), (other, False)):
        for _ in range(4):
            told = scored(gateway, chat(gateway, name).receipt_id, good=good)
            assert (told["deployment"], told["route"], told["score"], told["by"]) == (name, "r", float(good), "alice")

    def led() -> dict[str, Json]:
        """Once all scores are known: what was seen of each."""
        answer = chat(gateway)
        found = gateway.receipt(answer)["grounds"]["seen"].get("qualities", [])
        seen = {one["deployment"]: one for one in found if not one.get("task") and one["count"] > 3.9}
        return seen if len(seen) == 2 and said(answer) == f"{liked}'s" else {}

    seen = learnt(led, f"{liked} answers")

    assert round(seen[liked]["mean"], 6) == 1
    assert 0.5 < seen[liked]["low"] < 1
    assert 0 < seen[other]["high"] < 0.5
    learnt(lambda: gateway.metric("antiphon_quality", f'deployment="{liked}"', 'route="r"') > 0.99, "the gauge")
    assert round(gateway.metric("antiphon_quality_scores", f'deployment="{other}"'), 2) == 4
    assert gateway.metric("antiphon_feedback_total", 'source="feedback"') == 8
    assert gateway.metric("antiphon_rule_hits_total", f'rule="to-{liked}"', 'route="r"') == 4


def test_a_floor_of_quality_keeps_the_cheap_one_out_until_it_is_good_enough(start: Start, up: Upstream) -> None:
    up.script = by_model(small=answers("small's"), big=answers("big's"))
    floor = {"goal": "cheapest", "quality_at_least": 0.8, "scores_at_least": 3, "unknown": "allow"}
    gateway = start(config(up.url, {"objective": floor}))
    first = [chat(gateway, "small").receipt_id for _ in range(4)]
    assert said(chat(gateway)) == "small's", "nothing is known yet, and it costs least"

    for receipt in first:
        scored(gateway, receipt, score=0.2)
    learnt(lambda: said(chat(gateway)) == "big's", "the cheap one is below the floor")
    for receipt in first:
        scored(gateway, receipt, score=0.9, note="I was wrong")
    learnt(lambda: said(chat(gateway)) == "small's", "the last word counts")

    assert count(gateway, "small") == 4


def test_the_last_score_of_one_caller_source_and_receipt_counts(gateway: Gateway) -> None:
    receipt = chat(gateway, "small").receipt_id
    for value in (0.1, 0.9, 0.3):
        scored(gateway, receipt, score=value, note=f"say {value}")
    scored(gateway, receipt, good=True, source="evaluation")
    scored(gateway, receipt, good=True, key=ROOT)

    learnt(lambda: count(gateway, "small") == 3, "three scores that count")
    told = gateway.get(f"/v1/feedback?receipt={receipt}").json["data"]
    assert [(one["source"], one["by"], one["score"]) for one in told] == [
        ("evaluation", "alice", 1.0),
        ("feedback", "alice", 0.3),
        ("feedback", "default/root", 1.0),
    ]
    assert told[1]["note"] == "say 0.3"
    assert b"say 0.3" not in b"".join(contents(gateway.data)), "notes are sealed wherever they are kept"
    mean = quality(gateway)["small", "r", ""]["mean"]
    assert round(mean, 4) == round((0.3 + 1 + 1) / 3, 4)


def test_what_is_wrong_with_a_score_is_named(gateway: Gateway) -> None:
    receipt = chat(gateway, "small").receipt_id
    wrong: list[tuple[Json, str]] = [
        ({"score": 1}, "receipt"),
        ({"receipt": 7, "score": 1}, "receipt"),
        ({"receipt": receipt}, "score"),
        ({"receipt": receipt, "score": 1.5}, "score"),
        ({"receipt": receipt, "score": "good"}, "score"),
        ({"receipt": receipt, "score": True}, "score"),
        ({"receipt": receipt, "score": 1, "good": True}, "score"),
        ({"receipt": receipt, "good": 1}, "good"),
        ({"receipt": receipt, "good": True, "source": "judge"}, "source"),
        ({"receipt": receipt, "good": True, "note": 5}, "note"),
        ({"receipt": receipt, "good": True, "note": "x" * 2001}, "note"),
        ({"receipt": receipt, "good": True, "deployment": "big"}, "deployment"),
    ]
    for body, field in wrong:
        answer = score(gateway, **body)
        assert (answer.status, answer.error["param"]) == (400, field), body
    assert gateway.ask("PUT", "/v1/feedback", b"{}").headers["allow"] == "GET, HEAD, POST"
    assert gateway.ask("POST", "/v1/quality", b"{}").status == 405
    assert gateway.get("/v1/feedback").error["param"] == "receipt"
    assert quality(gateway) == {}


def test_a_refused_request_has_no_answer_to_score(gateway: Gateway) -> None:
    refused = gateway.chat({"model": "missing", "messages": says("Hi")})

    answer = score(gateway, receipt=refused.receipt_id, good=True)

    assert (answer.status, answer.error["param"]) == (400, "receipt")


def test_only_the_receipts_tenant_and_an_admin_may_score_and_each_sees_its_own(gateway: Gateway) -> None:
    receipt = chat(gateway, "small").receipt_id
    for stranger, asked in ((BOB, receipt), (ALICE, "00000000-0000-7000-8000-000000000000")):
        answer = score(gateway, key=stranger, receipt=asked, good=False)
        assert (answer.status, answer.error["code"]) == (404, "receipt_not_found")
    scored(gateway, receipt, good=True)

    learnt(lambda: count(gateway, "small") == 1, "it is counted")
    assert count(gateway, "small", ROOT) == 1
    assert quality(gateway, BOB) == {}
    assert quality(gateway, ROOT, "?tenant=globex") == {}
    assert gateway.get("/v1/quality?tenant=acme", key=BOB).status == 403
    assert gateway.get(f"/v1/feedback?receipt={receipt}", key=BOB).status == 404


def test_a_score_that_was_taken_survives_that_the_gateway_is_killed(gateway: Gateway) -> None:
    receipts = [chat(gateway, "big").receipt_id for _ in range(20)]
    for receipt in receipts:
        scored(gateway, receipt, good=True)
    gateway.kill()
    gateway.start()

    learnt(lambda: count(gateway, "big") == 20, "every one of them, once")
    scored(gateway, receipts[0], good=False)
    learnt(lambda: quality(gateway)["big", "r", ""]["mean"] < 0.96, "one of them is taken back")
    assert count(gateway, "big") == 20


def test_contracts_and_judges_score_who_gave_the_answers(start: Start, up: Upstream) -> None:
    up.script = by_model(small=answers("the number is 4"), big=answers(RATING))
    best = {"best_of": {"members": ["small", "big"], "judge": "big"}}
    recipes = {
        "kept": {
            "cascade": {"stages": [{"seat": "small"}, {"seat": "big"}]},
            "contract": {"regex": "the number is [0-9]"},
        },
        "broken": {
            "draft_verify": {"draft": "small", "verifier": "big"},
            "contract": {"regex": "five", "on_violation": "warn"},
        },
        "judged": best,
    }
    routes = {name: {"models": ["small", "big"], "recipe": name} for name in recipes}
    made = fleet(up.url, DEPLOYMENTS, routes)
    gateway = start({**made, "recipes": recipes})
    rated: dict[str, list[Json]] = {}
    for name in recipes:
        answer = gateway.chat({"model": name, "messages": says("What is 2 + 2?")})
        assert answer.status == 200, answer
        rated[name] = gateway.receipt(answer)["rated"]
    told_of = [(one["step"], one["deployment"], one["source"], one["score"]) for one in rated["kept"]]
    assert ("stage-1", "small", "contract", 1.0) in told_of
    assert {(one["source"], round(one["score"], 3)) for one in rated["judged"]} == {("judge", 0.333)}

    def told() -> dict[tuple[str, str, str], Json]:
        found = quality(gateway, ROOT)
        return found if {name for _, name, _ in found} == set(recipes) else {}

    found = learnt(told, "scores of all recipes")
    kept = {name: one for (name, route, task), one in found.items() if route == "kept" and not task}
    broken = {name: one for (name, route, task), one in found.items() if route == "broken" and not task}
    assert kept["small"]["mean"] == 1
    assert broken["small"]["mean"] < 0.5
    assert any(task for _, _, task in found), "by class of task too"
    learnt(lambda: gateway.metric("antiphon_recipe_runs_total", 'recipe="kept"') == 1, "the run is counted")
    assert gateway.metric("antiphon_recipe_calls_total", 'recipe="broken"') >= 2


def test_what_one_gateway_was_told_leads_the_requests_of_another_on_the_same_postgres(
    start: Start, up: Upstream, postgres: Postgres, tmp_path: Path
) -> None:
    up.script = by_model(small=answers("small's"), big=answers("big's"))
    made = config(up.url, {"objective": BEST})
    made["storage"] |= {"url": postgres.place().url.reveal()}
    homes = [tmp_path / name for name in ("first", "second")]
    for home in homes:
        home.mkdir()
    first, second = (start(made, "--workers", "2", home=home) for home in homes)
    receipts = {name: [chat(first, name).receipt_id for _ in range(4)] for name in DEPLOYMENTS}

    def shipped() -> bool:
        found = [second.get(f"/v1/receipts/{receipt}") for some in receipts.values() for receipt in some]
        return all(one.status == 200 and one.json["outcome"] == "ok" for one in found)

    learnt(shipped, "the other gateway finds the receipts")
    for place, (name, some) in enumerate(receipts.items()):
        for number, receipt in enumerate(some):
            scored((first, second)[number % 2], receipt, good=place == 1)
            scored((second, first)[number % 2], receipt, good=name == "big")

    def counts(gateway: Gateway) -> list[float]:
        return [count(gateway, name) for name in DEPLOYMENTS]

    learnt(lambda: counts(first) == counts(second) == [4, 4], "each score once, whoever carried it")
    learnt(lambda: said(chat(second)) == "big's", "the other gateway asks the better one")


def test_a_source_that_weighs_nothing_does_not_count_from_the_next_reload_on(gateway: Gateway) -> None:
    receipt = chat(gateway, "small").receipt_id
    scored(gateway, receipt, good=False)
    scored(gateway, receipt, good=True, source="evaluation")
    learnt(lambda: count(gateway, "small") == 2, "both count")

    gateway.write({**gateway.config, "quality": {"weights": {"feedback": 0, "evaluation": 0.5}}})

    learnt(lambda: count(gateway, "small") == 0.5, "one of them, for half")
    assert quality(gateway)["small", "r", ""]["mean"] == 1
    learnt(lambda: gateway.metric("antiphon_quality_scores", 'deployment="small"') < 0.6, "workers know it too")


def test_a_half_life_takes_a_restart(gateway: Gateway) -> None:
    gateway.write({**gateway.config, "quality": {"half_life_days": 7}})

    refused = gateway.event("config.refused")
    assert "quality.half_life_days" in refused["reason"]
    assert gateway.get("/v1/quality").json["half_life_days"] == 30
