"""Sessions over WebSockets: by the real `openai` SDK's realtime client, and by a client that behaves badly."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import LabModel, LabSettings
from rig.config import ALICE, BOB, ROOT
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.sdk import async_client
from rig.wait import until

pytestmark = pytest.mark.processes
PATIENCE_S = 30
KEYS = [
    {"name": "alice", "key": ALICE, "tenant": "acme"},
    {"name": "bob", "key": BOB, "tenant": "globex", "models": ["other"]},
    {"name": "root", "key": ROOT, "admin": True},
]


def config(url: str, **realtime: Any) -> Config:
    price = {"input": 1.0, "output": 2.0}
    return {
        "keys": KEYS,
        "providers": {
            "lab-server": {"profile": "compatible", "base_url": f"{url}/v1", "key": "sk-up"},
            "claude": {"profile": "anthropic", "key": "k", "base_url": f"{url}/v1"},
            "nobody": {"profile": "compatible", "base_url": "http://127.0.0.1:1/v1"},
        },
        "models": {
            "talk": {"provider": "lab-server", "model": "chat", "price": price},
            "other": {"provider": "lab-server", "model": "chat", "price": price},
            "text": {"provider": "claude", "model": "chat"},
            "nowhere": {"provider": "nobody", "model": "chat", "priority": 0, "listed": False},
            "spare": {"provider": "lab-server", "model": "chat", "priority": 1, "listed": False},
        },
        "routes": {"both": {"models": ["nowhere", "spare"]}, "lost": {"models": ["nowhere"]}},
        "realtime": {"max_message_bytes": 100_000, "max_sessions": 3, **realtime},
        "storage": {"ship_interval_s": 0.05},
    }


@pytest.fixture(scope="module")
def voices(servers: LoopThread) -> Iterator[Running]:
    context = running(LabSettings(seed=3, models={"chat": LabModel()}))
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture(scope="module")
def talking(voices: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("talking"), config(voices.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


def text(said: str) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}


def item(said: str) -> str:
    return json.dumps({"type": "conversation.item.create", "item": text(said)})


def connect(gateway: Gateway, model: str = "talk", key: str = ALICE, **more: Any) -> Any:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    url = f"ws://127.0.0.1:{gateway.port}/v1/realtime?model={model}"
    return websockets.connect(url, additional_headers={**headers, **more.pop("headers", {})}, **more)


async def closing(one: Any) -> tuple[int, str]:
    """How a connection ends, whatever comes before."""
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionClosed):
            async for _ in one:
                pass
    return one.close_code, one.close_reason


def receipt_id(one: Any) -> str:
    return one.response.headers["x-antiphon-receipt"]


async def test_the_sdks_client_talks_and_what_it_used_is_on_the_record(talking: Gateway) -> None:
    async with async_client(talking) as sdk, sdk.realtime.connect(model="talk") as one:
        assert (await one.recv()).type == "session.created"
        await one.session.update(session={"type": "realtime", "model": "talk", "output_modalities": ["text"]})
        updated = await one.recv()
        assert updated.type == "session.updated"
        assert updated.session.model == "chat"
        for turn in (1, 2):
            await one.conversation.item.create(item=text("hello there"))
            await one.response.create()
            said = ""
            async for event in one:
                if event.type == "response.output_text.delta":
                    said += event.delta
                if event.type == "response.done":
                    break
            assert said.count("hello there") == turn
        found = one._connection.response.headers["x-antiphon-receipt"]

    receipt = talking.closed_receipt(found)
    assert (receipt["outcome"], receipt["status"], receipt["asked"]) == ("ok", 101, "talk")
    assert (receipt["endpoint"], receipt["dialect"], receipt["stream"]) == ("/v1/realtime", "openai_realtime", True)
    (attempt,) = receipt["attempts"]
    assert (attempt["deployment"], attempt["status"]) == ("talk", 101)
    assert receipt["usage"] == attempt["usage"] == {"input_tokens": 2 + 4, "output_tokens": 6 + 8}
    assert receipt["cost_nano_usd"] == 6 * 1000 + 14 * 2000
    assert "session: ended by caller with 1000" in receipt["notes"]


async def test_a_browsers_key_comes_as_a_subprotocol_and_goes_no_further(talking: Gateway) -> None:
    offered = ["realtime", f"openai-insecure-api-key.{ALICE}", "openai-beta.realtime-v1"]
    async with connect(talking, key="", subprotocols=offered, origin="https://page.test") as one:
        assert one.subprotocol == "realtime"
        assert json.loads(await one.recv())["type"] == "session.created"


async def test_a_session_keeps_its_model(talking: Gateway) -> None:
    async with connect(talking, "other", BOB) as one:
        await one.recv()
        await one.send(json.dumps({"type": "session.update", "event_id": "e7", "session": {"model": "talk"}}))
        refused = json.loads(await one.recv())
        assert (refused["type"], refused["error"]["code"]) == ("error", "model_not_allowed")
        assert refused["error"]["event_id"] == "e7"
        heard = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        await one.send(json.dumps({"type": "session.update", "session": heard}))
        assert json.loads(await one.recv())["error"]["param"] == "session.audio.input.transcription.model"
        await one.send(json.dumps({"type": "session.update", "session": {"model": "other"}}))
        assert json.loads(await one.recv())["session"]["model"] == "chat"


REFUSED = {
    "no key": ("talk", "", 401, "invalid_api_key"),
    "an unknown key": ("talk", "sk-unknown-1", 401, "invalid_api_key"),
    "a model that the key doesn't list": ("talk", BOB, 403, "model_not_allowed"),
    "a model that is not there": ("none", ALICE, 404, "model_not_found"),
    "a model without sessions": ("text", ALICE, 400, "unsupported"),
    "no model": ("", ALICE, 400, "invalid_request"),
    "nobody there": ("lost", ALICE, 502, "upstream_unreachable"),
}


@pytest.mark.parametrize(("model", "key", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_may_not_be_is_refused_before_it_begins(
    talking: Gateway, model: str, key: str, status: int, code: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(talking, model, key)
    response = refused.value.response
    assert (response.status_code, json.loads(response.body)["error"]["code"]) == (status, code)
    receipt = talking.receipt(response.headers["x-antiphon-receipt"], key=ROOT)
    assert receipt["outcome"] == ("failed" if status == 502 else "refused")


def test_an_ordinary_request_is_told_what_is_needed(talking: Gateway) -> None:
    said = talking.get("/v1/realtime?model=talk")
    assert (said.status, said.error["code"]) == (426, "upgrade_required")


async def test_another_deployment_is_asked_where_the_first_is_not_there(talking: Gateway) -> None:
    async with connect(talking, "both") as one:
        await one.recv()
        found = receipt_id(one)
    receipt = talking.closed_receipt(found)
    assert [attempt["deployment"] for attempt in receipt["attempts"]] == ["nowhere", "spare"]
    assert (receipt["served"], receipt["outcome"]) == ("spare", "ok")


async def test_the_upstreams_close_reaches_the_caller(talking: Gateway) -> None:
    async with connect(talking) as one:
        await one.send(item("lab:close 4001"))
        assert await closing(one) == (4001, "as was asked")


async def test_an_upstream_that_drops_the_session_is_told(talking: Gateway) -> None:
    async with connect(talking) as one:
        await one.send(item("lab:drop"))
        assert (await closing(one))[0] == 1011
        found = receipt_id(one)
    receipt = talking.closed_receipt(found)
    assert (receipt["outcome"], receipt["error"]) == ("failed", "upstream_broken")


async def test_a_caller_that_goes_takes_the_upstream_with_it(talking: Gateway, voices: Running) -> None:
    async with connect(talking) as one:
        await one.recv()
        found = receipt_id(one)
        one.transport.abort()
    assert talking.closed_receipt(found)["outcome"] == "client_gone"


async def test_what_is_no_text_or_too_long_or_no_frame_ends_it(talking: Gateway) -> None:
    async with connect(talking) as one:
        await one.send(b"binary")
        assert (await closing(one))[0] == 1003
    async with connect(talking) as one:
        await one.send(json.dumps({"type": "input_audio_buffer.append", "audio": "a" * 100_000}))
        assert (await closing(one))[0] == 1009
    async with connect(talking) as one:
        one.transport.write(b"\x81\x01a")  # not masked
        assert (await closing(one))[0] == 1002


async def test_a_message_in_pieces_and_pings_get_through(talking: Gateway) -> None:
    async with connect(talking) as one:
        await one.recv()
        await (await one.ping(b"here?"))
        said = item("in pieces")
        await one.send([said[:5], said[5:20], said[20:]])
        assert json.loads(await one.recv())["item"]["content"][0]["text"] == "in pieces"


async def test_there_are_only_so_many_sessions(talking: Gateway) -> None:
    until(lambda: talking.metric("antiphon_attempts_in_flight") == 0, "no session is left")
    async with connect(talking), connect(talking), connect(talking):
        with pytest.raises(InvalidStatus) as refused:
            await connect(talking)
        assert refused.value.response.status_code == 429


async def test_a_slow_caller_gets_every_event_in_order(talking: Gateway) -> None:
    """It gets every event in order once it reads again."""
    async with connect(talking, max_queue=1) as one:
        await one.send(item("word " * 10_000))
        for _ in range(20):
            await one.send(json.dumps({"type": "response.create"}))
        done = 0
        async with asyncio.timeout(120):
            while done < 20:
                done += json.loads(await one.recv())["type"] == "response.done"


async def test_silence_and_age_end_a_session(voices: Running, start: Any) -> None:
    gateway = start(config(voices.url, idle_timeout_s=0.2))
    async with connect(gateway) as one:
        assert (await closing(one)) == (1001, "no message came for 0.2 s")
    gateway.stop()
    gateway = start(config(voices.url, max_session_s=2))
    async with connect(gateway) as one:
        assert (await closing(one)) == (1001, "the session has lasted as long as it may")


async def test_a_drain_says_goodbye(voices: Running, start: Any) -> None:
    gateway = start(config(voices.url))
    async with connect(gateway) as one:
        await one.recv()
        found = receipt_id(one)
        gateway.signal(signal.SIGTERM)
        assert (await closing(one)) == (1001, "the gateway stops; connect again")
    assert await asyncio.to_thread(gateway.ended) == 0
    (receipt,) = gateway.stored()
    assert (receipt.id, receipt.outcome) == (found, "ok")
