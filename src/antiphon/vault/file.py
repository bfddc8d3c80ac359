"""Wraps by a key in a file: that of the data directory, or one that took its place by rotation.

The ring holds a line for each key, `ID KEY` in hexadecimal; the last one wraps. Without a ring the local key does.
"""

import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from antiphon.core.error import Erased, StoreError
from antiphon.core.ports import KeyWrapper
from antiphon.vault.local import key_in

RING = "vault.keys"
"""Beside the local key."""
LOCAL = "local000"
_ID_CHARACTERS = 8
_NONCE_BYTES = 12
_KEY_BYTES = 32
_SUBKEY = b"antiphon wraps, version 1"
"""Sets this use of the local key apart from those that it has had before."""
_NAME = b"antiphon name of a local key, version 1"


class FileWrapper(KeyWrapper):
    """AES-256-GCM: id of the key, nonce, then the wrapped key. Source: NIST SP 800-38D."""

    def __init__(self, local: Path) -> None:
        """Read the keys; the local one is made when there is none. Raises: StoreError."""
        self._ring = local.with_name(RING)
        key = key_in(local)
        self._scope = f"file/{hmac.digest(key, _NAME, 'sha256')[:4].hex()}"
        self._keys = {LOCAL: hmac.digest(key, _SUBKEY, "sha256"), **_read(self._ring)}

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] - it changes by rotation
        return f"{self._scope}/{list(self._keys)[-1]}"

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        key_id = list(self._keys)[-1]
        nonce = os.urandom(_NONCE_BYTES)
        return key_id.encode() + nonce + AESGCM(self._keys[key_id]).encrypt(nonce, key, _bound(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        key_id = wrapped[:_ID_CHARACTERS].decode("ascii", "replace")
        if key_id not in self._keys:
            self._keys.update(_read(self._ring))  # rotated meanwhile by another process
        if key_id not in self._keys:
            raise Erased(f"the key {key_id} that wrapped this is not in {self._ring.name} any more")
        nonce, text = wrapped[_ID_CHARACTERS:][:_NONCE_BYTES], wrapped[_ID_CHARACTERS + _NONCE_BYTES :]
        try:
            return AESGCM(self._keys[key_id]).decrypt(nonce, text, _bound(context))
        except (InvalidTag, ValueError) as error:
            raise StoreError(
                "a tenant's key can't be unwrapped: local.key is another one; restore it from a backup"
            ) from error

    def renew(self) -> None:
        """Have a new key wrap from now on; the others still unwrap. Raises: StoreError."""
        fresh = {os.urandom(_ID_CHARACTERS // 2).hex(): os.urandom(_KEY_BYTES)}
        _write(self._ring, {**_read(self._ring), **fresh})
        self._keys |= fresh

    def forget(self) -> None:
        """Destroy all keys of the ring but the one that wraps: nothing is wrapped by them any more. Raises: StoreError."""
        last = list(self._keys)[-1]
        if last != LOCAL:
            _write(self._ring, {last: self._keys[last]})
            self._keys = {LOCAL: self._keys[LOCAL], last: self._keys[last]}


def _bound(context: Mapping[str, str]) -> bytes:
    return "\n".join(f"{name}={context[name]}" for name in sorted(context)).encode("utf-8", "surrogatepass")


def _read(ring: Path) -> dict[str, bytes]:
    try:
        lines = ring.read_text("ascii").split("\n")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(f"{ring} can't be read ({error}); restore it from a backup") from error
    try:
        found = {line[:_ID_CHARACTERS]: bytes.fromhex(line[_ID_CHARACTERS + 1 :]) for line in lines if line}
    except ValueError:
        found = {"": b""}
    if any(len(key) != _KEY_BYTES for key in found.values()):
        raise StoreError(f"{ring} holds something else than keys; restore it from a backup")
    return found


def _write(ring: Path, keys: Mapping[str, bytes]) -> None:
    """In one step; it is on the disk before anything is wrapped by it."""
    fresh = ring.with_name(f"{ring.name}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            file.writelines(f"{key_id} {key.hex()}\n" for key_id, key in keys.items())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(ring)
        handle = os.open(ring.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(f"{ring} can't be written: {error.strerror}") from error
