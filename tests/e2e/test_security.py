"""What somebody who means harm may try over HTTP, on a gateway that runs: none of it changes who they are, what is looked at,
or what is written down.
"""

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from antiphon.control import key_text
from antiphon.server.openapi_pages import PAGES
from antiphon.server.paths import model_calls
from rig.config import ALICE, BOB, ROOT
from rig.fixtures import Measure, Start
from rig.fleet import Json, fleet
from rig.gateway import Answer, Config, Gateway
from rig.scripts import completion
from rig.sdk import says
from rig.upstream import Upstream, whole

pytestmark = pytest.mark.processes

EMAIL = "erika.mustermann@example.org"
AWS = "AKIA" + "Z3MSJV4WWNKWWRQ7"
GUARDS: Json = {
    "people": {"pii": {}, "action": "mask"},
    "keys": {"secrets": {}, "action": "block"},
    "said": {"regex": {"patterns": {"w": {"pattern": "withheld-[a-z]+"}}}, "on": ["answer"], "action": "block"},
}
CLASS = "x-antiphon-data-class"
ASK: Json = {"model": "r", "messages": says("Hi")}


def config(url: str, **more: Any) -> Config:
    """A public deployment and a private one behind a route; whatever is asked as it is goes to the public one."""
    zones: dict[str, Json] = {"open": {}, "inside": {"zone": "private"}}
    made = fleet(url, zones, {"r": {"models": ["open", "inside"], "attempts": 1}})
    made["providers"]["at-open"]["passthrough"] = {"enabled": True, "allow": ["* /**"]}
    made["keys"][0]["passthrough"] = ["at-open"]
    return {**made, "guards": GUARDS, "admin": {"port": 0}, **more}


@pytest.fixture(scope="module")
def guarded(upstream_shared: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("security"), config(upstream_shared.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture
def told(upstream_shared: Upstream) -> Upstream:
    upstream_shared.seen.clear()
    upstream_shared.script = whole(completion("ok"))
    return upstream_shared


def admin(gateway: Gateway, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """The admin API, asked with its first key."""
    url = (gateway.data / "admin.url").read_text().strip()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    key = (gateway.data / "admin.key").read_text().strip()
    told = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        connection.request(
            method, path, body, {**told, **{name.replace("_", "-"): one for name, one in headers.items()}}
        )
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): one for name, one in answer.getheaders()}, answer.read())
    finally:
        connection.close()


# --- who somebody is


def test_no_answer_tells_which_wrong_key_is_nearly_right(guarded: Gateway, told: Upstream) -> None:
    made = admin(guarded, "PUT", "/admin/v1/keys/gone", b'{"tenant": "acme"}').json["key"]
    assert guarded.chat(ASK, key=made).status == 200
    assert admin(guarded, "POST", "/admin/v1/keys/gone/revoke").status == 200
    cut, wrong_sign = made[:-1], made[:-1] + ("0" if made[-1] != "0" else "1")
    unknown = key_text.make(b"u" * 32)

    answers = {text: guarded.chat(ASK, key=text) for text in (made, cut, wrong_sign, unknown, "sk-x", f"{ALICE}x")}

    shapes = {(one.status, tuple(sorted(set(one.headers) - {"date"}))) for one in answers.values()}
    assert len(shapes) == 1
    for text, answer in answers.items():
        assert answer.status == 401
        assert answer.error["code"] == ("key_revoked" if text == made else "invalid_api_key")
        assert "gone" not in answer.error["message"] or text == made
        assert text not in answer.body.decode()
    assert answers[cut].error == answers[wrong_sign].error
    assert answers[unknown].error == answers["sk-x"].error == answers[f"{ALICE}x"].error


SPOOFED = {
    "x-forwarded-for": "198.51.100.7",
    "x-forwarded-host": "evil.example",
    "x-forwarded-user": "root",
    "x-forwarded-proto": "https",
    "x-forwarded-client-cert": "URI=spiffe://corp/root",
    "x-client-cert": "root",
    "x-ssl-client-s-dn": "CN=root",
    "x-real-ip": "198.51.100.7",
    "x-remote-user": "root",
    "x-auth-request-user": "root",
    "true-client-ip": "198.51.100.7",
    "cf-connecting-ip": "198.51.100.7",
    "forwarded": "for=198.51.100.7;by=root",
    "x-antiphon-tenant": "globex",
    "x-antiphon-principal": "root",
    "x-antiphon-key": "root",
    "x-antiphon-user": "root",
    "x-antiphon-team": "root",
    "x-antiphon-roles": "owner",
    "x-antiphon-admin": "true",
    "x-antiphon-verdict": "allow",
    "x-antiphon-deployment": "inside",
    "x-original-url": "/metrics",
    "x-rewrite-url": "/metrics",
    "x-http-method-override": "DELETE",
    "x-api-key": ROOT,
    "api-key": ROOT,
    "x-goog-api-key": ROOT,
    "cookie": f"antiphon={ROOT}; session=root",
}


