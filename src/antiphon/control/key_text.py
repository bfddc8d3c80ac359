"""The text of virtual keys: `ak-`, 43 signs that stand for 32 random bytes, 6 for a checksum of what is before them.

A scanner for leaked secrets finds them by `ak-[0-9A-Za-z]{49}`, and knows a mistyped one without asking.
"""

import secrets
import zlib
from hashlib import sha256

PREFIX = "ak-"
RANDOM_BYTES = 32
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_SIGNS = 43
"""The least n with 62**n >= 256**32."""
_CHECK_SIGNS = 6
"""The same for the 32 bits of a CRC."""
LENGTH = len(PREFIX) + _RANDOM_SIGNS + _CHECK_SIGNS


def make(random: bytes | None = None) -> str:
    """A new key. `random`: 32 bytes that nobody can guess; None: the system's."""
    body = PREFIX + _base62(int.from_bytes(random or secrets.token_bytes(RANDOM_BYTES)), _RANDOM_SIGNS)
    return body + _checksum(body)


def digest(text: str) -> str:
    """What is kept of it: SHA-256, 64 hexadecimal digits. A random text of 256 bits needs no salt and no slow hash."""
    return sha256(text.encode()).hexdigest()


def mistyped(credential: bytes) -> bool:
    """Whether it begins as a virtual key does and can't be one: it was cut, or a sign is wrong."""
    if not credential.startswith(PREFIX.encode()):
        return False
    text = credential.decode("latin-1")
    return len(text) != LENGTH or _checksum(text[:-_CHECK_SIGNS]) != text[-_CHECK_SIGNS:]


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_SIGNS)


def _base62(number: int, length: int) -> str:
    signs: list[str] = []
    for _ in range(length):
        number, rest = divmod(number, len(SIGNS))
        signs.append(SIGNS[rest])
    return "".join(reversed(signs))
