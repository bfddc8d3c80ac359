"""A second attempt beside a slow first one."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.fixtures import Start
from rig.fleet import Json, asked, fleet, health, said, told
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.scripts import DONE, ROLE, Held, answers, by_model, event, fails, word
from rig.sdk import client, says
from rig.upstream import Seen, Upstream, silent
from rig.wait import until

pytestmark = pytest.mark.processes

HEDGE: Json = {"enabled": True, "min_delay_s": 0.05, "max_delay_s": 0.05, "budget": 1.0}
SLOW = f"hedge: no content within {HEDGE['max_delay_s']:g} s (the longest delay: too little is measured to know what is slow)"


def hedged(url: str, hedge: Json = HEDGE, **route: Any) -> Config:
    return fleet(url, ["first", "second"], {"r": {"models": ["first", "second"], "hedge": hedge, **route}})


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), **more}


def ended(up: Upstream, model: str) -> bool:
    """Whether the connection of a request for a model was closed."""
    return any(seen.gone_s is not None for seen in up.seen if seen.model == model)


def settled(gateway: Gateway) -> None:
    until(lambda: gateway.metric("antiphon_attempts_in_flight") == 0, "every ticket is settled")


async def role_and_silence(seen: Seen, writer: Any) -> None:
    """A stream that begins without content, and hangs."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    writer.write(b"%x\r\n%b\r\n" % (len(ROLE), ROLE))
    await silent(seen, writer)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_hung_first_attempt_is_overtaken_and_ended(start: Start, up: Upstream, stream: bool) -> None:
    up.script = by_model(first=role_and_silence if stream else silent, second=answers("the faster one"))
    gateway = start(hedged(up.url))

    with client(gateway) as sdk:
        if stream:
            streaming = sdk.chat.completions.create(**ask(), stream=True)
            chunks = list(streaming)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert [chunk.choices[0].delta.role for chunk in chunks].count("assistant") == 1
            receipt_id = streaming.response.headers["x-antiphon-receipt"]
        else:
            raw = sdk.chat.completions.with_raw_response.create(**ask())
            text, receipt_id = raw.parse().choices[0].message.content, raw.headers["x-antiphon-receipt"]

    assert text == "the faster one"
    until(lambda: ended(up, "first"), "the loser's connection is closed")
    receipt = gateway.closed_receipt(receipt_id)
    first, second = receipt["attempts"]
    assert told(receipt) == [("first", "", ""), ("second", SLOW, "")]
    assert first["detail"] == "ended: another attempt was faster"
    assert first["assumed"]
    assert first["cost_nano_usd"] > 0
    assert receipt["cost_nano_usd"] == second["cost_nano_usd"]
    assert receipt["spent_nano_usd"] == first["cost_nano_usd"] + second["cost_nano_usd"]
    assert first["ticket"] != second["ticket"]
    assert (receipt["outcome"], receipt["served"]) == ("ok", "second")
    until(lambda: gateway.metric("antiphon_hedges_total", 'route="r"', 'result="sent"') == 1, "it is counted")
    settled(gateway)


def test_a_first_attempt_in_time_stays_alone(start: Start, up: Upstream) -> None:
    up.script = by_model(first=answers("in time"), second=answers("too much"))
    gateway = start(hedged(up.url, {**HEDGE, "min_delay_s": 20, "max_delay_s": 20}))

    answer = gateway.chat(ask())

    assert said(answer) == "in time"
    assert asked(up) == ["first"]


def test_a_slow_first_attempt_may_still_win(start: Start, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("slow but first"))
    up.script = by_model(first=held.script, second=silent)
    gateway = start(hedged(up.url))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.chat, ask())
        until(lambda: "second" in asked(up), "the second attempt")
        servers.run(held.release())
        answer = asking.result()

    assert said(answer) == "slow but first"
    until(lambda: ended(up, "second"), "the loser's connection is closed")
    first, second = gateway.receipt(answer)["attempts"]
    assert "detail" not in first
    assert (second["detail"], second["assumed"]) == ("ended: another attempt was faster", True)
    settled(gateway)


def test_a_second_attempt_that_fails_leaves_the_first_its_chance(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    held = Held(answers("slow but sure"))
    up.script = by_model(first=held.script, second=fails(b"500 Internal Server Error"))
    gateway = start(hedged(up.url))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.chat, ask())
        until(lambda: health(gateway, "second")["breaker"].get("volume") == 1, "the second attempt has failed")
        servers.run(held.release())
        answer = asking.result()

    assert said(answer) == "slow but sure"
    assert told(gateway.receipt(answer)) == [
        ("first", "", ""),
        ("second", SLOW, "server_error"),
    ]


def test_when_both_fail_the_call_goes_on_to_whoever_was_not_asked(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    held = Held(fails(b"500 Internal Server Error"))
    up.script = by_model(first=held.script, second=held.script, third=answers("the third"))
    route = {"models": ["first", "second", "third"], "hedge": HEDGE}
    gateway = start(fleet(up.url, ["first", "second", "third"], {"r": route}))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.chat, ask())
        until(lambda: sorted(asked(up)) == ["first", "second"], "both are asked")
        servers.run(held.release())
        answer = asking.result()

    assert said(answer) == "the third"
    assert sorted(asked(up)[:2]) == ["first", "second"]
    assert asked(up)[2:] == ["third"]


def test_without_a_budget_for_it_no_second_attempt_is_sent(start: Start, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("after all"))
    up.script = by_model(first=held.script, second=answers("never asked"))
    gateway = start(hedged(up.url, {**HEDGE, "budget": 0.000001, "floor_per_s": 0.01}))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.chat, ask())
        until(lambda: gateway.metric("antiphon_hedges_total", 'result="denied"') == 1, "a second attempt is denied")
        servers.run(held.release())
        answer = asking.result()

    assert said(answer) == "after all"
    assert asked(up) == ["first"]


def test_a_stream_is_hedged_until_its_first_content_alone(start: Start, up: Upstream, servers: LoopThread) -> None:
    rest = Held(silent)

    async def begins(seen: Seen, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(ROLE + word("slow"))
        await rest.released()
        writer.write(word(" end") + event(finish="stop") + DONE)
        await writer.drain()
        writer.close()

    up.script = by_model(first=begins, second=answers("never asked"), clock=silent, strikes=answers("it is time"))
    hedge = {**HEDGE, "min_delay_s": 1.5, "max_delay_s": 1.5}
    routes = {
        "r": {"models": ["first", "second"], "hedge": hedge},
        "time": {"models": ["clock", "strikes"], "hedge": hedge},
    }
    gateway = start(fleet(up.url, ["first", "second", "clock", "strikes"], routes))
    with client(gateway) as sdk:
        stream = iter(sdk.chat.completions.create(**ask(), stream=True))
        begun = [next(stream), next(stream)]
        # A request that began later is hedged: this one would have been by now.
        assert said(gateway.chat(ask(model="time"))) == "it is time"
        assert health(gateway, "first")["in_flight"] == 1
        servers.run(rest.release())
        chunks = [*begun, *stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "slow end"
    assert asked(up) == ["first", "clock", "strikes"]
