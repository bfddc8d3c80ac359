"""Admission: a full deployment queues, within bounds, by lane, and fairly between tenants."""

import json
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from rig.config import ALICE, BOB
from rig.fixtures import Start
from rig.fleet import Json, asked, fleet, health, said, told
from rig.gateway import Answer, Config, Gateway
from rig.loop import LoopThread
from rig.scripts import Held, answers, by_model, in_turn
from rig.sdk import client, says
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

CAROL = "sk-carol-0001"
PRIORITY = "x-antiphon-priority"


def narrow(url: str, **admission: Any) -> Config:
    """One deployment that takes one request at a time; Carol, of Alice's tenant, goes last."""
    config = fleet(url, {"one": {"limits": {"concurrency": 1}}}, {"r": {"models": ["one"]}}, admission=admission)
    return {
        **config,
        "keys": [*config["keys"], {"name": "carol", "key": CAROL, "tenant": "acme", "priority": "low"}],
    }


def ask(text: str = "Hi") -> Json:
    return {"model": "r", "messages": says(text)}


def order(up: Upstream) -> list[str]:
    """What was asked, in the order in which it came."""
    return [json.loads(seen.body)["messages"][0]["content"] for seen in up.seen]


class Queue:
    """Callers that wait behind a first one, which holds the only place."""

    def __init__(self, gateway: Gateway, up: Upstream, servers: LoopThread, pool: ThreadPoolExecutor) -> None:
        self._gateway, self._servers, self._pool = gateway, servers, pool
        self._held = Held(answers("the first"))
        self.asking: list[Future[Answer]] = []
        up.script = in_turn(self._held.script, answers("in turn"))
        self.asking.append(pool.submit(gateway.chat, ask("holder")))
        until(lambda: up.seen, "the place is taken")

    def join(self, text: str, key: str = ALICE, **headers: str) -> None:
        """One more, once it waits."""
        before = health(self._gateway, "one")["waiting"]
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        self.asking.append(self._pool.submit(self._gateway.chat, ask(text), key=key, headers=lines))
        until(lambda: health(self._gateway, "one")["waiting"] == before + 1, f"{text} waits")

    def go(self) -> list[Answer]:
        """Give the place free, and wait for all."""
        self._servers.run(self._held.release())
        return [one.result() for one in self.asking]


@contextmanager
def queue(gateway: Gateway, up: Upstream, servers: LoopThread) -> Generator[Queue]:
    with ThreadPoolExecutor(16) as pool:
        yield Queue(gateway, up, servers, pool)


def test_others_wait_their_turn_in_the_order_in_which_they_came(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    gateway = start(narrow(up.url))
    with queue(gateway, up, servers) as line:
        for number in range(4):
            line.join(f"caller {number}")
        until(lambda: gateway.metric("antiphon_waiting", 'deployment="one"') == 4, "the metric says so")
        answered = line.go()

    assert [answer.status for answer in answered] == [200] * 5
    assert order(up) == ["holder", "caller 0", "caller 1", "caller 2", "caller 3"]
    waited = [gateway.receipt(answer)["attempts"][0]["timings"].get("waited_us", 0) for answer in answered]
    assert waited[0] == 0
    assert min(waited[1:]) > 0


def test_a_full_room_is_told_at_once(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(narrow(up.url, room=1))
    with queue(gateway, up, servers) as line, client(gateway) as sdk:
        line.join("waits")
        with pytest.raises(openai.RateLimitError) as caught:
            sdk.chat.completions.create(**ask("one too many"))
        answered = line.go()

    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert "as many as" in caught.value.message
    receipt = gateway.receipt(caught.value.response.headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt.get("attempts", [])) == ("refused", [])
    assert [answer.status for answer in answered] == [200, 200]
    assert order(up) == ["holder", "waits"]


def test_no_room_is_no_queue(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(narrow(up.url, room=0))
    with queue(gateway, up, servers) as line:
        refused = gateway.chat(ask("no room"))
        line.go()

    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    assert order(up) == ["holder"]


def test_a_wait_has_an_end(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(narrow(up.url, max_wait_s=0.1))
    with queue(gateway, up, servers) as line:
        late = gateway.chat(ask("late"))
        line.go()

    assert late.status == 429
    assert "its turn did not come within 0.1 s" in late.error["message"]
    assert health(gateway, "one")["waiting"] == 0


def test_lanes_say_who_goes_first(start: Start, up: Upstream, servers: LoopThread) -> None:
    config = narrow(up.url)
    config["keys"][0]["priority"] = "high"
    gateway = start(config)
    with queue(gateway, up, servers) as line:
        line.join("low", x_antiphon_priority="low")
        line.join("a low key that asks for more", key=CAROL, x_antiphon_priority="high")
        line.join("normal", x_antiphon_priority="normal")
        line.join("high")
        answered = line.go()

    assert [answer.status for answer in answered] == [200] * 5
    assert order(up) == ["holder", "high", "normal", "low", "a low key that asks for more"]


def test_a_lane_that_is_none_is_refused_by_the_headers_name(start: Start, up: Upstream) -> None:
    gateway = start(narrow(up.url))
    with client(gateway) as sdk, pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(**ask(), extra_headers={PRIORITY: "urgent"})

    assert caught.value.param == PRIORITY
    assert "high, normal, low" in caught.value.message
    assert not up.seen


def test_a_tenant_with_many_waits_behind_its_own(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(narrow(up.url))
    with queue(gateway, up, servers) as line:
        for number in range(6):
            line.join(f"noisy {number}")
        for number in range(2):
            line.join(f"quiet {number}", key=BOB)
        line.go()

    came = order(up)[1:]
    assert {came.index("quiet 0"), came.index("quiet 1")} <= {0, 1, 2, 3}
    assert [one for one in came if one.startswith("noisy")] == [f"noisy {number}" for number in range(6)]


def test_a_noisy_tenant_does_not_keep_others_out_of_a_full_room(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    gateway = start(narrow(up.url, room=3))
    with queue(gateway, up, servers) as line:
        for number in range(3):
            line.join(f"noisy {number}")
        with ThreadPoolExecutor(1) as quiet:
            asking = quiet.submit(gateway.chat, ask("quiet"), key=BOB)
            until(line.asking[3].done, "the newest of the noisy gives way")
            answered = line.go()
            assert said(asking.result()) == "in turn"

    assert [answer.status for answer in answered[:4]] == [200, 200, 200, 429]
    assert "this gave way" in answered[3].error["message"]


def test_who_can_go_elsewhere_does_not_wait(start: Start, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("in the end"))
    up.script = by_model(one=held.script, two=answers("at once"))
    deployments: dict[str, Json] = {"one": {"limits": {"concurrency": 1}}, "two": {}}
    gateway = start(fleet(up.url, deployments, {"r": {"models": ["one", "two"]}}))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gateway.chat, ask())
        until(lambda: asked(up) == ["one"], "the first is full")

        answer = gateway.chat(ask())

        assert said(answer) == "at once"
        assert told(gateway.receipt(answer)) == [("two", "", "")]
        assert gateway.receipt(answer)["attempts"][0]["passed_over"] == [{"deployment": "one", "lost": "full"}]
        assert not first.done()
        servers.run(held.release())
        assert said(first.result()) == "in the end"