def test_no_header_makes_somebody_else_of_a_caller(guarded: Gateway, told: Upstream) -> None:
    plain, spoofed = guarded.chat(ASK), guarded.ask("POST", "/v1/chat/completions?key=x", _json(ASK), headers=SPOOFED)

    assert (plain.status, spoofed.status) == (200, 200)
    receipts = [guarded.receipt(one) for one in (plain, spoofed)]
    assert receipts[0]["principal"] == receipts[1]["principal"]
    assert receipts[0]["served"] == receipts[1]["served"]
    assert guarded.ask("GET", "/v1/health/deployments", headers=SPOOFED).status == 403
    assert guarded.ask("GET", f"/v1/receipts/{plain.receipt_id}", key=BOB, headers=SPOOFED).status == 404
    passed = guarded.ask(
        "POST", "/passthrough/at-open/chat/completions", _json({**ASK, "model": "open"}), headers=SPOOFED
    )
    assert passed.status == 200, passed
    for seen in told.seen:
        assert ROOT not in json.dumps(seen.headers)
        assert "198.51.100.7" not in json.dumps(seen.headers)
        assert not set(seen.headers) & set(SPOOFED)
        assert seen.headers["authorization"] == "Bearer sk-open-secret"


def test_no_header_hides_or_lends_an_address(start: Start, up: Upstream) -> None:
    up.script = whole(completion("ok"))
    throttle = {"failures": 4, "first_s": 300, "most_s": 300}
    gateway = start({**config(up.url), "identity": {"throttle": throttle}})
    for number in range(4):
        lie = {
            "x-forwarded-for": f"198.51.100.{number}",
            "x-real-ip": f"198.51.100.{number}",
            "forwarded": f"for=192.0.2.{number}",
        }
        assert gateway.chat(ASK, key=f"sk-guess-{number}", headers=lie).status == 401

    for number in range(4):
        held = gateway.chat(ASK, key=f"sk-more-{number}", headers={"x-forwarded-for": f"203.0.113.{number}"})
        assert (held.status, held.error["code"]) == (429, "too_many_guesses")
    told = [one for one in gateway.events() if one["event"].startswith("login.") or "address" in one]
    assert "198.51.100" not in json.dumps(told)


# --- what is compressed

BOMB_BYTES = 200_000_000
BOMB = gzip.compress(bytes(BOMB_BYTES), 1)
POSTED = sorted(
    {endpoint.replace("{model}", "m") for endpoint, _ in model_calls()}
    | {page.path for page in PAGES if page.method == "post" and "{provider}" not in page.path}
    | {"/passthrough/at-open/chat/completions"}
)


def peak_bytes(gateway: Gateway) -> int:
    """The most memory that the gateway's processes ever had, together."""
    pids = [gateway.pid, *gateway.children()]
    peaks = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
    return sum(int(line.split()[1]) * 1024 for line in peaks)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP"])
def test_no_bomb_goes_off(guarded: Gateway, told: Upstream, coding: str) -> None:
    before = peak_bytes(guarded)
    for path in POSTED:
        for kind in ("application/json", "multipart/form-data; boundary=b", "text/plain"):
            said = guarded.ask("POST", path, BOMB, headers={"content-encoding": coding, "content-type": kind})
            assert said.status in (400, 404, 413, 415), (path, kind, said)
    for path in ("/admin/v1/keys/x", "/admin/v1/policies/x"):
        said = admin(guarded, "PUT", path, BOMB, content_encoding=coding)
        assert 400 <= said.status < 500, said
    assert told.seen == []
    assert peak_bytes(guarded) - before < BOMB_BYTES / 2


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream"])
def test_a_compressed_body_passes_no_guard_unseen(guarded: Gateway, told: Upstream, kind: str) -> None:
    body = _json({**ASK, "model": "open", "messages": says(f"key {AWS}")})
    for coding, sent in (
        ("gzip", gzip.compress(body)),
        ("deflate", zlib.compress(body)),
        ("br", b"ABCD"),
        ("x-own", b"{}"),
    ):
        headers = {"content-encoding": coding, "content-type": kind}
        said = guarded.ask("POST", "/passthrough/at-open/chat/completions", sent, headers=headers)
        assert (said.status, said.error["code"]) == (400, "guard_blocked")
    assert told.seen == []


