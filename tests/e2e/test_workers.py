"""Several workers look like one gateway, and one that dies is replaced."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rig.config import ROOT, to_upstream
from rig.fixtures import Start
from rig.gateway import Gateway
from rig.processes import shipper, stopped, workers
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ASK = {"model": "gpt-test", "messages": []}
ANSWER = b'{"id":"c","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'
OK = ('route="gpt-test"', 'outcome="ok"')


def test_metrics_are_summed_over_workers_and_survive_them(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url), "--workers", "2")
    up.script = whole(ANSWER)
    first, second = workers(gateway)

    served: list[int] = []
    for other in (second, first):
        with stopped(other):
            served += [gateway.receipt(gateway.chat(ASK)).get("worker", 0) for _ in range(20)]
    assert served == [0] * 20 + [1] * 20
    assert gateway.chat({**ASK, "model": "none"}).status == 404

    def counted() -> dict[str, float]:
        return {
            "ok": gateway.metric("antiphon_requests_total", *OK),
            "refused": gateway.metric("antiphon_requests_total", 'outcome="refused"', 'error="model_not_found"'),
            "input": gateway.metric("antiphon_tokens_total", 'kind="input"'),
            "output": gateway.metric("antiphon_tokens_total", 'kind="output"'),
            "cost": round(gateway.metric("antiphon_cost_usd_total"), 9),
            "times": gateway.metric("antiphon_request_seconds_count", 'route="gpt-test"'),
        }

    expected = {"ok": 40, "refused": 1, "input": 400, "output": 200, "cost": 40 * (10e-6 + 10e-6), "times": 40}
    until(lambda: counted() == pytest.approx(expected), "all are counted")

    os.kill(first, signal.SIGKILL)
    event = gateway.event("worker.died")
    assert (event["pid"], event["status"]) == (first, -signal.SIGKILL)
    until(lambda: len(workers(gateway)) == 2, "the next worker")
    assert counted() == pytest.approx(expected)
    assert second in workers(gateway)
    for _ in range(10):
        assert gateway.chat(ASK).status == 200
    until(lambda: counted()["ok"] == 50, "all are counted")


def test_every_kind_of_number_is_on_the_page(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    gateway.chat(ASK)

    page = gateway.get("/metrics")

    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    names = {name for name, _ in gateway.metrics()}
    assert names >= {
        "antiphon_requests_total",
        "antiphon_request_seconds_bucket",
        "antiphon_first_token_seconds_bucket",
        "antiphon_tokens_total",
        "antiphon_cost_usd_total",
        "antiphon_attempts_in_flight",
        "antiphon_loop_lag_seconds_bucket",
        "antiphon_loop_lag_max_seconds",
        "antiphon_client_connections",
        "antiphon_upstream_connections",
        "antiphon_journal_unshipped_bytes",
    }


def test_names_that_callers_make_up_make_no_labels(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))

    for number in range(20):
        gateway.chat({**ASK, "model": f"made-up-{number}"}, headers={"x-antiphon-session": f"s-{number}"})
        gateway.get(f"/v1/made-up-{number}")

    assert b"made-up" not in gateway.get("/metrics").body


def test_a_killed_shipper_is_replaced_and_ships_each_receipt_once(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    ids = []
    for turn in range(3):
        ids += [gateway.chat(ASK).receipt_id for _ in range(20)]
        os.kill(shipper(gateway), signal.SIGKILL)
        gateway.event("shipper.died", turn + 1)
        until(lambda: any(True for pid in gateway.children() if pid not in workers(gateway)), "the next shipper")

    until(lambda: len(gateway.stored()) >= len(ids), "all are shipped")
    assert sorted(receipt.id for receipt in gateway.stored()) == sorted(ids)


def test_a_killed_lab_is_replaced_on_the_same_port(start: Start, up: Upstream) -> None:
    config = to_upstream(up.url)
    config["providers"]["lab"] = {"lab": {"models": {"sim": {"tokens_per_s": 1000000}}}}
    config["models"]["sim"] = {"provider": "lab"}
    gateway = start(config)
    ask = {"model": "sim", "messages": [{"role": "user", "content": "hi"}]}
    assert gateway.chat(ask).status == 200
    others = {shipper(gateway), *workers(gateway)}
    (lab,) = set(gateway.children()) - others

    os.kill(lab, signal.SIGKILL)

    event = gateway.event("lab.died")
    assert (event["provider"], event["pid"], event["status"]) == ("lab", lab, -signal.SIGKILL)
    until(lambda: set(gateway.children()) - others - {lab}, "the next lab")
    assert until(lambda: gateway.chat(ask).status == 200, "it answers")
    assert {shipper(gateway), *workers(gateway)} == others


def test_a_low_limit_of_open_files_is_raised(tmp_path: Path, up: Upstream) -> None:
    lowered = ["sh", "-c", 'ulimit -S -n 256 && exec "$@"', "sh", sys.executable, "-m", "antiphon"]
    gateway = Gateway(tmp_path, to_upstream(up.url), command=lowered)
    try:
        gateway.start()
        soft, hard = resource.prlimit(workers(gateway)[0], resource.RLIMIT_NOFILE)
    finally:
        gateway.close()

    assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))


def test_probes(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))

    assert gateway.ask("GET", "/livez", key="").json == {"status": "live"}
    ready = gateway.ask("GET", "/readyz", key="")
    assert (ready.status, ready.json["status"]) == (200, "ready")
    assert ready.json["revision"] in gateway.log_file.read_text()
    assert "x-antiphon-receipt" not in ready.headers
    assert gateway.ask("POST", "/livez", b"{}").status == 405
    assert gateway.get("/nothing").status == 404


def test_a_gateway_whose_workers_cannot_come_up_gives_up(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)

    ships = shipper(gateway)
    for turn in range(5):
        os.kill(until(lambda: set(gateway.children()) - {ships}, "a worker").pop(), signal.SIGKILL)
        gateway.event("worker.died", turn + 1)

    assert gateway.ended() == 1
    assert "5 workers died" in gateway.event("gateway.failed")["reason"]


def serve(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`antiphon serve` that is expected to refuse."""
    command = [sys.executable, "-m", "antiphon", "serve", "--port", "0", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_beyond_loopback_only_with_a_key_or_on_purpose(start: Start, up: Upstream) -> None:
    config = {**to_upstream(up.url), "keys": []}
    gateway = start({**config, "server": {"host": "127.0.0.1"}}, key="")
    assert gateway.stop() == 0
    elsewhere = {**config, "server": {"host": "0.0.0.0"}}
    gateway.file.write_text(yaml.safe_dump(elsewhere))

    by_file = serve("--config", str(gateway.file), cwd=gateway.home)
    assert by_file.returncode == 3
    assert f"{gateway.file}:" in by_file.stderr
    assert "0.0.0.0 can be reached from other machines and no key is set" in by_file.stderr
    by_option = serve("--host", "0.0.0.0", cwd=gateway.home / "tmp")
    assert by_option.returncode == 3
    assert "add a key under `keys`" in by_option.stderr
    assert "or give --insecure" in by_option.stderr

    insecure = start({**elsewhere, "server": {"host": "0.0.0.0", "insecure": True}}, key="")
    up.script = whole(ANSWER)
    assert insecure.chat(ASK).status == 200
    assert insecure.stop() == 0
    with_key = start({**elsewhere, "keys": to_upstream(up.url)["keys"]})
    assert with_key.chat(ASK).status == 200
    assert with_key.chat(ASK, key="").status == 401
    assert with_key.get("/metrics").status == 403
    assert with_key.get("/metrics", key=ROOT).status == 200
