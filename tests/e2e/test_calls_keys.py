"""Credentials: a key that is refused, broke or busy is left alone, and another one goes out."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from rig.config import ALICE
from rig.fixtures import Start
from rig.fleet import Json, fleet, health, said, told
from rig.gateway import Gateway
from rig.loop import LoopThread
from rig.scripts import answers, by_key, fails
from rig.sdk import client, says
from rig.upstream import Script, Upstream, upstream
from rig.wait import until

pytestmark = pytest.mark.processes

SLOW_DOWN = fails(b"429 Too Many Requests", more=b"retry-after: 600\r\n")
TROUBLES: dict[str, tuple[Script, str, str]] = {
    "unauthorized": (fails(b"401 Unauthorized", code="invalid_api_key"), "auth", "dead"),
    "payment": (fails(b"402 Payment Required"), "quota", "dead"),
    "hidden": (fails(b"400 Bad Request", "you exceeded your quota", code="insufficient_quota"), "quota", "dead"),
    "limited": (SLOW_DOWN, "rate_limited", "cooling"),
    "forbidden": (fails(b"403 Forbidden"), "auth", "dead"),
}
"""What one key is told, what the receipt calls it, and how the key is then."""


def pair(name: str) -> list[Json]:
    """Two keys, of which the first goes out first."""
    return [
        {"name": "first", "key": f"sk-{name}-one", "weight": 1e6},
        {"name": "second", "key": f"sk-{name}-two", "weight": 1e-6},
    ]


def ask(model: str) -> Json:
    return {"model": model, "messages": says("Hi")}


@dataclass
class House:
    gateway: Gateway
    up: Upstream


@pytest.fixture(scope="module")
def house(servers: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    context = upstream()
    up = servers.enter(context)
    scripts: dict[str, Script] = {}
    for name, (script, _, _) in TROUBLES.items():
        scripts |= {f"sk_{name}_one": script, f"sk_{name}_two": answers("with the second key")}
    up.script = by_key(**scripts)
    config = fleet(
        up.url,
        {name: {"keys": pair(name)} for name in TROUBLES},
        {f"to-{name}": {"models": [name]} for name in TROUBLES},
    )
    config["models"]["allowed"] = {"provider": "at-forbidden"}
    one = Gateway(tmp_path_factory.mktemp("keys"), config, key=ALICE)
    try:
        yield House(one.start(), up)
    finally:
        one.close()
        servers.leave(context)


def keys_of(gateway: Gateway, model: str) -> dict[str, Any]:
    return {key["name"]: key for key in health(gateway, model)["keys"]}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_next_key_goes_out_and_the_first_is_left_alone(house: House, trouble: str) -> None:
    _, failure, state = TROUBLES[trouble]
    with client(house.gateway) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**ask(f"to-{trouble}"))
        again = sdk.chat.completions.with_raw_response.create(**ask(f"to-{trouble}"))

    assert raw.parse().choices[0].message.content == "with the second key"
    receipt = house.gateway.receipt(raw.headers["x-antiphon-receipt"])
    assert told(receipt) == [(trouble, "", failure), (trouble, f"other_key: {failure}", "")]
    assert [attempt["key"] for attempt in receipt["attempts"]] == ["first", "second"]
    later = house.gateway.receipt(again.headers["x-antiphon-receipt"])
    assert [attempt["key"] for attempt in later["attempts"]] == ["second"]
    keys = keys_of(house.gateway, trouble)
    assert (keys["first"]["state"], keys["second"]["state"]) == (state, "alive")
    assert 2 < keys["first"]["back_in_s"] <= 600
    shown = f"{receipt}{later}{keys}{house.gateway.log_file.read_text()}"
    assert not [secret["key"] for secret in pair(trouble) if secret["key"] in shown]


def test_a_key_that_may_not_use_one_model_is_still_good_for_another(house: House) -> None:
    house.gateway.chat(ask("to-forbidden"))
    before = len(house.up.seen)

    house.gateway.chat(ask("allowed"))

    assert house.up.seen[before].headers["authorization"] == "Bearer sk-forbidden-one"
    assert keys_of(house.gateway, "forbidden")["first"]["reason"] == "refused for this deployment"


def test_when_all_were_refused_the_caller_is_told_that_waiting_does_not_help(start: Start, up: Upstream) -> None:
    up.script = fails(b"401 Unauthorized")
    gateway = start(fleet(up.url, {"one": {"keys": pair("x")}}, {"r": {"models": ["one"]}}))

    first, second = refused(gateway), refused(gateway)

    assert (first.status_code, first.code) == (second.status_code, second.code) == (502, "upstream_auth")
    assert "the operator has to set others" in second.message
    assert "retry-after" not in second.response.headers
    assert second.response.headers["x-should-retry"] == "false"
    assert len(up.seen) == 2
    receipt = gateway.receipt(second.response.headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt.get("attempts", [])) == ("refused", [])
    assert "first: dead (auth)" in receipt["detail"]


def test_when_all_are_out_of_credit_the_caller_is_told_when_they_are_tried_again(start: Start, up: Upstream) -> None:
    up.script = fails(b"402 Payment Required")
    gateway = start(fleet(up.url, {"one": {"keys": pair("x")}}, {"r": {"models": ["one"]}}))

    _, error = refused(gateway), refused(gateway)

    assert isinstance(error, openai.RateLimitError)
    assert error.code == "upstream_quota"
    assert 200 < int(error.response.headers["retry-after"]) <= 300
    assert len(up.seen) == 2


def refused(gateway: Gateway) -> openai.APIStatusError:
    with client(gateway) as sdk, pytest.raises(openai.APIStatusError) as caught:
        sdk.chat.completions.create(**ask("r"))
    return caught.value


@pytest.mark.parametrize("dead_s", [300, None], ids=["for a while", "for good"])
def test_reading_the_configuration_again_revives_dead_keys(start: Start, up: Upstream, dead_s: int | None) -> None:
    up.script = fails(b"402 Payment Required")
    config = fleet(up.url, {"one": {"keys": pair("x")}}, {"r": {"models": ["one"]}}, retry={"dead_key_s": dead_s})
    gateway = start(config)
    gateway.chat(ask("r"))
    resting = gateway.chat(ask("r"))
    assert resting.status == 429
    assert ("retry-after" in resting.headers) == (dead_s is not None)
    up.script = answers("alive again")

    gateway.signal(signal.SIGHUP)
    until(lambda: gateway.chat(ask("r")).status == 200, "the keys are alive")

    assert said(gateway.chat(ask("r"))) == "alive again"
    assert {key["state"] for key in health(gateway, "one")["keys"]} == {"alive"}


def test_a_single_key_that_is_refused_leaves_the_work_to_another_account(start: Start, up: Upstream) -> None:
    up.script = by_key(sk_one_secret=fails(b"401 Unauthorized"), sk_two_secret=answers("another account"))
    gateway = start(fleet(up.url, ["one", "two"], {"r": {"models": ["one", "two"]}}))

    first, second = gateway.chat(ask("r")), gateway.chat(ask("r"))

    assert said(first) == said(second) == "another account"
    assert told(gateway.receipt(first)) == [("one", "", "auth"), ("two", "other_deployment: auth", "")]
    assert told(gateway.receipt(second)) == [("two", "", "")]
    assert gateway.receipt(second)["attempts"][0]["passed_over"] == [
        {"deployment": "one", "lost": "no key: key 1: dead (auth)"}
    ]
