"""Tokens, certificates, service accounts and roles, on a gateway that runs, with a provider that answers."""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from issuers import AUDIENCE, OTHER_RSA_KEY, Provider, provider

from rig.certs import Authority
from rig.config import ALICE, to_upstream
from rig.fixtures import Start
from rig.gateway import ASK_S, Answer, Config, Gateway
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes
ANSWER = b'{"id":"c","object":"chat.completion","choices":[]}'
ASK = {"model": "gpt-test", "messages": []}


@pytest.fixture
def idp() -> Iterator[Provider]:
    with provider() as one:
        yield one


def token(idp: Provider, *signing: Any, **claims: Any) -> str:
    now_s = int(time.time())
    return idp.sign(*signing, **{"iat": now_s, "exp": now_s + 600, **claims}).decode()


def admin(gateway: Gateway, method: str, path: str, fields: Any = None, *, key: str = "") -> Answer:
    url = (gateway.data / "admin.url").read_text().strip()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=ASK_S)
    told = {"authorization": f"Bearer {key or (gateway.data / 'admin.key').read_text().strip()}"}
    body = None if fields is None else json.dumps(fields)
    try:
        connection.request(method, f"/admin/v1{path}", body, {**told, "content-type": "application/json"})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def signed_in(up: Upstream, idp: Provider, **more: Any) -> Config:
    issuer = {
        "name": "corp",
        "issuer": idp.url,
        "audiences": [AUDIENCE],
        "roles": {"llm-admins": "admin"},
        "tenant": "acme",
        "timeout_s": 20,
    }
    return {**to_upstream(up.url), "admin": {"port": 0}, "identity": {"issuers": [issuer]}, **more}


def test_a_user_signs_in_calls_and_administers_what_is_theirs(start: Start, up: Upstream, idp: Provider) -> None:
    up.script = whole(ANSWER)
    gateway = start(signed_in(up, idp), "--workers", "2")
    user, boss = token(idp), token(idp, sub="boss", groups=["llm-admins"])

    for _ in range(4):
        said = gateway.chat(ASK, key=user)
        assert said.status == 200, said
    receipt = gateway.receipt(said, key=user)
    who = receipt["principal"]
    assert (who["tenant"], who["key"], who["user"]) == ("acme", "token/corp/alice", "alice")
    assert gateway.get(f"/v1/receipts/{said.receipt_id}", key=token(idp, sub="bob")).status == 404
    assert gateway.get(f"/v1/receipts/{said.receipt_id}", key=boss).status == 200

    forged = gateway.chat(ASK, key=token(idp, OTHER_RSA_KEY, "rsa", "RS256"))
    assert (forged.status, forged.error["code"]) == (401, "invalid_token")
    assert gateway.chat(ASK, key="").status == 401
    assert (admin(gateway, "GET", "/keys", key=user).status, admin(gateway, "GET", "/keys", key=boss).status) == (
        403,
        200,
    )
    made = admin(gateway, "PUT", "/accounts/robot", {"tenant": "acme", "roles": ["member"]}, key=boss)
    assert (made.status, made.json["by"], made.json["taken"]) == (201, "token/corp/boss", True)
    assert gateway.chat(ASK, key=made.json["key"]).status == 200
    assert admin(gateway, "PUT", "/accounts/other", {"tenant": "globex"}, key=boss).status == 403
    bound = {"subject": "token/corp/alice", "role": "member", "tenant": "acme"}
    assert admin(gateway, "PUT", "/bindings/alice", bound, key=boss).status == 201
    assert admin(gateway, "GET", "/whoami", key=user).json["by"] == "token/corp/alice"

    def noted(tenant: str) -> set[tuple[str, str]]:
        said = admin(gateway, "GET", f"/audit/events?tenant={tenant}").json["data"]
        return {(one["kind"], one["by"]) for one in said}

    until(lambda: ("login.refused", "gateway") in noted(""), "a forged token is noted")
    until(lambda: ("login.not_allowed", "token/corp/alice") in noted("acme"), "what was not allowed is noted")


