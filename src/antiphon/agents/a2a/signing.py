"""Signatures of cards: JWS over their canonical form, detached. Sources: specification 1.0.1, section 8.4; RFC 7515, RFC 8037."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from antiphon.vault.signing import Signer, signers
from antiphon.wire.a2a.canonical import SIGNATURES, canonical, unsigned, words_of

JWKS = "/.well-known/jwks.json"
KEY_FILE = "cards.key"
"""In the data directory, where the configuration names no other file."""
NAME = "antiphon-cards"
ALGORITHM = "EdDSA"
LEAST_RSA_BITS = 2048
"""Source: RFC 7518, 3.3."""
MOST_SIGNATURES = 8
"""Of one card that are looked at."""
ALGORITHMS: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("OKP", "Ed25519"): ("EdDSA",),
        ("EC", "P-256"): ("ES256",),
        ("EC", "P-384"): ("ES384",),
        ("RSA", ""): ("RS256", "PS256"),
    }
)
"""What a key may verify, by its kind and curve: what a signature says of itself picks among these alone."""
Json = dict[str, Any]


class CardSigner:
    """Signs cards by the keys in a file, the newest first; makes one where there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _keys(self) -> list[Signer]:
        """Raises: StoreError."""
        return signers(self._path, NAME)

    def signed(self, card: Json, base_url: str, words: Json | None = None) -> Json:
        """A card with a signature over its words of 1.0, and one over all of it, where there is more.

        Args:
            words: Those words, where the card says them in another way too. None: they are what is in it.
        Raises: StoreError.
        """
        whole = _plain(card)
        forms = [words_of(whole) if words is None else _plain(words)]
        if canonical(whole) != canonical(forms[0]):
            forms.append(whole)
        made = [_signature(form, key, base_url) for form in forms for key in self._keys]
        return {**unsigned(whole), SIGNATURES: made}

    def jwks(self) -> bytes:
        """The keys to verify by, as a JWK Set. Raises: StoreError."""
        return msgspec.json.encode({"keys": [_jwk(key) for key in self._keys]})


def _plain(card: Json) -> Json:
    """A card as it is read again."""
    return msgspec.json.decode(msgspec.json.encode(card))


def _signature(card: Json, key: Signer, base_url: str) -> Json:
    head = {"alg": ALGORITHM, "jku": f"{base_url}{JWKS}", "kid": _jwk(key)["kid"], "typ": "JOSE"}
    protected = _coded(msgspec.json.encode(head))
    said = f"{protected}.{_coded(canonical(card))}".encode()
    return {
        "protected": protected,
        "signature": _coded(Ed25519PrivateKey.from_private_bytes(key.seed).sign(said)),
    }


def _jwk(key: Signer) -> Json:
    """A key as it is published; its id is its thumbprint (RFC 7638)."""
    needed = {"crv": "Ed25519", "kty": "OKP", "x": _coded(key.key.public)}
    kid = _coded(sha256(msgspec.json.encode(needed)).digest())
    return {**needed, "kid": kid, "alg": ALGORITHM, "use": "sig"}


def keys_in(document: bytes) -> list[Json]:
    """Keys of a JWK Set. Raises: ValueError."""
    try:
        found = msgspec.json.decode(document, type=dict[str, list[Json]]).get("keys", [])
    except msgspec.MsgspecError as error:
        raise ValueError(f"it is no JWK Set: {error}") from error
    return found


def usable(key: Json) -> bool:
    """Whether signatures can be verified by a key: a public one, of a kind that is taken."""
    return any(_key(key, name) is not None for name in _algorithms(key))


def verified(card: Json, keys: Sequence[Json]) -> Json | None:
    """What one of these keys has signed of a card: all of it, or its words of 1.0; None: nothing."""
    signatures = card.get(SIGNATURES)
    if not isinstance(signatures, list):
        return None
    for one in cast("list[Any]", signatures)[:MOST_SIGNATURES]:
        for form in (unsigned(card), words_of(card)):
            if isinstance(one, dict) and _is_by(cast("Json", one), form, keys):
                return form
    return None


def _is_by(signature: Json, card: Json, keys: Sequence[Json]) -> bool:
    protected = str(signature.get("protected", ""))
    try:
        head = msgspec.json.decode(urlsafe_b64decode(protected + "=" * (-len(protected) % 4)), type=Json)
        payload = canonical(card)
    except (ValueError, msgspec.MsgspecError):
        return False
    if "crit" in head or "b64" in head:
        return False
    algorithm, kid = str(head.get("alg", "")), head.get("kid")
    token = f"{protected}.{_coded(payload)}.{signature.get('signature', '')}"
    for jwk in keys:
        if kid and jwk.get("kid") and kid != jwk["kid"]:
            continue
        if algorithm in _algorithms(jwk) and _verifies(jwk, algorithm, token):
            return True
    return False


def _verifies(jwk: Json, algorithm: str, token: str) -> bool:
    key = _key(jwk, algorithm)
    if key is None:
        return False
    try:
        PyJWS(algorithms=[algorithm]).decode_complete(token, key, algorithms=[algorithm])
    except PyJWTError:
        return False
    return True


def _algorithms(jwk: Json) -> tuple[str, ...]:
    kind = str(jwk.get("kty", ""))
    fitting = () if "d" in jwk else ALGORITHMS.get((kind, "" if kind == "RSA" else str(jwk.get("crv", ""))), ())
    said = jwk.get("alg")
    return fitting if said is None else tuple(name for name in fitting if name == said)


def _key(jwk: Json, algorithm: str) -> PyJWK | None:
    try:
        key = PyJWK(dict(jwk), algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    weak = isinstance(key.key, RSAPublicKey) and key.key.key_size < LEAST_RSA_BITS
    return None if weak else key


def _coded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
