"""`antiphon lab serve`."""

import json
import re
import signal

import pytest

pytestmark = pytest.mark.processes

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_models_of_a_file_are_served_until_it_is_told_to_stop(antiphon, started, line, tmp_path, number):
    models = tmp_path / "lab.yaml"
    models.write_text("models: {one: {tokens_per_s: 1000000}, ${env:NAME}: {}}\n".replace("${env:NAME}", "two"))
    with started("lab", "serve", "--models", models, "--port", "0") as lab:
        greeting = line(lab.err, "listen")
        ran = antiphon("models", "--url", ADDRESS.search(greeting)[0], "--json")
        lab.process.send_signal(number)
        rest = lab.err.read()
        assert lab.process.wait(60) == 0
    assert "one, two" in greeting
    assert "curl http://127.0.0.1:" in rest
    assert "Traceback" not in rest
    assert [model["id"] for model in json.loads(ran.out)["data"]] == ["one", "two"]


def test_a_lab_can_be_asked_as_a_gateway_can(antiphon, started, line, tmp_path):
    models = tmp_path / "lab.yaml"
    models.write_text("models: {one: {tokens_per_s: 1000000}}\n")
    with started("lab", "serve", "--models", models, "--port", "0") as lab:
        url = ADDRESS.search(line(lab.err, "listen"))[0]
        ran = antiphon("chat", "hi", "--model", "one", "--url", url, "--json")
    told = json.loads(ran.out)
    assert told["answer"].startswith("[one, a simulated model]")
    assert (told["receipt"], told["cost_usd"], told["usage"]) == ("", None, None)


def test_without_a_file_it_has_three_models(started, line):
    with started("lab", "serve", "--port", "0") as lab:
        assert "lab-fast, lab-balanced, lab-premium" in line(lab.err, "listen")


def test_mistakes_have_their_lines(antiphon, tmp_path):
    models = tmp_path / "lab.yaml"
    models.write_text("models:\n  one: {tokens_per_s: 0}\nsede: 1\n")
    ran = antiphon("lab", "serve", "--models", models)
    assert (ran.code, ran.out) == (3, "")
    assert [line.split(": ")[0] for line in ran.err.splitlines()] == [f"{models}:2", f"{models}:3"]


@pytest.mark.parametrize("data", [None, b"\xff", b"models: ["])
def test_a_file_that_cannot_be_read_is_told(antiphon, tmp_path, data):
    models = tmp_path / "lab.yaml"
    if data is not None:
        models.write_bytes(data)
    ran = antiphon("lab", "serve", "--models", models)
    assert ran.code == 3
    assert ran.err.startswith(f"{models}:1: ")


def test_a_taken_port_is_told(antiphon, gateway):
    port = gateway.url.rpartition(":")[2]
    ran = antiphon("lab", "serve", "--port", port)
    assert ran.code == 1
    assert f"can't listen on 127.0.0.1:{port}" in ran.err
    assert "--port" in ran.err
