"""A new configuration takes over whole for new requests; what runs finishes under the old one."""

import json
import os
import signal
from copy import deepcopy

import pytest

from rig.config import ALICE, BOB, to_upstream
from rig.crowd import Gate
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.processes import workers
from rig.raw import Caller, request
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ANSWER = b'{"id":"c","object":"chat.completion","choices":[]}'
ASK = {"model": "gpt-test", "messages": []}


def changed(config: Config, **more: object) -> Config:
    """The same with another upstream model behind `gpt-test`."""
    fresh = deepcopy(config)
    fresh["models"]["gpt-test"]["model"] = "up-model-2"
    return {**fresh, **more}


def revision(gateway: Gateway) -> str:
    return gateway.get("/readyz").json["revision"]


def taken(gateway: Gateway, config: Config, *, signalled: bool = False, workers: int = 1) -> str:
    """Put a configuration in place, and wait until every worker has it. Returns: its revision."""
    before = len(gateway.events("config.taken"))
    gateway.write(config)
    if signalled:
        gateway.signal(signal.SIGHUP)
    until(lambda: len(gateway.events("config.taken")) >= before + workers, "the configuration is taken")
    return gateway.events("config.taken")[-1]["revision"]


@pytest.mark.parametrize("signalled", [True, False], ids=["SIGHUP", "file change"])
def test_new_requests_come_under_the_new_revision_and_a_running_one_stays(
    start: Start, up: Upstream, servers: LoopThread, signalled: bool
) -> None:
    gateway = start(to_upstream(up.url))
    old = revision(gateway)
    gate = Gate()
    up.script = gate.script
    with Caller(gateway) as caller:
        caller.send(request(gateway, {**ASK, "stream": True, "seed": 0}))
        receipt_id = caller.receipt_id
        up.script = whole(ANSWER)

        new = taken(gateway, changed(gateway.config), signalled=signalled)
        answer = gateway.chat(ASK)
        servers.run(gate.open())
        caller.read_until(b"data: [DONE]\n\n")

    assert revision(gateway) == new != old
    running, fresh = gateway.receipt(receipt_id), gateway.receipt(answer)
    assert (running["revision"], running["outcome"]) == (old, "ok")
    assert (fresh["revision"], fresh["outcome"]) == (new, "ok")
    assert [json.loads(seen.body)["model"] for seen in up.seen] == ["up-model-1", "up-model-2"]


def test_keys_prompts_limits_and_names_change_together(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    assert gateway.chat(ASK).status == 200

    config = changed(gateway.config)
    config["keys"] = [{"name": "carol", "key": "sk-carol-0001"}]
    config["routes"] = {"auto": {"models": ["gpt-test"], "prompt": "house"}}
    config["prompts"] = {"house": {"text": "Be brief."}}
    config["server"] = {"limits": {"max_body_bytes": 1024}}
    taken(gateway, config)

    assert gateway.chat(ASK).status == 401
    assert gateway.chat({**ASK, "x": "x" * 2000}, key="sk-carol-0001").status == 413
    answer = gateway.chat({**ASK, "model": "auto"}, key="sk-carol-0001")
    assert answer.status == 200
    assert json.loads(up.last.body)["messages"] == [{"role": "system", "content": "Be brief."}]
    names = [model["id"] for model in gateway.ask("GET", "/v1/models", key="sk-carol-0001").json["data"]]
    assert names == ["auto", "bob-test", "gpt-test"]


def test_every_worker_takes_it(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url), "--workers", "2")

    taken(gateway, changed(gateway.config), workers=2)

    assert {event["worker"] for event in gateway.events("config.taken")} == {0, 1}


def test_a_bad_file_keeps_the_last_good_one_and_says_where_it_is_wrong(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    good = revision(gateway)
    text = gateway.file.read_text()
    line = text.count("\n") + 1

    gateway.put(text + "surprise: 1\nmodels_: {}\n")
    event = gateway.event("config.refused")

    assert f"{gateway.file}:{line}: surprise:" in event["reason"]
    assert f"{gateway.file}:{line + 1}: models_:" in event["reason"]
    assert (event["kept"], event["level"]) == (good, "error")
    assert revision(gateway) == good
    assert gateway.chat(ASK).status == 200

    gateway.put("{ not yaml")
    gateway.event("config.refused", 2)
    gateway.file.unlink()
    gateway.event("config.refused", 3)
    assert gateway.chat(ASK).status == 200

    assert taken(gateway, changed(gateway.config)) == revision(gateway) != good


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"server": {"host": "localhost"}}, "server.host"),
        ({"server": {"workers": 2}}, "server.workers"),
        ({"storage": {"dir": "./elsewhere", "ship_interval_s": 0.05}}, "storage.dir"),
        ({"storage": {"fsync": True, "ship_interval_s": 0.05}}, "storage.fsync"),
    ],
)
def test_what_needs_a_restart_is_refused(start: Start, up: Upstream, section: Config, path: str) -> None:
    gateway = start(to_upstream(up.url))
    good = revision(gateway)

    gateway.write(changed(gateway.config, **section))
    event = gateway.event("config.refused")

    assert path in event["reason"]
    assert "restart" in event["reason"]
    assert revision(gateway) == good


def test_a_worker_that_is_started_later_has_the_new_configuration(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    new = taken(gateway, changed(gateway.config))
    os.kill(workers(gateway)[0], signal.SIGKILL)
    gateway.event("worker.died")

    until(lambda: workers(gateway), "the next worker")
    assert revision(gateway) == new


def test_an_upstream_that_is_named_no_more_loses_its_idle_connections(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    assert gateway.chat(ASK).status == 200
    assert up.open_connections == 1

    config = deepcopy(gateway.config)
    config["providers"]["up"]["base_url"] = "http://127.0.0.1:9/v1"
    taken(gateway, config)

    until(lambda: up.open_connections == 0, "the connection is closed")


def test_another_tenants_key_stays_another_tenants(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    answer = gateway.chat(ASK, key=ALICE)

    taken(gateway, changed(gateway.config))

    assert gateway.get(f"/v1/receipts/{answer.receipt_id}", key=ALICE).status == 200
    assert gateway.get(f"/v1/receipts/{answer.receipt_id}", key=BOB).status == 404