SAID = completion("withheld-canary")


@pytest.mark.parametrize(
    ("kind", "body", "more"),
    [
        pytest.param(b"application/json", gzip.compress(SAID), b"content-encoding: gzip\r\n", id="gzip"),
        pytest.param(b"text/event-stream", gzip.compress(SAID), b"content-encoding: gzip\r\n", id="gzip stream"),
        pytest.param(b"application/json", SAID, b"content-encoding: x-own\r\n", id="a coding of its own"),
        pytest.param(b"application/json", SAID.decode().encode("utf-16"), b"", id="UTF-16"),
        pytest.param(b"application/json", SAID.decode().encode("utf-16-le"), b"", id="UTF-16 without a mark"),
        pytest.param(b"text/plain; charset=utf-32", b"withheld-canary".decode().encode("utf-32-be"), b"", id="UTF-32"),
    ],
)
def test_an_answer_that_no_guard_can_read_is_not_released(
    guarded: Gateway, told: Upstream, kind: bytes, body: bytes, more: bytes
) -> None:
    told.script = whole(body, kind, more=more)
    passed = guarded.ask("POST", "/passthrough/at-open/chat/completions", _json({**ASK, "model": "open"}))
    assert (passed.status, passed.error["code"]) == (503, "guard_failed")
    asked = guarded.chat({**ASK, "stream": kind == b"text/event-stream"})
    assert asked.status in (400, 502, 503), asked
    for answer in (passed, asked):
        assert body not in answer.body
        assert guarded.closed_receipt(answer.receipt_id)["outcome"] == "failed"


# --- where a path leads

UP = (
    "..",
    "%2e%2e",
    "%2E%2e",
    ".%2e",
    "..%2f..",
    "..%5c..",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "....//",
    "..;",
    "%00",
    "~root",
)


@pytest.mark.parametrize("step", UP)
def test_no_path_leads_out_of_where_it_may(guarded: Gateway, told: Upstream, step: str) -> None:
    below = [f"{step}/{step}/etc/passwd", f"x/{step}/{step}/etc/passwd", f"{step}/antiphon.yaml"]
    for base in ("/v1/files", "/v1/batches", "/v1/receipts", "/v1/models", "/v1/responses", "/v1/conversations", ""):
        for path in below:
            said = guarded.ask("GET", f"{base}/{path}")
            assert 400 <= said.status < 500, (base, path, said)
            assert b"root:" not in said.body
            assert ALICE.encode() not in said.body
    for base in ("/console/static", "/console", "/admin/v1/keys", "/admin/v1"):
        for path in below:
            said = admin(guarded, "GET", f"{base}/{path}")
            assert said.status in (303, 400, 404), (base, path, said)
            assert b"root:" not in said.body
    if step not in ("~root", "....//"):
        for path in below:
            assert guarded.ask("GET", f"/passthrough/at-open/{path}").status in (400, 403)
        assert told.seen == []


# --- what is written down

FORGED = '{"event":"forged","level":"info"}'
INJECTED = (
    "\r\n" + FORGED + "\r\n",
    "\n" + FORGED,
    "\x1b[2J\x1b[31m",
    "\u2028" + FORGED,
    '","event":"forged","x":"',
    "\x00",
    "\x85",
    "\x9b31m",
    "\u202e" + FORGED,
)


@pytest.mark.parametrize(
    "text", INJECTED, ids=["crlf", "lf", "ansi", "separator", "quote", "nul", "next line", "csi", "turned"]
)
def test_no_name_forges_a_line_of_the_log(guarded: Gateway, told: Upstream, text: str) -> None:
    before = guarded.log_file.stat().st_size
    told.script = whole(json.dumps({"error": {"message": text, "code": text}}).encode(), status=b"400 Bad Request")
    header = text.replace("\r", "").replace("\n", "").replace("\0", "").encode("utf-8").decode("latin-1")
    for answer in (
        guarded.chat({**ASK, "model": f"r{text}"}),
        guarded.chat({**ASK, "user": text}),
        guarded.chat({**ASK, "messages": says(f"{text} {AWS}")}),
        guarded.chat(ASK, headers={"x-antiphon-session": header, "x-antiphon-run": header}),
        guarded.chat(ASK, headers={"x-antiphon-purpose": header, "user-agent": header, "traceparent": header}),
        guarded.chat(ASK, headers={CLASS: header}),
        guarded.ask("POST", "/v1/chat/completions", _json(ASK), key=f"sk-{header}"),
        guarded.ask("GET", "/v1/models/" + _escaped(text)),
        guarded.ask("GET", "/passthrough/" + _escaped(text) + "/x"),
        admin(guarded, "PUT", "/admin/v1/keys/" + _escaped(text), b'{"tenant": "acme"}'),
    ):
        assert 400 <= answer.status < 500 or answer.status == 502, answer
        assert FORGED not in json.dumps(answer.headers)

    lines = guarded.log_file.read_bytes()[before:].decode().split("\n")
    assert lines[-1] == ""
    assert len(lines) > 1
    for line in lines[:-1]:
        assert json.loads(line)["event"] != "forged"
        assert not any(ord(letter) < 0x20 or letter in "\x7f\x85\x9b\u2028\u2029\u202e" for letter in line), line


