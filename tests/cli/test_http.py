"""What commands say when there is no gateway to ask, another server, or TLS."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from antiphon.net.listener import bind

pytestmark = pytest.mark.processes


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens: it was free a moment ago."""
    with closing(bind("127.0.0.1", 0)) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


class Page(BaseHTTPRequestHandler):
    """A web server that is no gateway."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(params=[200, 404])
def stranger(request) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), type("Some", (Page,), {"status": request.param}))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signed itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway.test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


ASKING = [("models",), ("chat", "hi"), ("receipt", "show", "some-id")]


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_without_a_gateway_it_says_how_to_start_one(antiphon, nobody, command):
    ran = antiphon(*command, "--url", nobody, "--json")
    assert ran.code == 5
    assert ran.err == f"no gateway at {nobody}; start one with `antiphon serve`\n"
    assert json.loads(ran.out)["error"]["code"] == "upstream_unreachable"


def test_the_usual_gateway_is_on_port_8080_of_this_machine(antiphon):
    assert "http://127.0.0.1:8080" in antiphon("models", "--help").out


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_another_server_is_told_from_a_gateway(antiphon, stranger, command):
    ran = antiphon(*command, "--url", stranger)
    assert ran.code == 5
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert "check --url" in ran.err


def test_an_unknown_name_is_told(antiphon):
    ran = antiphon("models", "--url", "http://gateway.invalid")
    assert ran.code == 5
    assert "gateway.invalid is not known" in ran.err


def test_a_certificate_is_verified(antiphon, serving, certificate, tmp_path):
    cert, key = certificate
    config = tmp_path / "antiphon.yaml"
    config.write_text(
        f"server: {{tls: {{cert_file: {cert}, key_file: {key}}}}}\n"
        "providers: {lab: {lab: {models: {one: {}}}}}\nmodels: {one: {provider: lab}}\n"
    )
    with serving(config, "--port", "0") as gateway:
        assert gateway.url.startswith("https://")
        distrusting = antiphon("models", "--url", gateway.url)
        trusting = antiphon("models", "--url", gateway.url, SSL_CERT_FILE=str(cert))
    assert distrusting.code == 5
    assert "self-signed certificate" in distrusting.err
    assert "SSL_CERT_FILE" in distrusting.err
    assert trusting.code == 0
    assert "one" in trusting.out


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://", "127.0.0.1:8080", "http://a:0", "http://a:x", "http://u:pw@a", "http://a/?b"]
)
def test_what_is_no_address_is_a_wrong_use(antiphon, url):
    for ran in (antiphon("models", "--url", url), antiphon("models", ANTIPHON_URL=url)):
        assert (ran.code, ran.out) == (2, "")
        assert "is no address of a gateway" in ran.err


def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(antiphon):
    for ran in (antiphon("models", "--key", "a\r\nb: c"), antiphon("models", ANTIPHON_KEY="a\r\nb: c")):
        assert ran.code == 2
        assert "b: c" not in ran.err
