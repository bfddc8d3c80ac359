"""A caller that leaves between attempts, in a queue, or while two attempts run: everything is given back."""

from collections.abc import Callable
from typing import Any

import pytest

from antiphon.core.receipt import Receipt
from rig.fixtures import Start
from rig.fleet import QUICK, Json, asked, fleet, health
from rig.gateway import Config, Gateway
from rig.raw import Caller, request
from rig.scripts import answers, fails
from rig.sdk import says
from rig.upstream import Upstream, silent
from rig.wait import until

pytestmark = pytest.mark.processes

LATER = fails(b"429 Too Many Requests", more=b"retry-after: 120\r\n")
PATIENT: Json = {"retry": {**QUICK, "patience_s": 200}}
"""Calls that wait as long as they are told to, and longer than any test."""
HEDGE: Json = {"enabled": True, "min_delay_s": 0.02, "max_delay_s": 0.02, "budget": 1.0}


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), **more}


def left(gateway: Gateway, ready: Callable[[], object], what: str, **more: Any) -> Receipt:
    """The receipt of a caller that leaves once something holds."""
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(**more), x_antiphon_session="leaver"))
        until(ready, what)
        caller.leave()

    def found() -> list[Receipt]:
        return [one for one in gateway.stored() if one.lineage.session == "leaver"]

    return until(found, "the leaver's receipt")[0]


def assert_nothing_is_held(gateway: Gateway, *names: str) -> None:
    until(lambda: gateway.metric("antiphon_attempts_in_flight") == 0, "no attempt runs")
    for name in names:
        state = health(gateway, name)
        assert (state["in_flight"], state["waiting"]) == (0, 0)
        assert [key["in_flight"] for key in state["keys"]] == [0]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_between_two_attempts(start: Start, up: Upstream, stream: bool) -> None:
    up.script = LATER
    gateway = start(fleet(up.url, ["one"], {"r": {"models": ["one"]}}, **PATIENT))

    receipt = left(
        gateway,
        lambda: up.seen and not health(gateway, "one")["in_flight"],
        "the first attempt has failed",
        stream=stream,
    )

    assert (receipt.outcome, receipt.status, receipt.error) == ("client_gone", 0, "")
    assert [attempt.failure for attempt in receipt.attempts] == ["rate_limited"]
    assert_nothing_is_held(gateway, "one")
    assert len(up.seen) == 1


def test_in_a_queue(start: Start, up: Upstream) -> None:
    up.script = silent
    gateway = start(fleet(up.url, {"one": {"limits": {"concurrency": 1}}}, {"r": {"models": ["one"]}}))
    with Caller(gateway) as holder:
        holder.send(request(gateway, ask()))
        until(lambda: up.seen, "the place is taken")

        receipt = left(gateway, lambda: health(gateway, "one")["waiting"] == 1, "it waits")

        assert (receipt.outcome, receipt.attempts) == ("client_gone", ())
        assert health(gateway, "one")["waiting"] == 0
        assert len(up.seen) == 1
    assert_nothing_is_held(gateway, "one")
    up.script = answers("free again")
    assert gateway.chat(ask()).status == 200


def hedged(up: Upstream) -> Config:
    return fleet(up.url, ["one", "two"], {"r": {"models": ["one", "two"], "hedge": HEDGE}})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_while_two_attempts_run(start: Start, up: Upstream, stream: bool) -> None:
    up.script = silent
    gateway = start(hedged(up))

    receipt = left(gateway, lambda: sorted(asked(up)) == ["one", "two"], "both are asked", stream=stream)

    assert receipt.outcome == "client_gone"
    assert [attempt.deployment for attempt in receipt.attempts] == ["one", "two"]
    assert all(attempt.assumed and attempt.cost_nano_usd for attempt in receipt.attempts)
    assert len({attempt.ticket for attempt in receipt.attempts}) == 2
    until(lambda: all(seen.gone_s is not None for seen in up.seen), "both connections are closed")
    assert_nothing_is_held(gateway, "one", "two")


def test_leaving_speaks_against_nobody(start: Start, up: Upstream) -> None:
    up.script = silent
    gateway = start(hedged(up))

    left(gateway, lambda: sorted(asked(up)) == ["one", "two"], "both are asked")

    assert [health(gateway, name)["breaker"].get("volume", 0) for name in ("one", "two")] == [0, 0]
