"""Circuit breakers and probes, and what GET /v1/health/deployments says of them."""

import json
from collections.abc import Iterator

import pytest

from antiphon.gateway.gateway import PROBE
from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings
from rig.config import ALICE, ROOT
from rig.fixtures import Start
from rig.fleet import Json, asked, fleet, health, said, told
from rig.gateway import Gateway
from rig.labs import FAST
from rig.loop import LoopThread
from rig.scripts import answers, by_model, fails, in_turn
from rig.sdk import client, says
from rig.upstream import Upstream, silent
from rig.wait import until

pytestmark = pytest.mark.processes

DOWN = fails(b"500 Internal Server Error")
BREAKER: Json = {"consecutive_failures": 3, "open_s": 0.1}
REASON = "3 failures in a row; the last: server_error"


def ask(model: str = "r") -> Json:
    return {"model": model, "messages": says("Hi")}


@pytest.fixture
def flaky(servers: LoopThread) -> Iterator[Running]:
    """A lab whose model `flaky` fails three times, and answers from then on."""
    fault = FaultSettings(kind="error_500", requests=[1, 2, 3])
    models = {"flaky": LabModel(tokens_per_s=FAST, faults=[fault]), "sound": LabModel(tokens_per_s=FAST)}
    context = running(LabSettings(models=models))
    yield servers.enter(context)
    servers.leave(context)


def why(gateway: Gateway, name: str) -> str:
    return health(gateway, name)["breaker"].get("reason", "")


def served(gateway: Gateway) -> str:
    answer = gateway.chat(ask())
    assert answer.status == 200, answer
    return answer.headers["x-antiphon-deployment"]


def failed_thrice(start: Start, flaky: Running, open_s: float) -> Gateway:
    """A gateway with a deployment that is left alone."""
    breaker = {**BREAKER, "open_s": open_s}
    gateway = start(
        fleet(f"{flaky.url}/v1", ["flaky", "sound"], {"r": {"models": ["flaky", "sound"]}}, breaker=breaker)
    )
    with client(gateway) as sdk:
        for _ in range(3):
            assert sdk.chat.completions.create(**ask()).choices[0].message.content
    return gateway


def test_one_that_fails_is_left_alone(start: Start, flaky: Running) -> None:
    gateway = failed_thrice(start, flaky, 60)

    left_alone = gateway.chat(ask())
    state = health(gateway, "flaky")
    assert told(gateway.receipt(left_alone)) == [("sound", "", "")]
    assert gateway.receipt(left_alone)["attempts"][0]["passed_over"] == [
        {"deployment": "flaky", "lost": f"left alone: {REASON}"}
    ]
    assert (state["breaker"]["state"], state["breaker"]["reason"]) == ("open", REASON)
    assert 0 < state["breaker"]["retry_in_s"] <= 60
    assert not state["usable"]
    until(lambda: gateway.metric("antiphon_breaker_open", 'deployment="flaky"') == 1, "the metric says so")
    until(lambda: gateway.metric("antiphon_breaker_openings", 'deployment="flaky"') == 1, "and how often")
    over = "antiphon_retries_total", 'deployment="sound"', 'place="other_deployment"'
    until(lambda: gateway.metric(*over) == 3, "who took over is counted")
    failed = "antiphon_attempts_total", 'deployment="flaky"', 'result="upstream_error"'
    until(lambda: gateway.metric(*failed) == 3, "who failed is counted")


def test_one_request_finds_out_that_it_is_back(start: Start, flaky: Running) -> None:
    gateway = failed_thrice(start, flaky, 0.1)

    until(lambda: served(gateway) == "flaky", "a request finds that it is back")

    assert health(gateway, "flaky")["breaker"]["state"] == "closed"
    assert health(gateway, "flaky")["breaker"]["openings"] == 1
    until(lambda: gateway.metric("antiphon_breaker_openings", 'deployment="flaky"') == 1, "the metric says so")
    until(lambda: gateway.metric("antiphon_breaker_open", 'deployment="flaky"') == 0, "the metric says so")


def test_one_that_is_still_down_costs_probes_alone_and_no_caller_notices(start: Start, up: Upstream) -> None:
    up.script = by_model(down=DOWN, good=answers("fine"))
    gateway = start(fleet(up.url, ["down", "good"], {"r": {"models": ["down", "good"]}}, breaker=BREAKER))

    until(lambda: served(gateway) and "its probe failed" in why(gateway, "down"), "a probe")
    probes = asked(up).count("down") - 3
    served(gateway)

    assert 1 <= probes <= 5
    assert asked(up).count("down") - 3 <= 5


