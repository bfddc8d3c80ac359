"""Wraps by a key of the transit engine of HashiCorp Vault or OpenBao.

Asked by `http.client`, since it is called from threads, of commands too, where the gateway's own client has no loop.
"""

import http.client
import json
import ssl
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from antiphon.core.error import Erased, StoreError
from antiphon.core.ports import KeyWrapper
from antiphon.vault.settings import VaultTransitSettings
from antiphon.vault.wrapping import KeyDenied

MOST_BYTES = 65_536
"""Of an answer."""
_OK, _BAD, _DENIED, _GONE = 200, 400, 403, 404


class VaultTransit(KeyWrapper):
    """`encrypt` and `decrypt`, with the tenant and the purpose as associated data.

    Wrapped: the name of the key, a NUL, and the server's own text, which names the key's version.
    """

    def __init__(self, settings: VaultTransitSettings, timeout_s: float) -> None:
        self.name = f"vault_transit/{settings.mount}/{settings.key}"
        self._settings = settings
        self._timeout_s = timeout_s
        self._tls: ssl.SSLContext | None = None
        if settings.address.startswith("https:"):
            self._tls = ssl.create_default_context(cafile=settings.ca_file)

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        fields = {"plaintext": b64encode(key).decode(), "associated_data": _bound(context)}
        said = self._ask("encrypt", self._settings.key, fields)
        return f"{self._settings.key}\0{said['ciphertext']}".encode()

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        key, _, text = wrapped.decode("ascii", "replace").partition("\0")
        said = self._ask("decrypt", key, {"ciphertext": text, "associated_data": _bound(context)})
        return b64decode(said["plaintext"])

    def _ask(self, what: str, key: str, fields: Mapping[str, str]) -> Any:
        """The answer's data. Raises: StoreError, KeyDenied, Erased."""
        settings = self._settings
        headers = {"X-Vault-Token": settings.token.reveal(), "Content-Type": "application/json"}
        if settings.namespace:
            headers["X-Vault-Namespace"] = settings.namespace
        path = f"/v1/{settings.mount}/{what}/{key}"
        try:
            status, body = self._post(path, json.dumps(fields).encode(), headers)
            said = cast("dict[str, Any]", json.loads(body or b"{}"))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise StoreError(
                f"Vault at {settings.address} can't be asked now: {error or type(error).__name__}"
            ) from error
        if status == _OK and isinstance(said.get("data"), dict):
            return said["data"]
        told = f"Vault at {settings.address}, {path}: {status} {'; '.join(map(str, said.get('errors') or ()))}".strip()
        if status == _GONE:
            raise Erased(f"{told}: the key is gone, and what it wrapped with it")
        if status in (_BAD, _DENIED):
            raise KeyDenied(told)
        raise StoreError(told)

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        where = urlsplit(self._settings.address)
        host, port = where.hostname or "", where.port
        if self._tls is not None:
            link = http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)
        else:
            link = http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        try:
            link.request("POST", where.path.rstrip("/") + path, body, dict(headers))
            answer = link.getresponse()
            return answer.status, answer.read(MOST_BYTES)
        finally:
            link.close()


def _bound(context: Mapping[str, str]) -> str:
    text = "\n".join(f"{name}={context[name]}" for name in sorted(context))
    return b64encode(text.encode("utf-8", "surrogatepass")).decode()
