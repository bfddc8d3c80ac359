"""Signs notes by Ed25519 keys in a file, and checks them by public keys.

Source: C2SP signed-note (https://c2sp.org/signed-note, 2025), whose forms of keys are those of golang.org/x/mod/sumdb/note:
`NAME+ID+KEY` to check by, `PRIVATE+KEY+NAME+ID+KEY` to sign by.
"""

import binascii
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from antiphon.core.error import StoreError

_ED25519 = b"\x01"
_MARK = "— "
_PRIVATE = "PRIVATE+KEY+"
_ID_BYTES = 4
_SEED_BYTES = 32
KEPT = 2
"""Keys that sign: the newest, and the one before it, so that whoever knows either can check."""


class Key(Struct, frozen=True):
    """A public key."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public).decode()}"


class Signer(Struct, frozen=True):
    """A key that signs."""

    key: Key
    seed: bytes

    def line(self, text: bytes) -> bytes:
        """A signature, as it stands under a note."""
        signed = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text)
        return f"{_MARK}{self.key.name} {b64encode(self.key.id + signed).decode()}\n".encode()

    @property
    def text(self) -> str:
        return f"{_PRIVATE}{self.key.name}+{self.key.id.hex()}+{b64encode(_ED25519 + self.seed).decode()}"


def make(name: str) -> Signer:
    """A new key of a name."""
    return _signer(name, os.urandom(_SEED_BYTES))


def _signer(name: str, seed: bytes) -> Signer:
    return Signer(Key(name, Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()), seed)


def note(text: bytes, signers: Sequence[Signer]) -> bytes:
    """A text that ends with a line feed, signed."""
    return text + b"\n" + b"".join(one.line(text) for one in signers)


def parse(text: str) -> Key:
    """A public key's text. Raises: ValueError."""
    name, key_id, data = _parts(text.strip())
    if not name or data[:1] != _ED25519 or len(data) != 1 + _SEED_BYTES:
        raise ValueError(f"{text[:80]!r} is no Ed25519 key to check by; `antiphon audit key` prints one")
    key = Key(name, data[1:])
    if key.id != key_id:
        raise ValueError(f"{text[:80]!r} was mistyped: its id is not that of its key")
    return key


def _parts(text: str) -> tuple[str, bytes, bytes]:
    name, _, rest = text.partition("+")
    key_id, _, data = rest.partition("+")
    try:
        return name, bytes.fromhex(key_id), b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        return "", b"", b""


def checked(signed: bytes, keys: Sequence[Key]) -> bytes:
    """The text of a note that one of these keys signed. Raises: ValueError."""
    text, found, signatures = signed.rpartition(b"\n\n")
    if not found:
        raise ValueError("it is no signed note")
    text += b"\n"
    for line in signatures.decode("utf-8", "replace").splitlines():
        name, _, data = line.removeprefix(_MARK).partition(" ")
        for key in keys:
            if line.startswith(_MARK) and name == key.name and _is_by(key, text, data):
                return text
    raise ValueError("no key that is trusted has signed it")


def _is_by(key: Key, text: bytes, data: str) -> bool:
    try:
        raw = b64decode(data, validate=True)
        if raw[:_ID_BYTES] != key.id:
            return False
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw[_ID_BYTES:], text)
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return True


def signers(path: Path, name: str) -> list[Signer]:
    """The keys in a file, the newest first; one is made when there is no file. Raises: StoreError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        made = make(name)
        return [made] if _create(path, [made]) else signers(path, name)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} can't be read ({error}); restore it from a backup") from error
    found = [_private(line) for line in lines if line]
    if not found or None in found:
        raise StoreError(f"{path} holds something else than keys that sign; restore it from a backup")
    return [one for one in found if one is not None]


def renew(path: Path, name: str) -> list[Signer]:
    """Have a new key sign, beside the one before it. Returns: both, the newest first. Raises: StoreError."""
    kept = [make(name), *signers(path, name)][:KEPT]
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    _create(fresh, kept)
    try:
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}") from error
    return kept


def _private(line: str) -> Signer | None:
    name, key_id, data = _parts(line.removeprefix(_PRIVATE))
    if not line.startswith(_PRIVATE) or len(data) != 1 + _SEED_BYTES:
        return None
    one = _signer(name, data[1:])
    return one if one.key.id == key_id else None


def _create(path: Path, some: Sequence[Signer]) -> bool:
    """Returns: False, where another process was first. Raises: StoreError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{one.text}\n" for one in some)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)  # whole, or not at all
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return True
