"""Whatever an upstream does before its answer: the SDK gets a whole answer from the other one, and the receipt tells."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rig.config import ALICE
from rig.fleet import Json, asked, fleet, health, secret, told
from rig.gateway import Gateway
from rig.loop import LoopThread
from rig.scripts import answers, by_model, fails, reset, short
from rig.sdk import async_client, client, says
from rig.upstream import JSON, SSE, Script, Seen, Upstream, head, silent, upstream, whole

pytestmark = pytest.mark.processes

REST_S = 600


async def until_a_date(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Asks to be left alone until a moment that is so far off when it answers."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=REST_S), usegmt=True).encode()
    await fails(b"429 Too Many Requests", more=b"retry-after: %b\r\n" % date)(seen, writer)


async def malformed(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """An answer of the right type that is none."""
    body, kind = (b'data: {"choices":[{"del\n\n', SSE) if seen.streams else (b'{"id":"c","choi', JSON)
    await whole(body, kind)(seen, writer)


async def drip(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Begins an answer, and says no more."""
    writer.write(head(b"200 OK", SSE if seen.streams else JSON, b"content-length: 100\r\n\r\n"))
    await silent(seen, writer)


@dataclass
class Trouble:
    """What an upstream does, and what the receipt calls it."""

    script: Script
    failure: str
    error: str
    status: int | None = None
    timeouts: dict[str, float] = field(default_factory=dict[str, float])


TROUBLES: dict[str, Trouble] = {
    "500": Trouble(fails(b"500 Internal Server Error"), "server_error", "upstream_error", 500),
    "502-html": Trouble(
        whole(b"<html>Bad Gateway</html>", b"text/html", b"502 Bad Gateway"), "server_error", "upstream_error", 502
    ),
    "503": Trouble(
        fails(b"503 Service Unavailable", more=b"retry-after: 600\r\n"), "overloaded", "upstream_overloaded", 503
    ),
    "504": Trouble(fails(b"504 Gateway Timeout"), "timeout", "upstream_timeout", 504),
    "529": Trouble(fails(b"529 Overloaded"), "overloaded", "upstream_overloaded", 529),
    "408": Trouble(fails(b"408 Request Timeout"), "timeout", "upstream_timeout", 408),
    "429-seconds": Trouble(
        fails(b"429 Too Many Requests", more=b"retry-after: 600\r\n"), "rate_limited", "upstream_rate_limited", 429
    ),
    "429-ms": Trouble(
        fails(b"429 Too Many Requests", more=b"retry-after-ms: 600000\r\nretry-after: 1\r\n"),
        "rate_limited",
        "upstream_rate_limited",
        429,
    ),
    "429-date": Trouble(
        until_a_date,
        "rate_limited",
        "upstream_rate_limited",
        429,
    ),
    "reset": Trouble(reset, "broken", "upstream_broken"),
    "short": Trouble(short("never read in full"), "broken", "upstream_broken", 200),
    "malformed": Trouble(malformed, "malformed", "upstream_malformed", 200),
    "no-answer-in-it": Trouble(whole(b"<p>Please sign in</p>", b"text/html"), "malformed", "upstream_malformed", 200),
    "hang": Trouble(silent, "timeout", "upstream_timeout", timeouts={"first_byte_s": 0.15}),
    "drip": Trouble(drip, "timeout", "upstream_timeout", 200, {"between_bytes_s": 0.15}),
    "unreachable": Trouble(silent, "unreachable", "upstream_unreachable"),
}
RESTING = ("429-seconds", "429-ms", "429-date", "503")


@dataclass
class House:
    gateway: Gateway
    up: Upstream