# --- what hides from guards


def _json(fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


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
    said = guarded.chat(label + _json({**ASK, "messages": says("word " * (letters // 5))})[1:])
    assert said.status == 200, said
    assert [seen.model for seen in told.seen] == ["inside"]


@pytest.mark.parametrize("value", ['["confidential"]', "3", "true", '{"a": "confidential"}', '"secret"', '""'])
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/responses/compact", "/passthrough/at-open/chat/completions"]
)
def test_a_label_that_is_no_class_is_refused(guarded: Gateway, told: Upstream, path: str, value: str) -> None:
    fields = {"model": "open", "messages": says("Hi"), "input": "Hi"}
    body = _json(fields)[:-1] + f', "metadata": {{"data_class": {value}}}}}'.encode()
    said = guarded.ask("POST", path, body)
    if "confidential" in value and path.startswith("/passthrough"):
        assert (said.status, said.error["code"]) == (403, "policy_denied")  # no place for a label, and yet it says one
    else:
        assert (said.status, said.error["param"]) == (400, "metadata.data_class"), said
    assert told.seen == []


def test_a_label_of_what_is_passed_on_or_made_shorter_counts_too(guarded: Gateway, told: Upstream) -> None:
    labelled = {"metadata": {"data_class": "confidential"}}
    passed = guarded.ask("POST", "/passthrough/at-open/x", _json({**labelled, "input": "Hi"}))
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
    guarded.ask("POST", "/v1/responses/compact", _json({**labelled, "model": "r", "input": "Hi"}))
    assert {seen.model for seen in told.seen} == {"inside"}


def test_two_headers_of_two_classes_are_refused(guarded: Gateway, told: Upstream) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=20)
    for said in (("public", "confidential"), ("confidential", "public")):
        connection.putrequest("POST", "/v1/chat/completions")
        for name, value in (("authorization", f"Bearer {ALICE}"), ("content-type", "application/json")):
            connection.putheader(name, value)
        for value in said:
            connection.putheader(CLASS, value)
        connection.putheader("content-length", str(len(_json(ASK))))
        connection.endheaders(_json(ASK))
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


@pytest.mark.parametrize("said", BIG.values(), ids=BIG)
def test_what_is_very_long_holds_nobody_up(start: Start, up: Upstream, measure: Measure, said: Any) -> None:
    """While guards read, the loop comes to its timers: were they to read on it, it would be late by all that they take."""
    up.script = whole(completion("ok"))
    limits = {"max_body_bytes": 40_000_000}
    gateway = start({**config(up.url), "server": {"limits": limits}})
    assert gateway.chat(ASK).status == 200
    before_s = gateway.metric("antiphon_loop_lag_seconds_sum")

    answer = gateway.chat({**ASK, "messages": [*said, *says(f"Mail {EMAIL}")]})

    assert answer.status == 200, answer
    assert EMAIL.encode() not in up.last.body
    took_s = gateway.receipt(answer)["duration_us"] / 1e6
    late_s = gateway.metric("antiphon_loop_lag_seconds_sum") - before_s
    measure("loop late while guards read, share of the request", late_s / took_s)
    measure("loop late while guards read, most, ms", gateway.metric("antiphon_loop_lag_max_seconds") * 1000)
    assert late_s < max(0.5, took_s / 2)


def test_what_is_too_deep_is_refused(guarded: Gateway, told: Upstream) -> None:
    said = guarded.chat(raw("[" * 100_000 + "]" * 100_000))
    assert (said.status, said.error["code"]) == (400, "invalid_request")
    assert told.seen == []
