"""Deadlines: what a request, an SDK, a route and the server allow, and who is named when the time is over."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import openai
import pytest

from rig.config import ALICE
from rig.fleet import Json, fleet
from rig.gateway import Gateway
from rig.loop import LoopThread
from rig.scripts import answers, by_model, fails, word
from rig.sdk import async_client, client, says
from rig.upstream import Upstream, endless, silent, upstream
from rig.wait import until

pytestmark = pytest.mark.processes

CAP_S = 100
TIMEOUT = "x-antiphon-timeout"


@dataclass
class House:
    gateway: Gateway
    up: Upstream


@pytest.fixture(scope="module")
def house(servers: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    context = upstream()
    up = servers.enter(context)
    up.script = by_model(
        good=answers("in time"),
        hung=silent,
        impatient=silent,
        endless=endless(word("a")),
        down=fails(b"500 Internal Server Error", more=b"retry-after: 9\r\n"),
    )
    deployments: dict[str, Json] = {name: {} for name in ("good", "hung", "endless", "down")}
    deployments["impatient"] = {"timeouts": {"first_byte_s": 0.1}}
    routes: dict[str, Json] = {f"to-{name}": {"models": [name]} for name in deployments}
    routes["to-impatient"]["attempts"] = 20
    routes["to-down"]["attempts"] = 20
    routes["bounded"] = {"models": ["hung"], "timeout_s": 1}
    routes["bounded-good"] = {"models": ["good"], "timeout_s": 9}
    config = fleet(
        up.url,
        deployments,
        routes,
        deadline={"max_s": CAP_S},
        retry={"base_s": 60, "cap_s": 60},
        breaker={"consecutive_failures": 1000, "min_volume": 1000},
    )
    one = Gateway(tmp_path_factory.mktemp("deadline"), config, key=ALICE)
    try:
        yield House(one.start(), up)
    finally:
        one.close()
        servers.leave(context)


def ask(model: str, **more: Any) -> Json:
    return {"model": model, "messages": says("Hi"), **more}


@pytest.mark.parametrize(("written", "allowed_s"), [("20.5", 20.5), ("20500ms", 20.5), ("20s", 20.0), ("0.2m", 12.0)])
def test_a_time_is_written_in_several_ways(house: House, written: str, allowed_s: float) -> None:
    with client(house.gateway) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**ask("to-good"), extra_headers={TIMEOUT: written})

    receipt = house.gateway.receipt(raw.headers["x-antiphon-receipt"])
    assert receipt["deadline"] == {"allowed_s": allowed_s, "by": "request", "header": TIMEOUT}
    assert TIMEOUT not in raw.headers


@pytest.mark.parametrize("written", ["soon", "0", "-1", "1h", "1,5", ""])
def test_what_is_no_time_is_refused_by_the_name_of_its_header(house: House, written: str) -> None:
    before = len(house.up.seen)
    with client(house.gateway) as sdk, pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(**ask("to-good"), extra_headers={TIMEOUT: written})

    assert caught.value.param == TIMEOUT
    assert "1.5, 500ms, 30s, 2m" in caught.value.message
    assert len(house.up.seen) == before
    receipt = house.gateway.receipt(caught.value.response.headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt["status"]) == ("refused", 400)


@pytest.mark.parametrize(
    ("model", "headers", "who", "by"),
    [
        ("to-hung", {TIMEOUT: "1000ms"}, "the header x-antiphon-timeout allows", "request"),
        ("to-hung", {"x-stainless-read-timeout": "1"}, "the header x-stainless-read-timeout allows", "request"),
        ("to-hung", {"x-server-timeout": "1"}, "the header x-server-timeout allows", "request"),
        ("bounded", {}, "the route allows", "route"),
        ("bounded", {TIMEOUT: "60"}, "the route allows", "route"),
    ],
)
def test_who_set_the_time_is_named_when_it_is_over(
    house: House, model: str, headers: dict[str, str], who: str, by: str
) -> None:
    answer = house.gateway.chat(ask(model), headers=headers)

    assert (answer.status, answer.error["code"], answer.error["type"]) == (504, "deadline_exceeded", "timeout_error")
    assert who in answer.error["message"]
    receipt = house.gateway.receipt(answer)
    assert receipt["deadline"]["by"] == by
    assert len(receipt["attempts"]) == 1
    assert receipt["attempts"][0]["failure"] == "timeout"
    until(lambda: house.up.last.gone_s is not None, "it is given up")


def test_the_servers_cap_is_told(house: House) -> None:
    with client(house.gateway) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**ask("to-good"), extra_headers={TIMEOUT: "2m"})

    assert raw.headers[TIMEOUT] == "100; asked=120; by=server"
    receipt = house.gateway.receipt(raw.headers["x-antiphon-receipt"])
    assert receipt["deadline"] == {"allowed_s": 100.0, "by": "server", "header": TIMEOUT, "asked_s": 120.0}


def test_so_is_the_routes(house: House) -> None:
    answer = house.gateway.chat(ask("bounded-good"), headers={TIMEOUT: "10"})

    assert answer.headers[TIMEOUT] == "9; asked=10; by=route"


def test_the_sdks_own_timeout_is_taken(house: House) -> None:
    with client(house.gateway, timeout=25) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**ask("to-good"))

    receipt = house.gateway.receipt(raw.headers["x-antiphon-receipt"])
    assert receipt["deadline"] == {"allowed_s": 25.0, "by": "request", "header": "x-stainless-read-timeout"}


async def test_it_ends_the_call_before_the_sdk_would(house: House) -> None:
    async with async_client(house.gateway, timeout=20) as sdk:
        with pytest.raises(openai.InternalServerError) as caught:
            await sdk.chat.completions.create(**ask("to-hung"), extra_headers={"x-stainless-read-timeout": "0.2"})

    assert caught.value.code == "deadline_exceeded"


def test_attempts_share_one_deadline(house: House) -> None:
    answer = house.gateway.chat(ask("to-impatient"), headers={TIMEOUT: "2s"})

    assert answer.status == 504
    receipt = house.gateway.receipt(answer)
    assert len(receipt["attempts"]) < 5
    assert receipt["stopped"]


def test_a_wait_that_would_outlast_it_is_not_begun(house: House) -> None:
    answer = house.gateway.chat(ask("to-down"), headers={TIMEOUT: "8s"})

    assert (answer.status, answer.error["code"]) == (502, "upstream_error")
    receipt = house.gateway.receipt(answer)
    assert receipt["stopped"] == "the deadline comes before the wait is over"
    assert len(receipt["attempts"]) == 1


@pytest.mark.parametrize("header", [TIMEOUT, "x-server-timeout"])
def test_a_stream_that_runs_beyond_it_ends_with_a_typed_error(house: House, header: str) -> None:
    with client(house.gateway) as sdk:
        stream = sdk.chat.completions.create(**ask("to-endless"), stream=True, extra_headers={header: "1.5"})
        chunks: list[Any] = []
        with pytest.raises(openai.APIError) as caught:
            chunks.extend(stream)

    assert chunks
    assert caught.value.code == "deadline_exceeded"
    receipt = house.gateway.closed_receipt(stream.response.headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt["error"]) == ("failed", "deadline_exceeded")
    assert receipt["attempts"][0]["assumed"]


def test_an_sdks_timeout_bounds_the_silence_of_a_stream_and_not_its_length(house: House) -> None:
    lines = {"x-stainless-read-timeout": "1"}
    with client(house.gateway, timeout=20) as sdk:
        stream = sdk.chat.completions.create(**ask("to-endless"), stream=True, extra_headers=lines)
        some = list(islice(stream, 400))  # two seconds' worth, 5 ms each: far beyond the one
        stream.close()

    assert len(some) == 400
