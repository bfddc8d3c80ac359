"""A provider's API as it is: under the gateway's credential, within what is allowed, and on the record."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rig.config import ALICE, BOB, KEYS, ROOT, UPSTREAM_KEY, to_upstream
from rig.gateway import Config, Gateway
from rig.raw import Caller
from rig.upstream import Upstream, endless, flood, half, silent, streamed, whole
from rig.wait import until

pytestmark = pytest.mark.processes

USED = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "model": "up-model-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
    }
).encode()
CHUNK = b'data: {"model":"up-model-1","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
LAST = (
    b'data: {"model":"up-model-1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
)
ASK = {"model": "up-model-1", "messages": []}


def config(url: str) -> Config:
    """Alice may pass through to `up`; Bob too, but to the models of his key alone; `closed` is open to nobody."""
    made = to_upstream(url)
    passes = {"enabled": True, "allow": ["GET /models", "* /chat/*", "POST /audio/**", "* /things/*"]}
    providers = {
        "up": {**made["providers"]["up"], "passthrough": passes},
        "closed": {**made["providers"]["up"], "passthrough": {"allow": ["* /**"]}},
    }
    keys: list[dict[str, Any]] = [{**one, "passthrough": ["up"]} if one["name"] != "root" else one for one in KEYS]
    keys[1] = {**keys[1], "models": ["gpt-test"]}
    models = {**made["models"], "bob-test": {"provider": "up", "model": "up-model-2"}}
    return {**made, "keys": keys, "providers": providers, "models": models}


@pytest.fixture(scope="module")
def passing(upstream_shared: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Upstream]]:
    one = Gateway(tmp_path_factory.mktemp("passing"), config(upstream_shared.url), key=ALICE)
    try:
        yield one.start(), upstream_shared
    finally:
        one.close()


def chat(gateway: Gateway, key: str = ALICE, **more: Any) -> Any:
    return gateway.ask("POST", "/passthrough/up/chat/completions", json.dumps({**ASK, **more}).encode(), key=key)


def test_the_upstreams_credential_stands_in_the_callers_place(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    upstream.script = whole(b'{"data":[]}', more=b"x-one: 1\r\nset-cookie: a=b\r\nx-antiphon-receipt: forged\r\n")
    headers = {
        "x-api-key": ALICE, "cookie": "a=b", "connection": "x-hop", "x-hop": "1", "te": "trailers", "x-own": "kept",
        "openai-organization": "org-callers", "x-antiphon-session": "s", "x-forwarded-for": "10.0.0.1",
        "accept-encoding": "gzip", "origin": "https://a.test",
    }  # fmt: skip
    said = gateway.ask("GET", "/passthrough/up/models?limit=2&key=abc", headers=headers)

    assert (said.status, said.json) == (200, {"data": []})
    assert (said.headers["x-one"], "set-cookie" in said.headers) == ("1", False)
    assert said.receipt_id != "forged"
    seen = upstream.last
    assert seen.line == "GET /v1/models?limit=2 HTTP/1.1"
    assert seen.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert seen.headers["x-own"] == "kept"
    left = {"x-api-key", "cookie", "x-hop", "te", "openai-organization", "x-antiphon-session", "x-forwarded-for"}
    assert not (left | {"accept-encoding", "origin"}) & seen.headers.keys()
    assert ALICE not in str(seen)


def test_a_base_urls_own_path_is_not_said_twice(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    upstream.script = whole(b"{}")
    assert gateway.get("/passthrough/up/v1/models").status == 200
    assert upstream.last.line == "GET /v1/models HTTP/1.1"


def test_a_whole_answer_is_metered_and_priced(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    upstream.script = whole(USED)
    said = chat(gateway)

    assert said.body == USED
    receipt = gateway.receipt(said)
    assert (receipt["endpoint"], receipt["outcome"], receipt["cost_basis"]) == ("/passthrough/up", "ok", "reported")
    (attempt,) = receipt["attempts"]
    assert attempt["usage"] == receipt["usage"] == {"input_tokens": 10, "output_tokens": 20}
    assert attempt["cost_nano_usd"] == receipt["cost_nano_usd"] == 50_000
    assert (attempt["deployment"], attempt["provider"], attempt["model"]) == ("(up)", "up", "up-model-1")
    assert receipt["notes"] == [f"bytes: {len(json.dumps(ASK))} were sent, {len(USED)} came back"]


def test_a_stream_is_relayed_and_metered(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    pieces = (CHUNK[:30], CHUNK[30:], LAST, b"data: [DONE]\n\n")
    upstream.script = streamed(*pieces)
    said = chat(gateway, stream=True)

    assert said.body == b"".join(pieces)
    assert said.headers["content-type"] == "text/event-stream"
    assert gateway.receipt(said)["cost_nano_usd"] == 5_000


def test_an_unknown_answer_goes_on_as_it_is_without_usage(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    body = bytes(range(256)) * 1000
    upstream.script = whole(body, kind=b"audio/x-odd", status=b"299 Odd")
    said = gateway.ask("POST", "/passthrough/up/audio/speech/x", b"not json", headers={"content-type": "text/odd"})

    assert (said.status, said.body, said.headers["content-type"]) == (299, body, "audio/x-odd")
    assert upstream.last.body == b"not json"
    assert upstream.last.headers["content-type"] == "text/odd"
    assert gateway.receipt(said)["cost_basis"] == "no_usage"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_a_body_has_none(passing: tuple[Gateway, Upstream], status: bytes) -> None:
    gateway, upstream = passing

    async def bare(seen: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 %b\r\nx-one: 1\r\n\r\n" % status)

    upstream.script = bare
    said = gateway.ask("DELETE", "/passthrough/up/things/7")
    assert (said.status, said.body, said.headers["x-one"]) == (int(status[:3]), b"", "1")
    assert "transfer-encoding" not in said.headers


@pytest.mark.parametrize(
    ("status", "code"), [(b"404 Not Found", "upstream_refused"), (b"429 Slow", "upstream_rate_limited")]
)
def test_an_error_goes_on_as_it_is_once(passing: tuple[Gateway, Upstream], status: bytes, code: str) -> None:
    gateway, upstream = passing
    upstream.script, before = whole(b'{"error":"own"}', status=status, more=b"retry-after: 7\r\n"), len(upstream.seen)
    said = chat(gateway)

    assert (said.status, said.body, said.headers["retry-after"]) == (int(status[:3]), b'{"error":"own"}', "7")
    assert len(upstream.seen) == before + 1
    receipt = gateway.receipt(said)
    assert (receipt["outcome"], receipt["error"], receipt["status"]) == ("failed", code, said.status)


def test_a_refused_key_is_not_put_to_rest_by_it(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    upstream.script = whole(b"{}", status=b"401 Unauthorized")
    assert chat(gateway).status == 401
    upstream.script = whole(b'{"id":"c","object":"chat.completion","choices":[]}')
    assert gateway.chat({"model": "gpt-test", "messages": []}).status == 200


REFUSED = {
    "a provider that the key doesn't list": (
        ALICE,
        "GET",
        "/passthrough/closed/models",
        403,
        "passthrough_not_allowed",
    ),
    "one that is not enabled": (ROOT, "GET", "/passthrough/closed/models", 404, "provider_not_found"),
    "one that is not there": (ROOT, "GET", "/passthrough/nobody/models", 404, "provider_not_found"),
    "a path that is not listed": (ALICE, "GET", "/passthrough/up/files", 403, "passthrough_not_allowed"),
    "a method that is not listed": (ALICE, "DELETE", "/passthrough/up/models", 403, "passthrough_not_allowed"),
    "another method": (ALICE, "OPTIONS", "/passthrough/up/chat/a", 403, "passthrough_not_allowed"),
    "no path": (ALICE, "GET", "/passthrough/up", 400, "invalid_path"),
    "dots": (ALICE, "GET", "/passthrough/up/chat/../models", 400, "invalid_path"),
    "dots, encoded": (ALICE, "GET", "/passthrough/up/chat/%2e%2e/models", 400, "invalid_path"),
    "dots, encoded twice": (ALICE, "GET", "/passthrough/up/chat/%252e%252e%252fmodels", 400, "invalid_path"),
    "a whole URL": (ALICE, "GET", "/passthrough/up/http://evil.test/models", 400, "invalid_path"),
    "a host": (ALICE, "GET", "/passthrough/up//evil.test/models", 400, "invalid_path"),
    "a line end in the path": (ALICE, "GET", "/passthrough/up/chat/%0d%0aHost:evil", 400, "invalid_path"),
    "a line end in the query": (ALICE, "GET", "/passthrough/up/models?a=%0d%0aX:1", 400, "invalid_query"),
    "no key": ("", "GET", "/passthrough/up/models", 401, "invalid_api_key"),
}


@pytest.mark.parametrize(("key", "method", "path", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_asked_reaches_nobody(
    passing: tuple[Gateway, Upstream], key: str, method: str, path: str, status: int, code: str
) -> None:
    gateway, upstream = passing
    before = len(upstream.seen)
    said = gateway.ask(method, path, key=key)

    assert (said.status, said.error["code"]) == (status, code)
    assert len(upstream.seen) == before
    assert gateway.receipt(said, key=ROOT)["outcome"] == "refused"


def test_a_limited_key_passes_through_to_its_models_alone(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    upstream.script = whole(USED)
    assert chat(gateway, BOB).status == 200
    for model in ("up-model-2", "gpt-unknown"):
        said = chat(gateway, BOB, model=model)
        assert (said.status, said.error["code"]) == (403, "model_not_allowed")
    said = gateway.ask("POST", "/passthrough/up/audio/x", b"--x", key=BOB, headers={"content-type": "multipart/x"})
    assert (said.status, said.error["code"]) == (403, "model_not_allowed")
    long = json.dumps({"pad": "a" * 400_000, "model": "up-model-2"}).encode()
    said = gateway.ask("POST", "/passthrough/up/chat/completions", long, key=BOB)
    assert (said.status, said.error["code"]) == (403, "model_not_allowed")


def ask(gateway: Gateway, **headers: str) -> bytes:
    body = json.dumps({**ASK, "stream": True}).encode()
    lines = [
        "POST /passthrough/up/chat/completions HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {ALICE}",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_a_caller_that_leaves_ends_it_upstream(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    upstream.script = endless(CHUNK)
    with Caller(gateway) as caller:
        caller.send(ask(gateway))
        caller.read_until(b"data: ")
        receipt_id = caller.receipt_id
        caller.leave()
    seen = upstream.last
    until(lambda: seen.gone_s is not None, "the upstream's connection is closed")
    receipt = gateway.closed_receipt(receipt_id)
    assert (receipt["outcome"], receipt["attempts"][0]["status"]) == ("client_gone", 200)


def test_a_caller_that_reads_nothing_holds_the_upstream_back(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing
    piece, count = b"a" * 65_536, 1000
    upstream.script = flood(piece, count)
    with Caller(gateway, receive_bytes=4096) as caller:
        caller.send(ask(gateway))
        caller.read_until(b"aaa")
        seen = upstream.last
        sent = -1
        while sent != seen.sent:  # until it stands still
            sent = seen.sent
            caller.read_until(b"a")
            gateway.get("/livez")
        assert seen.sent < count
        caller.leave()


def test_an_answer_that_breaks_off_is_cut_off(passing: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = passing

    async def breaks(seen: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nstart")
        await writer.drain()
        writer.close()

    upstream.script = breaks
    with Caller(gateway) as caller:
        caller.send(ask(gateway))
        said = caller.read_all()
        receipt_id = caller.receipt_id
    assert b"start" in said
    assert not said.endswith(b"0\r\n\r\n")
    receipt = gateway.closed_receipt(receipt_id)
    assert (receipt["outcome"], receipt["error"]) == ("failed", "upstream_broken")


@pytest.mark.parametrize("script", [silent, half(b"a")], ids=["no answer", "half an answer"])
def test_a_deadline_ends_it(passing: tuple[Gateway, Upstream], script: Any) -> None:
    gateway, upstream = passing
    upstream.script = script
    with Caller(gateway) as caller:
        caller.send(ask(gateway, **{"x-antiphon-timeout": "1s", "connection": "close"}))
        caller.read_all()
        receipt = gateway.closed_receipt(caller.receipt_id)
    assert (receipt["outcome"], receipt["error"]) == ("failed", "upstream_timeout")
    assert receipt["deadline"]["allowed_s"] == 1


def test_nobody_there_is_told_without_where(start: Any) -> None:
    gateway = start(config("http://127.0.0.1:1/v1"))
    said = gateway.get("/passthrough/up/models")
    assert (said.status, said.error["code"]) == (502, "upstream_unreachable")
    assert "127.0.0.1" not in said.error["message"]
    receipt = gateway.receipt(said)
    assert receipt["outcome"] == "failed"
    assert len(receipt["attempts"]) == 1
