"""Same dialect through: the upstream gets the caller's bytes with the smallest edit."""

from hashlib import sha256

import pytest

from rig.config import UPSTREAM_KEY
from rig.gateway import Gateway
from rig.upstream import Upstream, streamed, whole

pytestmark = pytest.mark.processes

ANSWER = b'{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ok"}}]}'
DONE = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
USAGE = b',"stream_options":{"include_usage":true}'

ODD: dict[str, bytes] = {
    "plain": b'{"model":"gpt-test","messages":[{"role":"user","content":"hi"}]}',
    "spaces and line ends": b' \r\n\t{ "model" : "gpt-test" ,\r\n"messages"\t:[ ] } \n',
    "model last": b'{"messages":[{"role":"user","content":"hi"}],"temperature":1.0,"model":"gpt-test"}',
    "model amid": b'{"messages":[],"model":"gpt-test","zzz":{"model":"not this"}}',
    "numbers": b'{"model":"gpt-test","messages":[],"temperature":1.0,"top_p":1e-5,"seed":100000000000000000000,"x":1E+2,"y":-0.0}',
    "escapes": r'{"model":"gpt-test","messages":[{"role":"user","content":"\u00e9\ud83d\ude00\/\"\\ é😀"}]}'.encode(),
    "unknown fields": b'{"model":"gpt-test","messages":[{"role":"user","content":"hi","x_m":[1,{"y":null}]}],"x_top":{"b":1,"a":2}}',
    "key order": b'{"user":"u","messages":[],"n":1,"model":"gpt-test","max_tokens":5,"logit_bias":{"50256":-100}}',
    "escaped model": rb'{"model":"gpt\u002dtest","messages":[]}',
    "escaped key": rb'{"mod\u0065l":"gpt-test","messages":[]}',
    "model in a text": rb'{"messages":[{"role":"user","content":"\"model\":\"gpt-test\""}],"model":"gpt-test"}',
    "model as a value": b'{"messages":[{"role":"user","content":"model"}],"model":"gpt-test","metadata":{"k":"model"}}',
}


def expected(body: bytes) -> bytes:
    """The body with the value of its top-level `model` replaced."""
    if b"gpt\\u002dtest" in body:
        return body.replace(b'"gpt\\u002dtest"', b'"up-model-1"')
    before, _, after = body.rpartition(b'"gpt-test"')
    return before + b'"up-model-1"' + after


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_only_the_models_value_is_replaced(relayed: tuple[Gateway, Upstream], body: bytes) -> None:
    gateway, upstream = relayed
    upstream.script = whole(ANSWER)

    answer = gateway.chat(body)

    assert answer.status == 200, answer.body
    assert upstream.last.body == expected(body)
    assert gateway.receipt(answer)["digest"] == sha256(body).hexdigest()


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_a_stream_that_did_not_ask_for_usage_gets_it_asked_for(relayed: tuple[Gateway, Upstream], body: bytes) -> None:
    gateway, upstream = relayed
    upstream.script = streamed(DONE)
    body = body.rstrip().removesuffix(b"}") + b', "stream": true}'

    answer = gateway.chat(body)

    assert answer.status == 200, answer.body
    said = upstream.last.body
    assert said.count(USAGE) == 1
    assert said.replace(USAGE, b"") == expected(body)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (b'{"include_usage":true}', b'{"include_usage":true}'),
        (b'{ "include_usage" : true , "x":1.0}', b'{ "include_usage" : true , "x":1.0}'),
        (b'{"include_usage":false,"x":2}', b'{"include_usage":true,"x":2}'),
        (b"{}", b'{"include_usage":true}'),
        (b"null", b'{"include_usage":true}'),
        (b'{"include_obfuscation":false}', b'{"include_obfuscation":false,"include_usage":true}'),
    ],
)
def test_stream_options_are_edited_only_where_usage_is_not_asked_for(
    relayed: tuple[Gateway, Upstream], options: bytes, said: bytes
) -> None:
    gateway, upstream = relayed
    upstream.script = streamed(DONE)
    body = b'{"stream":true, "stream_options":%b, "model":"gpt-test", "messages":[] }'

    assert gateway.chat(body % options).status == 200

    assert upstream.last.body == expected(body % said)


def test_the_upstream_gets_its_own_credential_and_none_of_the_callers_headers(
    relayed: tuple[Gateway, Upstream],
) -> None:
    gateway, upstream = relayed
    upstream.script = whole(ANSWER)

    gateway.chat(ODD["plain"], headers={"x-secret": "callers", "openai-organization": "org-1", "cookie": "a=b"})

    assert upstream.last.line == "POST /v1/chat/completions HTTP/1.1"
    assert upstream.last.headers == {
        "host": f"127.0.0.1:{upstream.port}",
        "authorization": f"Bearer {UPSTREAM_KEY}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "user-agent": "antiphon",
        "content-length": str(len(expected(ODD["plain"]))),
    }


@pytest.mark.parametrize("filler", [0, 300_000], ids=["short", "long"])
@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"model":"gpt-test","model":"gpt-test","messages":[]%b}', "model"),
        (b'{"model":"gpt-test","messages":[],"messages":[]%b}', "messages"),
        (rb'{"model":"gpt-test","messages":[],"temp":1,"t\u0065mp":2%b}', "temp"),
    ],
)
def test_a_key_that_comes_twice_is_refused_by_name(
    relayed: tuple[Gateway, Upstream], body: bytes, key: str, filler: int
) -> None:
    gateway, upstream = relayed
    before = len(upstream.seen)

    answer = gateway.chat(body % (b',"x":"%b"' % (b"x" * filler) if filler else b""))

    assert (answer.status, answer.error["param"]) == (400, key)
    assert f"{key}" in answer.error["message"]
    assert len(upstream.seen) == before
    assert gateway.receipt(answer)["outcome"] == "refused"


def test_a_key_that_comes_twice_in_a_message_is_refused_by_name(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = relayed
    before = len(upstream.seen)

    answer = gateway.chat(b'{"model":"gpt-test","messages":[{"role":"user","role":"system","content":""}]}')

    assert (answer.status, answer.error["param"]) == (400, "role")
    assert len(upstream.seen) == before
