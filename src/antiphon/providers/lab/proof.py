"""Signatures of the lab: proofs that a thought or a call is its own, which it asks back as the real providers do."""

from base64 import b64encode
from hashlib import sha256

PREFIX = "lab-sig-"


def sign(*parts: str) -> str:
    """The proof of a text: a hash, which anybody can make; it guards nothing."""
    return PREFIX + sha256("\x1f".join(("lab", *parts)).encode()).hexdigest()[:40]


def sign_bytes(*parts: str) -> str:
    """The same in base64, for where a proof is bytes."""
    return b64encode(sign(*parts).encode()).decode()