@pytest.fixture(scope="module")
def house(servers: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For each trouble a deployment that has it, one for streams too, and a route on which `good` stands beside it."""
    context = upstream()
    up = servers.enter(context)
    names = [f"{kind}-{form}" for kind in TROUBLES for form in ("whole", "stream", "async")]
    deployments: dict[str, Json] = {name: {"timeouts": TROUBLES[name.rpartition("-")[0]].timeouts} for name in names}
    for form in ("whole", "stream", "async"):
        deployments[f"unreachable-{form}"]["base_url"] = "http://127.0.0.1:1/v1"
        deployments[f"reset-{form}"]["base_url"] = f"http://localhost:{up.port}/v1"  # no connection is kept there
    deployments["good"] = {"priority": 1}
    routes = {f"over-{name}": {"models": [name, "good"]} for name in names}
    up.script = by_model(
        good=answers("a whole answer"), **{name: TROUBLES[name.rpartition("-")[0]].script for name in names}
    )
    one = Gateway(tmp_path_factory.mktemp("takeover"), fleet(up.url, deployments, routes), key=ALICE)
    try:
        yield House(one.start(), up)
    finally:
        one.close()
        servers.leave(context)


def assert_told(house: House, name: str, receipt_id: str) -> None:
    """The receipt has both attempts: what went wrong, why the second was made, how it was picked."""
    trouble = TROUBLES[name.rpartition("-")[0]]
    receipt = house.gateway.closed_receipt(receipt_id)
    assert (receipt["outcome"], receipt["status"], receipt["served"]) == ("ok", 200, "good")
    assert told(receipt) == [(name, "", trouble.failure), ("good", f"other_deployment: {trouble.failure}", "")]
    first, second = receipt["attempts"]
    assert (first["error"], first.get("status")) == (trouble.error, trouble.status)
    assert name in first["detail"]
    assert first["chosen"] == second["chosen"] == "weighted"
    assert "passed_over" not in first  # its priority decided: there is nothing to tell of the other
    assert second["passed_over"] == [{"deployment": name, "lost": f"failed: {trouble.failure}"}]
    assert receipt["usage"] == second["usage"] == {"input_tokens": 3, "output_tokens": 2}
    assert "usage" not in first
    assert first["ticket"] != second["ticket"]
    assert secret(name) not in str(receipt)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_sdk_gets_a_whole_answer_from_the_other_deployment(house: House, trouble: str) -> None:
    name = f"{trouble}-whole"
    with client(house.gateway) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(model=f"over-{name}", messages=says("Hi"))

    assert raw.parse().choices[0].message.content == "a whole answer"
    assert raw.headers["x-antiphon-deployment"] == "good"
    assert raw.headers["x-antiphon-attempts"] == "2"
    assert_told(house, name, raw.headers["x-antiphon-receipt"])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_sdk_gets_a_whole_stream_from_the_other_deployment(house: House, trouble: str) -> None:
    name = f"{trouble}-stream"
    with client(house.gateway) as sdk:
        stream = sdk.chat.completions.create(model=f"over-{name}", messages=says("Hi"), stream=True)
        chunks = list(stream)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "a whole answer"
    assert [chunk.choices[0].delta.role for chunk in chunks].count("assistant") == 1
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert_told(house, name, stream.response.headers["x-antiphon-receipt"])


async def test_the_async_client_gets_all_of_them_at_once(house: House) -> None:
    names = [f"{trouble}-async" for trouble in TROUBLES]
    async with async_client(house.gateway) as sdk:
        answered = await asyncio.gather(
            *(
                sdk.chat.completions.with_raw_response.create(model=f"over-{name}", messages=says("Hi"))
                for name in names
            )
        )

    assert {raw.parse().choices[0].message.content for raw in answered} == {"a whole answer"}
    for name, raw in zip(names, answered, strict=True):
        assert_told(house, name, raw.headers["x-antiphon-receipt"])


@pytest.mark.parametrize("trouble", RESTING)
def test_who_asks_for_time_is_left_alone_for_that_long(house: House, trouble: str) -> None:
    with client(house.gateway) as sdk:
        for _ in range(2):
            sdk.chat.completions.create(model=f"over-{trouble}-whole", messages=says("Hi"))

    before = asked(house.up).count(f"{trouble}-whole")
    state = health(house.gateway, f"{trouble}-whole")
    left_s = state["cooling_s"] if trouble == "503" else state["keys"][0]["back_in_s"]
    assert 2 < left_s <= REST_S + 1
    assert not state["usable"]
    assert before == 1
