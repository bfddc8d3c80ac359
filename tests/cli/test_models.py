"""`antiphon models`."""

import json

import pytest

pytestmark = pytest.mark.processes


def test_they_stand_in_columns(antiphon, gateway):
    ran = antiphon("models", asking=gateway)
    lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert lines[0].split() == ["MODEL", "TIERS", "CONTEXT", "OUTPUT", "ABOUT"]
    fast = next(line for line in lines if line.startswith("fast "))
    assert fast.split(maxsplit=4) == ["fast", "fast", "8,000", "-", "The quick one."]
    assert len({line.index("-") for line in lines[1:] if " - " in line and line.split()[1] == "-"}) == 1


def test_its_document_is_the_gateways_list(antiphon, gateway):
    ran = antiphon("models", "--json", asking=gateway)
    told = json.loads(ran.out)
    assert told["object"] == "list"
    assert {"auto", "fast", "quick", "slow"} <= {model["id"] for model in told["data"]}


def test_a_key_sees_its_own_models(antiphon, gateway):
    ran = antiphon("models", "--json", "--url", gateway.url, "--key", gateway.limited)
    assert [model["id"] for model in json.loads(ran.out)["data"]] == ["fast"]


def test_whoever_reads_may_stop_reading(started, gateway):
    with started("models", asking=gateway) as models:
        models.out.close()
        assert models.err.read() == ""
        assert models.process.wait(60) == 1
