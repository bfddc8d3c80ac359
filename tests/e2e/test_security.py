"""What somebody who means harm may try over HTTP, on a gateway that runs: none of it changes who they are, where a path leads,
or what is written down, and nothing that is compressed is taken for what it is not.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.control import key_text
from antiphon.server.openapi_pages import PAGES
from antiphon.server.paths import model_calls
from rig.config import ALICE, BOB, ROOT
from rig.fixtures import Start
from rig.gateway import Gateway
from rig.harm import ASK, AWS, CLASS, admin, as_json, config
from rig.scripts import completion
from rig.sdk import says
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes


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
    plain, spoofed = guarded.chat(ASK), guarded.ask("POST", "/v1/chat/completions?key=x", as_json(ASK), headers=SPOOFED)

    assert (plain.status, spoofed.status) == (200, 200)
    receipts = [guarded.receipt(one) for one in (plain, spoofed)]
    assert receipts[0]["principal"] == receipts[1]["principal"]
    assert receipts[0]["served"] == receipts[1]["served"]
    assert guarded.ask("GET", "/v1/health/deployments", headers=SPOOFED).status == 403
    assert guarded.ask("GET", f"/v1/receipts/{plain.receipt_id}", key=BOB, headers=SPOOFED).status == 404
    passed = guarded.ask(
        "POST", "/passthrough/at-open/chat/completions", as_json({**ASK, "model": "open"}), headers=SPOOFED
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
    body = as_json({**ASK, "model": "open", "messages": says(f"key {AWS}")})
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


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_a_wide_text_passes_no_guard_unseen(guarded: Gateway, told: Upstream, coding: str) -> None:
    text = f"the key is {AWS}".encode(coding)
    for kind in ("text/plain", "application/octet-stream", "application/json"):
        passed = guarded.ask("POST", "/passthrough/at-open/notes", text, headers={"content-type": kind})
        assert (passed.status, passed.error["type"]) == (400, "invalid_request_error"), passed
    parts = [b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n']
    parts.append(b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n%b\r\n--b--\r\n' % text)
    headers = {"content-type": "multipart/form-data; boundary=b"}
    kept = guarded.ask("POST", "/v1/files?provider=at-open", b"".join(parts), headers=headers)
    assert (kept.status, kept.error["code"]) == (400, "guard_blocked")
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
    passed = guarded.ask("POST", "/passthrough/at-open/chat/completions", as_json({**ASK, "model": "open"}))
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


def _escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


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
    before = guarded.log_file.read_bytes().rfind(b"\n") + 1
    told.script = whole(json.dumps({"error": {"message": text, "code": text}}).encode(), status=b"400 Bad Request")
    header = text.replace("\r", "").replace("\n", "").replace("\0", "").encode("utf-8").decode("latin-1")
    for answer in (
        guarded.chat({**ASK, "model": f"r{text}"}),
        guarded.chat({**ASK, "user": text}),
        guarded.chat({**ASK, "messages": says(f"{text} {AWS}")}),
        guarded.chat(ASK, headers={"x-antiphon-session": header, "x-antiphon-run": header}),
        guarded.chat(ASK, headers={"x-antiphon-purpose": header, "user-agent": header, "traceparent": header}),
        guarded.chat(ASK, headers={CLASS: header}),
        guarded.ask("POST", "/v1/chat/completions", as_json(ASK), key=f"sk-{header}"),
        guarded.ask("GET", "/v1/models/" + _escaped(text)),
        guarded.ask("GET", "/passthrough/" + _escaped(text) + "/x"),
        admin(guarded, "PUT", "/admin/v1/keys/" + _escaped(text), b'{"tenant": "acme"}'),
    ):
        assert 400 <= answer.status < 500 or answer.status == 502, answer
        assert FORGED not in json.dumps(answer.headers)

    log = until(lambda: (now := guarded.log_file.read_bytes()[before:]).endswith(b"\n") and now, "a whole last line")
    lines = log.decode().split("\n")
    assert len(lines) > 1
    for line in lines[:-1]:
        assert json.loads(line)["event"] != "forged"
        assert not any(ord(letter) < 0x20 or letter in "\x7f\x85\x9b\u2028\u2029\u202e" for letter in line), line
