"""HTTPS for callers: verified, renewed without a restart, with client certificates where they are asked for."""

import http.client
import shutil
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from rig.certs import Authority
from rig.config import ALICE, to_upstream
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.sdk import says
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ANSWER = b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority("authority", tmp_path)


def served(up: Upstream, cert: Path, key: Path, **more: str) -> Config:
    return {**to_upstream(up.url), "server": {"tls": {"cert_file": str(cert), "key_file": str(key), **more}}}


def connect(gateway: Gateway, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    one = http.client.HTTPSConnection("127.0.0.1", gateway.port, context=context, timeout=60)
    one.connect()
    return one


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


def shown_serial(gateway: Gateway, context: ssl.SSLContext) -> int:
    one = connect(gateway, context)
    try:
        der = one.sock.getpeercert(binary_form=True)
    finally:
        one.close()
    return x509.load_der_x509_certificate(der).serial_number


def get(one: http.client.HTTPSConnection, path: str = "/readyz") -> int:
    one.request("GET", path, headers={"authorization": f"Bearer {ALICE}"})
    response = one.getresponse()
    response.read()
    return response.status


def test_a_certificate_is_renewed_without_a_restart(start: Start, up: Upstream, authority: Authority) -> None:
    cert, key, first = authority.issue("server")
    gateway = start(served(up, cert, key), "--workers", "2")
    context = trusting(authority)
    kept = connect(gateway, context)
    assert (get(kept), shown_serial(gateway, context)) == (200, first)

    fresh_cert, fresh_key, second = authority.issue("renewed")
    shutil.copy(fresh_cert, cert)
    event = gateway.event("config.refused")
    assert f"{gateway.file}:" in event["reason"]
    assert shown_serial(gateway, context) == first
    shutil.copy(fresh_key, key)

    until(lambda: len(gateway.events("config.taken")) >= 2, "both workers have it")
    assert {shown_serial(gateway, context) for _ in range(8)} == {second}
    assert get(kept) == 200
    kept.close()


def test_a_stream_and_a_call_of_the_sdk_over_https(start: Start, up: Upstream, authority: Authority) -> None:
    import httpx2
    from openai import OpenAI

    cert, key, _ = authority.issue("server")
    gateway = start(served(up, cert, key))
    up.script = whole(ANSWER)

    with (
        httpx2.Client(verify=trusting(authority)) as http_client,
        OpenAI(api_key=ALICE, base_url=f"https://127.0.0.1:{gateway.port}/v1", http_client=http_client) as sdk,
    ):
        assert sdk.chat.completions.create(model="gpt-test", messages=says("hi")).model == "m"

    assert "https://127.0.0.1" in gateway.log_file.read_text()


def test_an_old_tls_version_is_refused(start: Start, up: Upstream, authority: Authority) -> None:
    cert, key, _ = authority.issue("server")
    gateway = start(served(up, cert, key, min_version="1.3"))
    old = trusting(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(ssl.SSLError):
        connect(gateway, old)

    new = connect(gateway, trusting(authority))
    assert get(new) == 200
    new.close()


def test_a_client_certificate_is_required_where_it_is_asked_for(
    start: Start, up: Upstream, authority: Authority, tmp_path: Path
) -> None:
    clients = Authority("clients", tmp_path)
    cert, key, _ = authority.issue("server")
    gateway = start(served(up, cert, key, client_ca_file=str(clients.file)))

    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        get(connect(gateway, trusting(authority)))
    stranger = trusting(authority)
    stranger.load_cert_chain(*authority.issue("stranger")[:2])
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        get(connect(gateway, stranger))

    known = trusting(authority)
    known.load_cert_chain(*clients.issue("client")[:2])
    one = connect(gateway, known)
    assert get(one) == 200
    one.close()


def test_plain_http_on_a_tls_port_is_no_answer(start: Start, up: Upstream, authority: Authority) -> None:
    cert, key, _ = authority.issue("server")
    gateway = start(served(up, cert, key))

    with pytest.raises((http.client.HTTPException, ConnectionError)):
        gateway.get("/readyz")

    one = connect(gateway, trusting(authority))
    assert get(one) == 200
    one.close()


def test_an_upstream_is_verified_too(start: Start, up: Upstream, authority: Authority, tmp_path: Path) -> None:
    cert, key, _ = authority.issue("server")
    inner = start(served(up, cert, key), home=tmp_path / "inner")
    up.script = whole(ANSWER)
    url = f"https://127.0.0.1:{inner.port}/v1"
    config = to_upstream(url)
    config["providers"]["up"]["key"] = ALICE
    config["models"]["gpt-test"]["model"] = "gpt-test"
    trusted = {**config, "providers": {"up": {**config["providers"]["up"], "ca_file": str(authority.file)}}}
    ask = {"model": "gpt-test", "messages": []}

    untrusting = start(config, home=tmp_path / "untrusting")
    answer = untrusting.chat(ask)
    assert (answer.status, answer.error["code"]) == (502, "upstream_unreachable")
    assert str(inner.port) not in answer.error["message"]
    assert "certificate is not accepted" in untrusting.receipt(answer)["detail"]
    assert start(trusted, home=tmp_path / "trusting").chat(ask).status == 200
