"""Rate limits through real processes: never overshot by any number of callers, and told in the caller's dialect."""

import datetime as dt
import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from rig.config import ALICE, BOB
from rig.fixtures import Start
from rig.fleet import Json, fleet
from rig.gateway import Answer, Config, Gateway
from rig.loop import LoopThread
from rig.money import Bill
from rig.processes import workers
from rig.scripts import Held, answers, fails, in_turn
from rig.sdk import says
from rig.upstream import Script, Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

CALLERS, CALLS = 64, 256
HOUR_S = 3600


def config(url: str, *limits: Json, **more: Any) -> Config:
    return {**fleet(url, ["one"], {"r": {"models": ["one"]}}), "limits": list(limits), **more}


def limit(name: str = "rate", **more: Any) -> Json:
    return {"name": name, "per": "hour", **more}


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), "max_tokens": 10, **more}


def messages(gateway: Gateway, key: str = ALICE) -> Answer:
    return gateway.ask("POST", "/v1/messages", json.dumps(ask()).encode(), key=key)


def crowd(gateway: Gateway, calls: int = CALLS, **more: Any) -> list[Answer]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(lambda _: gateway.chat(ask(**more)), range(calls)))


def over(answer: Answer) -> None:
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded"), answer
    assert int(answer.headers["retry-after"]) >= 1


