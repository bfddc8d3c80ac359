"""A KMS that answers as AWS's does, and a transit engine as Vault's, each over HTTP: keys can be disabled and destroyed, and
the server can go away. (moto's KMS still decrypts by a disabled key.)
"""

import json
import os
import threading
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Refusal(Exception):
    """What is answered in place of a result."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class FakeKms:
    """Listens while it is `started`; may be stopped and started again on the same port."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {"main": os.urandom(32)}
        self.disabled: set[str] = set()
        self.asked: list[str] = []
        self.contexts: list[Any] = []
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fake.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        fields = json.loads(asked.rfile.read(int(asked.headers["Content-Length"])))
        target = asked.headers.get("X-Amz-Target", "")
        try:
            if target:
                status, said = 200, self._aws(target.partition(".")[2], fields)
            else:
                status, said = 200, {"data": self._transit(asked.path, asked.headers.get("X-Vault-Token"), fields)}
        except Refusal as refusal:
            status = refusal.status
            said = {"__type": refusal.code, "message": refusal.code, "errors": [refusal.code]}
        body = json.dumps(said).encode()
        asked.send_response(status)
        asked.send_header("Content-Type", "application/x-amz-json-1.1" if target else "application/json")
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)

    def _aws(self, action: str, fields: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(action)
        self.contexts.append(fields.get("EncryptionContext"))
        bound = json.dumps(fields.get("EncryptionContext", {}), sort_keys=True).encode()
        if action == "Decrypt":
            name, _, sealed = b64decode(fields["CiphertextBlob"]).partition(b"\0")
            plain = self._open(self._key(name.decode(), "NotFoundException", "DisabledException"), sealed, bound)
            return {"KeyId": name.decode(), "Plaintext": b64encode(plain).decode()}
        name = fields["KeyId"]
        key = self._key(name, "NotFoundException", "DisabledException")
        plain = os.urandom(32) if action == "GenerateDataKey" else b64decode(fields["Plaintext"])
        blob = name.encode() + b"\0" + self._seal(key, plain, bound)
        said = {"KeyId": name, "CiphertextBlob": b64encode(blob).decode()}
        return {**said, "Plaintext": b64encode(plain).decode()} if action == "GenerateDataKey" else said

    def _transit(self, path: str, token: str | None, fields: dict[str, str]) -> dict[str, str]:
        _, _, mount, action, name = path.split("/")
        self.asked.append(f"{mount}/{action}")
        self.contexts.append(b64decode(fields["associated_data"]).decode())
        if token != "root":  # noqa: S105 - a test's
            raise Refusal(403, "permission denied")
        key, bound = (
            self._key(name, "encryption key not found", "permission denied"),
            fields["associated_data"].encode(),
        )
        if action == "encrypt":
            sealed = self._seal(key, b64decode(fields["plaintext"]), bound)
            return {"ciphertext": "vault:v1:" + b64encode(sealed).decode()}
        opened = self._open(key, b64decode(fields["ciphertext"].removeprefix("vault:v1:")), bound)
        return {"plaintext": b64encode(opened).decode()}

    def _key(self, name: str, missing: str, disabled: str) -> bytes:
        if name not in self.keys:
            raise Refusal(400 if missing.endswith("Exception") else 404, missing)
        if name in self.disabled:
            raise Refusal(400 if disabled.endswith("Exception") else 403, disabled)
        return self.keys[name]

    def _seal(self, key: bytes, plain: bytes, bound: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + AESGCM(key).encrypt(nonce, plain, bound)

    def _open(self, key: bytes, sealed: bytes, bound: bytes) -> bytes:
        try:
            return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound)
        except InvalidTag:
            raise Refusal(400, "InvalidCiphertextException") from None
