"""A real identity provider on this machine: it publishes keys over HTTP, and signs tokens with them."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "antiphon"
NOW_S = 1_800_000_000
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
Mode = Literal["well", "failing", "silent", "strange", "elsewhere", "huge"]


def jwk(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    """The public half of a key, as a provider publishes it."""
    public = key.public_key()
    algorithm = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "Ed2": OKPAlgorithm}[
        "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC" if isinstance(key, ec.EllipticCurvePrivateKey) else "Ed2"
    ]
    named = {} if kid is None else {"kid": kid}
    return {**json.loads(algorithm.to_jwk(public)), **named, **more}


class Provider:
    """Answers its discovery document and its keys, as `mode` says."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.keys: list[dict[str, Any]] = [jwk(RSA_KEY, "rsa"), jwk(EC_KEY, "ec"), jwk(ED_KEY, "ed")]
        self.said_issuer = self.url
        self.jwks_uri = f"{self.url}/keys"
        self.mode: Mode = "well"
        self.asked: list[str] = []
        self.free = threading.Event()
        """Ends the waits of one that is silent."""

    def claims(self, **more: Any) -> dict[str, Any]:
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "iat": NOW_S, "exp": NOW_S + 600}
        return {name: value for name, value in {**usual, **more}.items() if value is not None}

    def sign(self, key: Any = RSA_KEY, kid: str | None = "rsa", algorithm: str = "RS256", /, **more: Any) -> bytes:
        """A token; `headers` are added to its own."""
        headers = {**({} if kid is None else {"kid": kid}), **more.pop("headers", {})}
        return jwt.encode(self.claims(**more), key, algorithm, headers=headers).encode()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        match self.mode:
            case "failing":
                return 503, {}, b"{}"
            case "silent":
                self.free.wait(30)
                return 200, {}, b"{}"
            case "strange":
                return 200, {}, b"<html>"
            case "elsewhere":
                return 302, {"Location": f"{self.url}/keys"}, b""
            case "huge":
                return 200, {}, b'{"keys": [' + b" " * 2_000_000 + b"]}"
            case _:
                found = (
                    {"issuer": self.said_issuer, "jwks_uri": self.jwks_uri}
                    if "well-known" in path
                    else {"keys": self.keys}
                )
                return 200, {}, json.dumps(found).encode()


@contextmanager
def provider(context: ssl.SSLContext | None = None) -> Iterator[Provider]:
    """One that runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = one.answer(self.path)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # nobody waits for it any more

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is told."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    one = Provider(server.server_port, "http" if context is None else "https")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.free.set()
        server.shutdown()
        server.server_close()
        thread.join()
