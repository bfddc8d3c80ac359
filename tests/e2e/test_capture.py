"""Content is kept only when told so, sealed; prompts of a route go out and are named in the receipt."""

import json
from pathlib import Path

import msgspec
import pytest

from antiphon.app.places import Places
from antiphon.app.vaults import envelope
from antiphon.config.load import load
from antiphon.core.error import StoreError
from antiphon.vault.envelope import Envelope
from rig.config import to_upstream
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.upstream import Upstream, streamed, whole

pytestmark = pytest.mark.processes

ASK = b'{"model":"gpt-test","messages":[{"role":"user","content":"PLAIN-PROMPT"}]}'
ANSWER = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"PLAIN-ANSWER"}}]}'
PIECES = (
    b'data: {"choices":[{"index":0,"delta":{"content":"PLAIN-"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"STREAM"},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
)


def captured(url: str, **storage: object) -> Config:
    config = to_upstream(url)
    config["storage"] = {"capture": "content", "ship_interval_s": 0.05, **storage}
    return config


def sealer(gateway: Gateway) -> Envelope:
    """What a process of its own opens content by."""
    return envelope(load(gateway.file, {}).settings, Places.under(gateway.data, gateway.data))


def opened(gateway: Gateway, receipt_id: str, tenant: str = "acme") -> dict[str, object]:
    """What was captured, unsealed with the key that lies beside the data."""
    sealed = gateway.records().content(receipt_id)
    assert sealed is not None
    plain = sealer(gateway).unseal(sealed, f"{tenant}/{receipt_id}")
    return msgspec.msgpack.decode(plain)


def files_with(directory: Path, text: bytes) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file() and text in file.read_bytes()]


def test_content_is_sealed_at_rest_and_can_be_read_with_the_key(start: Start, up: Upstream) -> None:
    gateway = start(captured(up.url))
    up.script = whole(ANSWER)
    whole_id = gateway.chat(ASK).receipt_id
    up.script = streamed(*PIECES)
    stream_id = gateway.chat(ASK[:-1] + b',"stream":true}').receipt_id

    assert gateway.receipt(whole_id)["captured"] is True
    assert opened(gateway, whole_id) == {"request": ASK, "answer": ANSWER, "cut": False}
    assert opened(gateway, stream_id) == {
        "request": ASK[:-1] + b',"stream":true}',
        "answer": b"".join(PIECES),
        "cut": False,
    }
    assert gateway.stop() == 0
    assert opened(gateway, whole_id)["answer"] == ANSWER
    assert (gateway.data / "local.key").stat().st_mode & 0o777 == 0o600
    assert gateway.data.stat().st_mode & 0o777 == 0o700
    assert files_with(gateway.home, b"PLAIN-") == []

    sealed = gateway.records().content(whole_id)
    assert sealed is not None
    with pytest.raises(StoreError):
        sealer(gateway).unseal(sealed, f"globex/{whole_id}")


def test_of_an_answer_that_broke_what_was_released_is_kept(start: Start, up: Upstream) -> None:
    gateway = start(captured(up.url))
    up.script = streamed(PIECES[0])
    broken_id = gateway.chat(ASK[:-1] + b',"stream":true}').receipt_id
    up.script = whole(b"oops", kind=b"text/html")
    failed_id = gateway.chat(ASK).receipt_id

    assert opened(gateway, broken_id)["answer"] == PIECES[0]
    assert opened(gateway, failed_id) == {"request": ASK, "answer": b"", "cut": False}


def test_long_content_is_cut_where_told(start: Start, up: Upstream) -> None:
    gateway = start(captured(up.url, capture_most_bytes=1024))
    up.script = whole(ANSWER)
    body = ASK[:-1] + b',"x":"%b"}' % (b"x" * 5000)

    receipt_id = gateway.chat(body).receipt_id

    assert opened(gateway, receipt_id) == {"request": body[:1024], "answer": ANSWER, "cut": True}


def test_content_larger_than_a_batch_is_shipped_whole(start: Start, up: Upstream) -> None:
    gateway = start(captured(up.url, capture_most_bytes=20_000_000))
    up.script = whole(ANSWER)
    body = ASK[:-1] + b',"x":"%b"}' % (b"x" * 12_000_000)
    ids = [gateway.chat(body).receipt_id, gateway.chat(ASK).receipt_id]
    assert gateway.stop() == 0

    assert list((gateway.data / "journal").iterdir()) == []
    assert [receipt.id for receipt in gateway.stored()] == ids
    assert opened(gateway, ids[0])["request"] == body
    assert opened(gateway, ids[1])["request"] == ASK


def test_nothing_is_kept_unless_told(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)

    receipt_id = gateway.chat(ASK).receipt_id

    assert "captured" not in gateway.receipt(receipt_id)
    assert gateway.records().content(receipt_id) is None


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("[]", '[{"role":"system","content":"Be \\"brief\\".\\né"}]'),
        (" [ \n ] ", ' [{"role":"system","content":"Be \\"brief\\".\\né"} \n ] '),
        (
            '[ {"role":"user","content":"hi"}]',
            '[{"role":"system","content":"Be \\"brief\\".\\né"}, {"role":"user","content":"hi"}]',
        ),
    ],
)
def test_a_routes_prompt_goes_before_the_callers_messages(start: Start, up: Upstream, messages: str, said: str) -> None:
    config = to_upstream(up.url)
    config["prompts"] = {"house/brief": {"text": 'Be "brief".\né'}}
    config["routes"] = {"auto": {"models": ["gpt-test"], "prompt": "house/brief"}}
    gateway = start(config)
    up.script = whole(ANSWER)

    answer = gateway.chat(f'{{"messages":{messages},"x":1.0,"model":"auto"}}'.encode())

    assert answer.status == 200, answer.body
    assert up.last.body.decode() == f'{{"messages":{said},"x":1.0,"model":"up-model-1"}}'
    prompt = gateway.receipt(answer)["plan"]["prompt"]
    assert prompt.startswith("house/brief@")
    assert len(prompt) == len("house/brief@") + 12
    by_name = gateway.receipt(gateway.chat({"model": "gpt-test", "messages": []}))
    assert "prompt" not in by_name["plan"]
    assert json.loads(up.last.body)["messages"] == []