def test_the_last_one_is_asked_although_its_breaker_is_open(start: Start, up: Upstream) -> None:
    up.script = by_model(only=in_turn(DOWN, DOWN, DOWN, answers("back")))
    breaker = {**BREAKER, "open_s": 60}
    gateway = start(fleet(up.url, ["only"], {"r": {"models": ["only"], "attempts": 1}}, breaker=breaker))
    for _ in range(3):
        assert gateway.chat(ask()).status == 502
    assert health(gateway, "only")["breaker"]["state"] == "open"

    assert said(gateway.chat(ask())) == "back"

    assert health(gateway, "only")["breaker"]["state"] == "closed"


def test_probes_find_it_out_in_place_of_callers_and_have_receipts(start: Start, up: Upstream) -> None:
    up.script = by_model(sick=in_turn(DOWN, DOWN, DOWN, DOWN, answers("back")), good=answers("fine"))
    config = fleet(
        up.url,
        ["sick", "good"],
        {"r": {"models": ["sick", "good"]}},
        breaker=BREAKER,
        probes={"enabled": True, "interval_s": 1, "prompt": "are you there?"},
    )
    gateway = start(config)
    for _ in range(3):
        served(gateway)

    until(lambda: served(gateway) == "sick", "probes close the breaker", 60)

    bodies = [json.loads(seen.body) for seen in up.seen if seen.model == "sick"]
    asked_for = [body["messages"][0]["content"] for body in bodies]
    assert asked_for[:5] == ["Hi", "Hi", "Hi", "are you there?", "are you there?"]
    assert {body["max_tokens"] for body in bodies[3:5]} == {1}
    until(lambda: sum(one.endpoint == PROBE for one in gateway.stored()) == 2, "both receipts")
    probes = [one for one in gateway.stored() if one.endpoint == PROBE]
    assert [(one.outcome, one.attempts[0].deployment) for one in probes] == [("failed", "sick"), ("ok", "sick")]
    assert {one.principal.tenant for one in probes if one.principal} == {"antiphon"}
    assert gateway.get(f"/v1/receipts/{probes[0].id}").status == 404
    assert gateway.get(f"/v1/receipts/{probes[0].id}", key=ROOT).status == 200


def test_how_deployments_are_is_for_admins(start: Start, up: Upstream) -> None:
    gateway = start(fleet(up.url, ["one", "two"], {"r": {"models": ["one", "two"]}}))
    before = len(up.seen)

    admin, other, nobody = (gateway.get("/v1/health/deployments", key=key) for key in (ROOT, ALICE, ""))

    assert (admin.status, other.status, nobody.status) == (200, 403, 401)
    assert other.error["code"] == "not_allowed"
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert [one["name"] for one in admin.json["deployments"]] == ["one", "two"]
    assert all(one["usable"] and one["breaker"]["state"] == "closed" for one in admin.json["deployments"])
    assert gateway.get("/readyz", key="").status == gateway.get("/livez", key="").status == 200
    assert len(up.seen) == before


def test_it_tells_latency_and_what_runs_and_never_a_key(start: Start, up: Upstream) -> None:
    up.script = answers("fine")
    config = fleet(up.url, ["one"], {"r": {"models": ["one"]}}, live={"min_volume": 1})
    gateway = start(config)
    gateway.chat(ask())
    gateway.chat({**ask(), "stream": True})

    page = gateway.get("/v1/health/deployments", key=ROOT)
    (one,) = page.json["deployments"]

    assert one["latency"]["first_token_p50_s"] > 0
    assert one["latency"]["whole_p50_s"] > 0
    assert (one["in_flight"], one["waiting"], one["headroom"]) == (0, 0, 1.0)
    assert [key["name"] for key in one["keys"]] == ["key 1"]
    assert b"secret" not in page.body


def test_a_probe_that_hangs_keeps_nothing_else_from_being_seen(start: Start, up: Upstream) -> None:
    up.script = by_model(sick=in_turn(DOWN, silent), worse=DOWN, good=answers("fine"))
    config = fleet(
        up.url,
        ["sick", "worse", "good"],
        {"r": {"models": ["sick", "good"]}, "other": {"models": ["worse", "good"]}},
        breaker={"consecutive_failures": 1, "open_s": 0.1},
        probes={"enabled": True, "interval_s": 1, "timeout_s": 600},
    )
    gateway = start(config)
    served(gateway)
    until(lambda: asked(up).count("sick") == 2, "the probe hangs")

    gateway.chat(ask("other"))

    until(lambda: gateway.metric("antiphon_breaker_open", 'deployment="worse"') == 1, "the metric says so")
