"""Clouds on this machine: servers that give tokens and keys as the real ones do, and processes that ask them."""

import datetime as dt
import importlib.util
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = tuple[int, dict[str, str], bytes] | str
"""Status, headers, body; or how it misbehaves: `hang`, `cut`."""
ASK = Path(__file__).with_name("ask.py")
PATIENCE_S = 60


class Asked:
    """A request that came."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Cloud:
    """One server. What it answers is told by `answer`, which a test sets."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda _: (500, {}, b"")
        self._freed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._freed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body)
                cloud.asked.append(asked)
                self.close_connection = True
                answer = cloud.answer(asked)
                if answer == "hang":
                    cloud._freed.wait(PATIENCE_S)
                    return
                if answer == "cut":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n{")
                    return
                status, more, text = answer
                self.send_response(status)
                for name, value in {"content-type": "application/json", **more}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    one = Cloud()
    yield one
    one.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clouds on this machine")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


@pytest.fixture
def safe_cloud(authority: Path) -> Iterator[Cloud]:
    """One behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    one = Cloud(context)
    yield one
    one.close()


Came = list[dict[str, Any]]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Came]:
    """Ask for a credential in a process that knows nothing of this machine's own."""

    def asked(auth: dict[str, Any], times: int = 1, deadline_s: float = 20.0, **environ: str) -> Came:
        said = json.dumps({"auth": auth, "times": times, "deadline_s": deadline_s})
        own = {"HOME": str(tmp_path), "PATH": os.defpath, "AWS_EC2_METADATA_DISABLED": "true", **environ}
        ran = subprocess.run(
            [sys.executable, str(ASK), said], env=own, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return asked


def installed(*modules: str) -> None:
    """Skip, naming what is missing."""
    for module in modules:
        if importlib.util.find_spec(module.partition(".")[0]) is None or not _found(module):
            pytest.skip(f"{module} is not installed")


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.fixture
def needs() -> Callable[..., None]:
    return installed


def at(seconds: float) -> str:
    """A time so far from now, as AWS writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


@pytest.fixture
def from_now() -> Callable[[float], str]:
    return at
