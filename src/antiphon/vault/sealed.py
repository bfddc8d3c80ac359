"""The form of content that is sealed by a data key.

    1 byte    2
    16 bytes  id of the data key
    16 bytes  whose data it is, as the data key has it
    12 bytes  nonce
    then      AES-256-GCM of the content; what stands before the nonce, and the context, are bound to it

Source: NIST SP 800-38D.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from antiphon.core.error import StoreError

VERSION = b"\x02"
ID_BYTES = 16
NONCE_BYTES = 12
KEY_BYTES = 32
_OWNER_AT = 1 + ID_BYTES
_NONCE_AT = _OWNER_AT + ID_BYTES
_TEXT_AT = _NONCE_AT + NONCE_BYTES


def seal(cipher: AESGCM, head: bytes, plain: bytes, context: str) -> bytes:
    """`head`: as `head_of` gives it."""
    nonce = os.urandom(NONCE_BYTES)
    return head + nonce + cipher.encrypt(nonce, plain, head + context.encode("utf-8", "surrogatepass"))


def unseal(cipher: AESGCM, sealed: bytes, context: str) -> bytes:
    """Raises: StoreError."""
    head, nonce = sealed[:_NONCE_AT], sealed[_NONCE_AT:_TEXT_AT]
    try:
        return cipher.decrypt(nonce, sealed[_TEXT_AT:], head + context.encode("utf-8", "surrogatepass"))
    except (InvalidTag, ValueError) as error:
        raise StoreError("sealed content can't be opened: it was changed, or sealed for something else") from error


def head_of(key_id: str, owner: str) -> bytes:
    """What stands before the nonce."""
    return VERSION + bytes.fromhex(key_id) + bytes.fromhex(owner)


def is_enveloped(sealed: bytes) -> bool:
    """Whether it was sealed by a data key; else by the local key itself."""
    return sealed[:1] == VERSION and len(sealed) > _TEXT_AT


def key_of(sealed: bytes) -> str:
    """Id of the data key."""
    return sealed[1:_OWNER_AT].hex()


def owner_of(sealed: bytes) -> str:
    """Whose data it is; empty, where it was sealed by the local key itself."""
    return sealed[_OWNER_AT:_NONCE_AT].hex() if is_enveloped(sealed) else ""
