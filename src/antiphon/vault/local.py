"""Seals content with a key that lies beside the data, readable by its owner alone."""

import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from antiphon.core.error import StoreError
from antiphon.core.ports import Sealer

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"
_STAMPS = b"antiphon stamps, version 1"
"""Sets the key of stamps apart from that of the cipher."""


class LocalSealer(Sealer):
    """AES-256-GCM: version byte, nonce, then the sealed text. Source: NIST SP 800-38D."""

    def __init__(self, path: Path) -> None:
        """Read the key from a file; make it when there is none. Raises: StoreError."""
        key = key_in(path)
        self._cipher = AESGCM(key)
        self._stamp = hmac.digest(key, _STAMPS, "sha256")

    def seal(self, plain: bytes, context: str, *, tenant: str = "", subject: str = "") -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def unseal(self, sealed: bytes, context: str) -> bytes:
        if sealed[:1] != _VERSION:
            raise StoreError("this content was sealed by another version of Antiphon")
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, context.encode())
        except (InvalidTag, ValueError) as error:
            raise StoreError("captured content can't be opened: it was sealed with another key, or changed") from error

    def stamp(self, text: bytes) -> bytes:
        """HMAC-SHA-256, RFC 2104."""
        return hmac.digest(self._stamp, text, "sha256")


def key_in(path: Path) -> bytes:
    """The key in a file, made when there is none. Raises: StoreError."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise StoreError(
                f"{path.name} holds {len(key)} bytes rather than {KEY_BYTES}; restore it from a backup"
            ) from None
        return key
    with os.fdopen(handle, "wb") as file:
        key = AESGCM.generate_key(bit_length=KEY_BYTES * 8)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
