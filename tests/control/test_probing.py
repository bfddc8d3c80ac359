"""Small requests of the gateway's own."""

import json
from pathlib import Path
from typing import Any

from asks import asking
from fakes.house import DONE, House, chunk, deployed, events_of, usage_event
from fakes.upstream import Answer

from antiphon.calls.settings import CallsSettings
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.calls.settings_flow import ProbeSettings
from antiphon.control.probing import PROBER, look, probe
from antiphon.core.error import UpstreamBroken
from antiphon.gateway.gateway import PROBE

TWO = [deployed(model="one"), deployed("big", model="two")]


def well() -> Answer:
    return events_of(chunk("a"), chunk(finish="length"), usage_event(), DONE)


def house_of(directory: Path, *script: Any, enabled: bool = True) -> House:
    breaker = BreakerSettings(consecutive_failures=1, open_s=0.1, probe_timeout_s=5)
    return House(
        directory,
        *script,
        deployments=TWO,
        calls=CallsSettings(breaker=breaker, probes=ProbeSettings(enabled=enabled, prompt="are you there?")),
    )


def half_open(house: House, name: str) -> None:
    """Let a deployment's breaker open, and its time be over."""
    breaker, now_s = house.caller.fleet[name].breaker, house.caller.now()
    breaker.failed(breaker.admit(now_s - 100), now_s - 100, "broken")
    assert breaker.state(now_s).state == "half_open"


async def test_a_probe_asks_one_deployment_for_one_token_and_has_a_receipt(tmp_path: Path) -> None:
    house = house_of(tmp_path, well())

    await probe(house.gateway, TWO[1])

    assert json.loads(b"".join(house.transport.sent[0][0].body)) == {
        "model": "two",
        "messages": [{"role": "user", "content": "are you there?"}],
        "max_tokens": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    receipt = house.receipt
    assert (receipt.outcome, receipt.principal, receipt.endpoint, receipt.served) == ("ok", PROBER, PROBE, "big")
    assert receipt.attempts[0].reason == ""
    assert house.events[:2] == ["tickets.reserve", "journal.opened"]
    assert house.tickets.counted.spent > 0
    house.check_settled()


async def test_one_that_is_back_is_asked_again_once_a_probe_has_shown_it(tmp_path: Path) -> None:
    house = house_of(tmp_path, well())
    half_open(house, "small")

    await look(house.gateway)

    assert house.asked == ["one"]
    assert house.caller.fleet["small"].breaker.closed
    house.check_settled()


async def test_one_that_is_not_back_stays_left_alone(tmp_path: Path) -> None:
    house = house_of(tmp_path, UpstreamBroken("cut"))
    half_open(house, "small")

    await look(house.gateway)

    assert house.caller.fleet["small"].breaker.state(house.caller.now()).state == "open"
    assert house.receipt.outcome == "failed"
    house.check_settled()


async def test_who_is_well_or_is_to_rest_longer_is_not_probed(tmp_path: Path) -> None:
    house = house_of(tmp_path)
    breaker, now_s = house.caller.fleet["small"].breaker, house.caller.now()
    breaker.failed(breaker.admit(now_s), now_s, "broken")

    await look(house.gateway)

    assert house.events == []


async def test_without_probes_nobody_is_probed(tmp_path: Path) -> None:
    house = house_of(tmp_path, enabled=False)
    half_open(house, "small")

    await look(house.gateway)

    assert house.events == []


async def test_where_probes_are_on_no_callers_request_is_one(tmp_path: Path) -> None:
    house = house_of(tmp_path, *[events_of(chunk("a"), chunk(finish="stop"), DONE) for _ in range(9)])
    half_open(house, "small")

    for _ in range(9):
        await house.answer(asking(stream=True))

    assert set(house.asked) == {"two"}
    assert [one.lost for one in house.journal.shut[0].attempts[0].passed_over] == ["waits for a probe"]