def duration_s(text: str) -> float:
    """`1h2m3.5s` and `17ms` in seconds."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ms|h|m|s)", text))


# --- how much passes


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_limit_of_requests_is_shared_by_workers_and_never_overshot(start: Start, up: Upstream, stream: bool) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, limit(requests=60)), "--workers", "2")
    began_s = time.monotonic()
    found = crowd(gateway, stream=stream)

    counted = Counter(one.status for one in found)
    assert counted.keys() == {200, 429}
    for one in found:
        if one.status != 200:
            over(one)
    passed = counted[200]
    while len(up.seen) == passed and (one := gateway.chat(ask())).status == 200:  # what one worker held for itself
        passed += 1
    # 60 at once, and one for each minute that the test takes.
    assert 60 * 7 // 8 <= passed <= 60 + math.ceil((time.monotonic() - began_s) / 60)
    assert passed == len(up.seen)


def test_a_limit_of_tokens_holds_the_estimate_and_counts_the_use(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses(input_tokens=5, output_tokens=10)
    gateway = start(config(up.url, limit(tokens=1500)), "--workers", "2")
    began_s = time.monotonic()
    found = crowd(gateway)

    counted = Counter(one.status for one in found)
    assert counted.keys() == {200, 429}
    while (last := gateway.chat(ask())).status == 200:
        pass
    over(last)
    assert "tokens" in last.error["message"]
    # A request of so few tokens is estimated at more; in each minute that the test takes 25 flow off.
    assert 1000 < bill.tokens <= 1500 + 25 * math.ceil((time.monotonic() - began_s) / 60)


@contextmanager
def held(up: Upstream, servers: LoopThread, then: Script | None = None) -> Iterator[Held]:
    """Answers are held back within the block, and let go at its end, however it ends."""
    one = Held(then or answers("late"))
    up.script = one.script
    try:
        yield one
    finally:
        servers.run(one.release())


@pytest.mark.parametrize("kind", ["concurrent_requests", "concurrent_streams"])
def test_what_runs_at_once_is_counted_over_all_workers(
    start: Start, up: Upstream, servers: LoopThread, kind: str
) -> None:
    gateway = start(config(up.url, {"name": "rate", kind: 5}), "--workers", "2")
    stream = kind == "concurrent_streams"
    with ThreadPoolExecutor(CALLERS) as pool:
        with held(up, servers):
            running: list[Future[Answer]] = []

            def full() -> bool:
                """Who is refused has ended already; the others wait for their answer."""
                running.append(pool.submit(gateway.chat, ask(stream=stream)))
                until(
                    lambda: running[-1].done() or len(up.seen) == sum(not one.done() for one in running),
                    "it is in or out",
                )
                return running[-1].done()

            until(full, "the limit is reached")
            inside = [one for one in running if not one.done()]
            assert len(inside) == len(up.seen) <= 5
            over(running[-1].result())
            if stream:
                whole = pool.submit(gateway.chat, ask())
                until(lambda: len(up.seen) == len(inside) + 1, "what is no stream isn't counted")
            else:
                assert gateway.chat(ask(), key=BOB, headers={"x-antiphon-timeout": "50ms"}).status == 504  # not Alice's
        assert {one.result().status for one in inside} == {200}
        if stream:
            assert whole.result().status == 200
    up.script = answers("free again")
    assert [gateway.chat(ask(stream=stream)).status for _ in range(8)] == [200] * 8


def test_a_caller_that_leaves_frees_its_place(start: Start, up: Upstream, servers: LoopThread) -> None:
    from rig.raw import Caller, request

    gateway = start(config(up.url, {"name": "rate", "concurrent_requests": 1}))
    with held(up, servers):
        with Caller(gateway) as caller:
            caller.send(request(gateway, ask()))
            until(lambda: len(up.seen) == 1, "it runs")
            over(gateway.chat(ask()))
        until(lambda: up.seen[0].gone_s is not None, "the upstream sees it go")
    up.script = answers("free")
    until(lambda: gateway.chat(ask()).status == 200, "its place is free")


def test_each_value_has_a_limit_of_its_own_and_a_shared_one_is_for_all_tenants(start: Start, up: Upstream) -> None:
    up.script = answers("said")
    gateway = start(config(up.url, limit("each", requests=2, on=["end_user"]), limit("all", requests=8, shared=True)))

    def status(user: str, key: str = ALICE) -> int:
        return gateway.chat(ask(user=user), key=key).status

    assert [status("ann") for _ in range(3)] == [200, 200, 429]
    assert [status("bea") for _ in range(3)] == [200, 200, 429]
    assert [status("ann", BOB) for _ in range(3)] == [200, 200, 429]
    assert [status("cleo", BOB), status("dora")] == [200, 200]
    last = gateway.chat(ask(user="eve"), key=BOB)
    over(last)
    assert "all" in last.error["message"]
    assert len(up.seen) == 8


def test_a_limit_on_who_is_asked_counts_attempts(start: Start, up: Upstream) -> None:
    up.script = in_turn(fails(b"500 Internal Server Error"), answers("said"))
    gateway = start(config(up.url, limit(requests=3, on=["deployment"])))

    assert gateway.chat(ask()).status == 200  # two attempts
    assert gateway.chat(ask()).status == 200
    last = gateway.chat(ask())
    over(last)
    assert len(up.seen) == 3
    assert "deployment one" in last.error["message"]


def test_a_killed_workers_place_is_free_again(start: Start, up: Upstream, servers: LoopThread) -> None:
    import os
    import signal

    gateway = start(config(up.url, {"name": "rate", "concurrent_requests": 2}), "--workers", "2")
    with held(up, servers), ThreadPoolExecutor(2) as pool:
        running = [pool.submit(gateway.chat, ask()) for _ in range(2)]
        until(lambda: len(up.seen) == 2, "both run")
        over(gateway.chat(ask()))
        for pid in workers(gateway):
            os.kill(pid, signal.SIGKILL)
        for one in running:
            assert isinstance(one.exception(), ConnectionError)
        gateway.event("worker.died", 2)
    up.script = answers("free")

    def served() -> bool:
        try:
            return gateway.chat(ask()).status == 200
        except ConnectionError:
            return False

    until(served, "their places are free")


# --- what a caller is told


def test_openai_callers_are_told_what_remains(start: Start, up: Upstream) -> None:
    up.script = Bill().uses(input_tokens=40, output_tokens=10)
    gateway = start(config(up.url, limit(requests=3), limit("words", tokens=100_000)))
    left = []
    for _ in range(3):
        answer = gateway.chat(ask())
        assert answer.status == 200
        assert answer.headers["x-ratelimit-limit-requests"] == "3"
        assert answer.headers["x-ratelimit-limit-tokens"] == "100000"
        assert 0 < int(answer.headers["x-ratelimit-remaining-tokens"]) < 100_000
        assert 0 < duration_s(answer.headers["x-ratelimit-reset-requests"]) <= HOUR_S
        left.append(int(answer.headers["x-ratelimit-remaining-requests"]))
    assert left == [2, 1, 0]

    refused = gateway.chat(ask())
    over(refused)
    assert HOUR_S / 3 - 60 < int(refused.headers["retry-after"]) <= HOUR_S / 3
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert HOUR_S - 60 < duration_s(refused.headers["x-ratelimit-reset-requests"]) <= HOUR_S
    assert (gateway.receipt(refused)["outcome"], gateway.receipt(refused)["error"]) == (
        "refused",
        "rate_limit_exceeded",
    )


def test_streams_tell_it_too(start: Start, up: Upstream) -> None:
    up.script = answers("word by word")
    gateway = start(config(up.url, limit(requests=3)))
    answer = gateway.chat(ask(stream=True))

    assert (answer.status, answer.headers["x-ratelimit-remaining-requests"]) == (200, "2")


def test_anthropic_callers_are_told_in_their_words(start: Start, up: Upstream) -> None:
    up.script = Bill().uses(input_tokens=40, output_tokens=10)
    gateway = start(config(up.url, limit(requests=1), limit("into", input_tokens=100_000)))
    answer = messages(gateway)

    assert answer.status == 200
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "1"
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert answer.headers["anthropic-ratelimit-input-tokens-limit"] == "100000"
    resets = dt.datetime.fromisoformat(answer.headers["anthropic-ratelimit-requests-reset"])
    assert 0 < (resets - dt.datetime.now(dt.UTC)).total_seconds() <= HOUR_S + 1
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]

    refused = messages(gateway)
    assert refused.status == 429
    assert (refused.json["type"], refused.error["type"]) == ("error", "rate_limit_error")
    assert HOUR_S - 60 < int(refused.headers["retry-after"]) <= HOUR_S
    assert refused.headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_a_refusal_of_an_attempt_tells_all_of_its_limits(start: Start, up: Upstream) -> None:
    up.script = Bill().uses(input_tokens=40, output_tokens=10)
    gateway = start(config(up.url, limit(requests=100), limit("words", tokens=60)))
    assert gateway.chat(ask()).status == 200
    refused = gateway.chat(ask())

    over(refused)
    assert refused.headers["x-ratelimit-limit-tokens"] == "60"
    assert int(refused.headers["x-ratelimit-remaining-tokens"]) <= 10
    assert refused.headers["x-ratelimit-limit-requests"] == "100"


def test_what_can_never_pass_is_told_so_without_a_time(start: Start, up: Upstream) -> None:
    up.script = answers("said")
    gateway = start(config(up.url, limit(tokens=20)))
    answer = gateway.chat(ask(max_tokens=500))

    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    assert "it can never pass" in answer.error["message"]
    assert "retry-after" not in answer.headers
    assert up.seen == []


def reload(gateway: Gateway, made: Config, workers: int) -> None:
    """Have so many workers take a configuration over."""
    before = len(gateway.events("config.taken"))
    gateway.write(made)
    gateway.event("config.taken", before + workers)


def test_a_reload_changes_a_limit_and_keeps_what_was_counted(start: Start, up: Upstream) -> None:
    up.script = answers("said")
    gateway = start(config(up.url, limit(requests=2)), "--workers", "2")
    assert [gateway.chat(ask()).status for _ in range(3)] == [200, 200, 429]

    reload(gateway, config(up.url, limit(requests=4)), 2)
    assert [gateway.chat(ask()).status for _ in range(3)] == [200, 200, 429]
    assert len(up.seen) == 4

    reload(gateway, config(up.url, limit(requests=4, on=["end_user"])), 2)
    assert gateway.chat(ask()).status == 200, "another one counts nobody"
    reload(gateway, config(up.url, limit(requests=4)), 2)
    assert gateway.chat(ask()).status == 429, "what was counted stands"

    reload(gateway, config(up.url), 2)
    after = [gateway.chat(ask()) for _ in range(8)]
    assert [one.status for one in after] == [200] * 8
    assert not any("x-ratelimit-limit-requests" in one.headers for one in after), "there is none any more"