def test_while_the_provider_is_away_who_is_known_goes_on_and_nobody_new_comes(
    start: Start, up: Upstream, idp: Provider
) -> None:
    up.script = whole(ANSWER)
    idp.mode = "failing"
    gateway = start(signed_in(up, idp))
    early = gateway.chat(ASK, key=token(idp))
    assert (early.status, early.error["code"]) == (503, "identity_provider_away")
    assert int(early.headers["retry-after"]) >= 1
    assert gateway.chat(ASK, key=ALICE).status == 200

    idp.mode = "well"
    known = token(idp)
    until(lambda: gateway.chat(ASK, key=known).status == 200, "the provider's keys are found")
    idp.mode = "failing"
    assert gateway.chat(ASK, key=known).status == 200
    assert gateway.chat(ASK, key=token(idp, sub="bob")).status == 200


def test_whoever_guesses_is_held_off_and_others_are_not(start: Start, up: Upstream) -> None:
    up.script = whole(ANSWER)
    config = {**to_upstream(up.url), "identity": {"throttle": {"failures": 5, "first_s": 30}}}
    gateway = start(config)
    assert gateway.chat(ASK, key=ALICE).status == 200
    for number in range(5):
        assert gateway.chat(ASK, key=f"sk-guess-{number}").status == 401
    held = gateway.chat(ASK, key="sk-guess-6")
    assert (held.status, held.error["code"]) == (429, "too_many_guesses")
    assert 1 <= int(held.headers["retry-after"]) <= 30
    assert gateway.chat(ASK, key=ALICE).status == 200
    assert gateway.chat(ASK, key="sk-bob-00001").status == 429


def client(authority: Authority, uri: str, folder: Path) -> tuple[str, str]:
    """A certificate of a workload."""
    key = ec.generate_private_key(ec.SECP256R1())
    seed, _, _ = authority.issue("seed")
    shape = x509.load_pem_x509_certificate(seed.read_bytes())
    signed = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "workload")]))
        .issuer_name(shape.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(shape.not_valid_before_utc)
        .not_valid_after(shape.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
        .sign(authority._key, hashes.SHA256())
    )
    cert, private = folder / "client.crt", folder / "client.key"
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(cert), str(private)


def test_a_workload_calls_by_its_certificate(start: Start, up: Upstream, tmp_path: Path) -> None:
    up.script = whole(ANSWER)
    authority = Authority("authority", tmp_path)
    cert, key, _ = authority.issue("gateway")
    tls = {
        "cert_file": str(cert),
        "key_file": str(key),
        "client_ca_file": str(authority.file),
        "client_auth": "optional",
    }
    rule = {"name": "agents", "uri": "spiffe://corp/ns/agents/*", "tenant": "acme", "team": "search"}
    config = {**to_upstream(up.url), "server": {"tls": tls}, "identity": {"certificates": [rule]}}
    gateway = start(config)

    def asked(context: ssl.SSLContext, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, context=context, timeout=ASK_S)
        try:
            told = {
                "content-type": "application/json",
                **{name.replace("_", "-"): one for name, one in headers.items()},
            }
            connection.request("POST", "/v1/chat/completions", json.dumps(ASK), told)
            answer = connection.getresponse()
            receipt = answer.headers["x-antiphon-receipt"]
            answer.read()
            connection.request("GET", f"/v1/receipts/{receipt}", None, told)
            return answer.status, json.loads(connection.getresponse().read())
        finally:
            connection.close()

    bare = ssl.create_default_context(cafile=str(authority.file))
    shown = ssl.create_default_context(cafile=str(authority.file))
    shown.load_cert_chain(*client(authority, "spiffe://corp/ns/agents/sa/one", tmp_path))
    other = ssl.create_default_context(cafile=str(authority.file))
    other.load_cert_chain(*client(authority, "spiffe://corp/ns/others/sa/one", tmp_path))

    status, receipt = asked(shown)
    assert status == 200
    assert receipt["principal"]["key"] == "certificate/agents/spiffe://corp/ns/agents/sa/one"
    assert (receipt["principal"]["tenant"], receipt["principal"]["team"]) == ("acme", "search")
    assert asked(shown, authorization=f"Bearer {ALICE}")[1]["principal"]["key"] == "alice"
    for context in (bare, other):
        lie = "URI=spiffe://corp/ns/agents/sa/one"
        assert asked(context, x_forwarded_client_cert=lie)[0] == 401
