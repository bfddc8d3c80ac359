"""Guards on everything that goes upstream beside model calls: files, batches, counts, sessions, kept conversations."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from openai import BadRequestError

from antiphon.providers.lab.records import KEPT_REQUESTS
from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import LabModel, LabSettings
from rig.config import ALICE
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.sdk import client, says

pytestmark = pytest.mark.processes

EMAIL = "erika.mustermann@example.org"
AWS = "AKIA" + "Z3MSJV4WWNKWWRQ7"
GUARDS: dict[str, Any] = {
    "people": {"pii": {}, "action": "mask"},
    "keys": {"secrets": {}, "action": "block"},
    "said": {
        "regex": {"patterns": {"praise": {"pattern": "[A-Za-z]{3,}", "kind": "word"}}},
        "on": ["answer"],
        "action": "flag",
    },
}


def config(url: str) -> Config:
    account = {"profile": "compatible", "base_url": f"{url}/v1", "key": "sk-up"}
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme"}],
        "providers": {"lab-server": account},
        "models": {"fast": {"provider": "lab-server", "model": "chat", "price": {"input": 1.0, "output": 2.0}}},
        "guards": GUARDS,
        "storage": {"ship_interval_s": 0.05},
    }


@pytest.fixture(scope="module")
def lab_here(servers: LoopThread) -> Iterator[Running]:
    context = running(LabSettings(seed=3, models={"chat": LabModel(tokens_per_s=1e6, answer_tokens=5)}))
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture(scope="module")
def guarded(lab_here: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("guarded"), config(lab_here.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


def got(lab: Running) -> str:
    return json.dumps([one.body for one in lab.server._records.listed(None, KEPT_REQUESTS)])


def batch(text: str) -> bytes:
    body = {"model": "fast", "messages": says(text)}
    return json.dumps({"custom_id": "r1", "method": "POST", "url": "/v1/chat/completions", "body": body}).encode()


def test_lines_of_a_batch_are_masked_and_secrets_stop_it(guarded: Gateway, lab_here: Running) -> None:
    with client(guarded) as sdk:
        made = sdk.files.create(file=("in.jsonl", batch(f"Mail {EMAIL}")), purpose="batch")
        kept = sdk.files.content(made.id).read().decode()
        assert EMAIL not in kept
        assert "[[EMAIL_" in kept
        with pytest.raises(BadRequestError, match=r"secrets\.aws"):
            sdk.files.create(file=("in.jsonl", batch(f"key {AWS}")), purpose="batch")


def test_a_file_that_can_t_be_read_is_refused(guarded: Gateway) -> None:
    with client(guarded) as sdk, pytest.raises(BadRequestError, match="can't be read"):
        sdk.files.create(file=("in.png", b"\xff\xd8\xff\xe0\x00"), purpose="user_data")


def test_counts_of_tokens_are_guarded(guarded: Gateway) -> None:
    body = json.dumps({"model": "fast", "messages": says(f"key {AWS}")}).encode()
    answer = guarded.ask("POST", "/v1/messages/count_tokens", body)
    assert answer.status == 400, answer
    assert "guard_blocked" in answer.body.decode() or "secrets." in answer.body.decode()


def test_what_is_explained_is_guarded(guarded: Gateway) -> None:
    answer = guarded.ask(
        "POST", "/v1/explain", json.dumps({"model": "fast", "messages": says(f"Mail {EMAIL}")}).encode()
    )
    assert answer.status == 200, answer
    assert [one["kind"] for one in answer.json["findings"]] == ["email"]


def test_a_kept_conversation_is_masked_each_time_it_goes_on(guarded: Gateway, lab_here: Running) -> None:
    with client(guarded) as sdk:
        first = sdk.responses.create(model="fast", input=f"I am {EMAIL}", store=True)
        sdk.responses.create(model="fast", input="Who am I?", previous_response_id=first.id)
    sent = got(lab_here)
    assert EMAIL not in sent
    assert sent.count("[[EMAIL_") >= 2


async def test_a_session_s_messages_are_masked_and_blocked_one_by_one(guarded: Gateway, lab_here: Running) -> None:
    url = f"ws://127.0.0.1:{guarded.port}/v1/realtime?model=fast"

    def item(said: str) -> str:
        part = {"type": "input_text", "text": said}
        return json.dumps(
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [part]}}
        )

    async with websockets.connect(url, additional_headers={"authorization": f"Bearer {ALICE}"}) as one:
        receipt = one.response.headers["x-antiphon-receipt"]
        assert json.loads(await one.recv())["type"] == "session.created"
        await one.send(item(f"Is {AWS} valid?"))
        refused = json.loads(await one.recv())
        assert (refused["type"], refused["error"]["code"]) == ("error", "guard_blocked")
        assert AWS not in json.dumps(refused)
        await one.send(item(f"Mail {EMAIL}"))
        kinds: list[str] = []
        await one.send(json.dumps({"type": "response.create"}))
        while "response.done" not in kinds:
            event = json.loads(await one.recv())
            kinds.append(event["type"])
            if event["type"] == "conversation.item.added":
                assert "[[" not in json.dumps(event)
    said = guarded.closed_receipt(receipt)
    found = {(one.get("side", "request"), one["guard"]) for one in said["findings"]}
    assert ("request", "keys") in found
    assert ("request", "people") in found
    assert EMAIL not in json.dumps(said)
