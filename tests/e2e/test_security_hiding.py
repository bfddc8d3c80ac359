"""What may hide a text or a label from guards over HTTP: escapes, keys that come twice, odd labels, length."""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rig.config import ALICE
from rig.fixtures import Measure, Start
from rig.gateway import Gateway
from rig.harm import ASK, AWS, CLASS, EMAIL, as_json, config
from rig.scripts import completion
from rig.sdk import says
from rig.upstream import Upstream, whole

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def guarded(upstream_shared: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("hiding"), config(upstream_shared.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture
def told(upstream_shared: Upstream) -> Upstream:
    upstream_shared.seen.clear()
    upstream_shared.script = whole(completion("ok"))
    return upstream_shared


def _units(text: str) -> str:
    """Every letter as an escape of JSON."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def raw(said: str) -> bytes:
    return f'{{"model": "r", "messages": [{{"role": "user", "content": {said}}}]}}'.encode()


def test_no_escape_hides_a_text(guarded: Gateway, told: Upstream) -> None:
    assert guarded.chat(raw(f'"key {_units(AWS)}"')).error["code"] == "guard_blocked"
    body = f'{{"model": "r", "messages": [{{"role": "user", "{_units("content")}": "key {_units(AWS)}"}}]}}'
    assert guarded.chat(body.encode()).error["code"] == "guard_blocked"
    arguments = json.dumps(json.dumps({"note": AWS})).replace("AKIA", "\\\\u0041KIA")
    call = f'{{"id": "c", "type": "function", "function": {{"name": "f", "arguments": {arguments}}}}}'
    turns = (
        f'[{{"role": "assistant", "tool_calls": [{call}]}}, {{"role": "tool", "tool_call_id": "c", "content": "x"}}]'
    )
    assert guarded.chat(f'{{"model": "r", "messages": {turns}}}'.encode()).error["code"] == "guard_blocked"
    assert told.seen == []
    assert guarded.chat(raw(f'"Mail {_units(EMAIL)}"')).status == 200
    assert "[[EMAIL_" in told.last.body.decode()
    assert _units("erika") not in told.last.body.decode()
    assert EMAIL not in told.last.body.decode()


@pytest.mark.parametrize(
    "body",
    [
        raw(f'"Hi", "content": "key {AWS}"'),
        raw(f'"key {AWS}", "content": "Hi"'),
        raw(f'"key {AWS}", "{_units("content")}": "Hi"'),
        raw('"Hi"')[:-1] + f', "messages": [{{"role": "user", "content": "key {AWS}"}}]}}'.encode(),
        raw('"Hi"')[:-1] + b', "metadata": {"data_class": "confidential", "data_class": "public"}}',
        raw('"Hi"')[:-1] + b', "metadata": {"data_class": "confidential", "data_cl\\u0061ss": "public"}}',
        raw('"Hi"')[:-1] + b', "metadata": {"data_class": "confidential"}, "metadata": {}}',
    ],
    ids=["content, last", "content, first", "an escaped key", "messages", "a class", "an escaped class", "metadata"],
)
def test_a_key_that_comes_twice_reaches_nobody(guarded: Gateway, told: Upstream, body: bytes) -> None:
    said = guarded.chat(body)
    assert (said.status, said.error["code"]) == (400, "invalid_request")
    assert told.seen == []


LABELLED = b'{"metadata": {"data_class": "confidential"}, '


@pytest.mark.parametrize(
    "label",
    [
        LABELLED,
        LABELLED.replace(b"data_class", b"d\\u0061t\\u0061_class"),
        LABELLED.replace(b"metadata", b"met\\u0061data"),
        LABELLED.replace(b"data_class", b"data\\u005fclass"),
        LABELLED.replace(b"confidential", b"CONFIDENTI\\u0041L"),
        b'{"metadata": {"x": {"data_class": "public"}, "data_class": "confidential"}, ',
    ],
    ids=["plain", "letters", "its object", "the underline", "the word", "another in it"],
)
@pytest.mark.parametrize("letters", [10, 400_000], ids=["short", "long"])
def test_a_label_counts_however_it_is_written(guarded: Gateway, told: Upstream, label: bytes, letters: int) -> None:
    said = guarded.chat(label + as_json({**ASK, "messages": says("word " * (letters // 5))})[1:])
    assert said.status == 200, said
    assert [seen.model for seen in told.seen] == ["inside"]


@pytest.mark.parametrize("value", ['["confidential"]', "3", "true", '{"a": "confidential"}', '"secret"', '""'])
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/responses/compact", "/passthrough/at-open/chat/completions"]
)
def test_a_label_that_is_no_class_is_refused(guarded: Gateway, told: Upstream, path: str, value: str) -> None:
    fields = {"model": "open", "messages": says("Hi"), "input": "Hi"}
    body = as_json(fields)[:-1] + f', "metadata": {{"data_class": {value}}}}}'.encode()
    said = guarded.ask("POST", path, body)
    if "confidential" in value and path.startswith("/passthrough"):
        assert (said.status, said.error["code"]) == (403, "policy_denied")  # no place for a label, and yet it says one
    else:
        assert (said.status, said.error["param"]) == (400, "metadata.data_class"), said
    assert told.seen == []


def test_a_label_of_what_is_passed_on_or_made_shorter_counts_too(guarded: Gateway, told: Upstream) -> None:
    labelled = {"metadata": {"data_class": "confidential"}}
    passed = guarded.ask("POST", "/passthrough/at-open/x", as_json({**labelled, "input": "Hi"}))
    assert (passed.status, passed.error["code"]) == (403, "policy_denied")
    line = {
        "custom_id": "1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {**ASK, "model": "open", **labelled},
    }
    form = '--b\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    parts = [form % ("purpose", "", "batch"), form % ("file", '; filename="a.jsonl"', json.dumps(line)), "--b--\r\n"]
    headers = {"content-type": "multipart/form-data; boundary=b"}
    kept = guarded.ask("POST", "/v1/files?provider=at-open", "".join(parts).encode(), headers=headers)
    assert (kept.status, kept.error["code"]) == (403, "policy_denied")
    assert told.seen == []
    guarded.ask("POST", "/v1/responses/compact", as_json({**labelled, "model": "r", "input": "Hi"}))
    assert {seen.model for seen in told.seen} == {"inside"}


def test_two_headers_of_two_classes_are_refused(guarded: Gateway, told: Upstream) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=20)
    for said in (("public", "confidential"), ("confidential", "public")):
        connection.putrequest("POST", "/v1/chat/completions")
        for name, value in (("authorization", f"Bearer {ALICE}"), ("content-type", "application/json")):
            connection.putheader(name, value)
        for value in said:
            connection.putheader(CLASS, value)
        connection.putheader("content-length", str(len(as_json(ASK))))
        connection.endheaders(as_json(ASK))
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["param"]) == (400, CLASS)
    connection.close()
    assert told.seen == []


def test_a_secret_that_is_cut_over_two_texts_is_not_found(guarded: Gateway, told: Upstream) -> None:
    """A limit, told in docs/explanation/guarded-texts.md: each text is looked at by itself."""
    parts = [{"type": "text", "text": f"key {AWS[:10]}"}, {"type": "text", "text": AWS[10:]}]
    assert guarded.chat({**ASK, "messages": [{"role": "user", "content": parts}]}).status == 200
    whole_one = [{"type": "text", "text": "key"}, {"type": "text", "text": AWS}]
    assert guarded.chat({**ASK, "messages": [{"role": "user", "content": whole_one}]}).error["code"] == "guard_blocked"


# --- what is very long

BIG: Mapping[str, Any] = {
    "10 MB of text": says("All work and no play makes Jack a dull boy. " * 230_000),
    "100,000 parts": [{"role": "user", "content": [{"type": "text", "text": "word"}] * 100_000}],
    "a text that nearly matches": says("AKIA" * 500_000),
    "a deep one": [{"role": "user", "content": "Hi", "x": json.loads("[" * 100 + "]" * 100)}],
}


TRIES = 5
"""A machine that is busy with others makes a loop late too: each time it is not."""


@pytest.mark.parametrize("said", BIG.values(), ids=BIG)
def test_what_is_very_long_holds_nobody_up(start: Start, up: Upstream, measure: Measure, said: Any) -> None:
    """While guards read, the loop comes to its timers: were they to read on it, it would be late by all that they take."""
    up.script = whole(completion("ok"))
    limits = {"max_body_bytes": 40_000_000}
    gateway = start({**config(up.url), "server": {"limits": limits}})
    assert gateway.chat(ASK).status == 200

    def in_time() -> bool:
        before_s = gateway.metric("antiphon_loop_lag_seconds_sum")
        answer = gateway.chat({**ASK, "messages": [*said, *says(f"Mail {EMAIL}")]})
        assert answer.status == 200, answer
        assert EMAIL.encode() not in up.last.body
        took_s = gateway.receipt(answer)["duration_us"] / 1e6
        late_s = gateway.metric("antiphon_loop_lag_seconds_sum") - before_s
        measure("loop late while guards read, share of the request", late_s / took_s)
        measure("loop late while guards read, most, ms", gateway.metric("antiphon_loop_lag_max_seconds") * 1000)
        return late_s < max(0.5, took_s / 2)

    assert any(in_time() for _ in range(TRIES))


def test_what_is_too_deep_is_refused(guarded: Gateway, told: Upstream) -> None:
    said = guarded.chat(raw("[" * 100_000 + "]" * 100_000))
    assert (said.status, said.error["code"]) == (400, "invalid_request")
    assert told.seen == []
