"""Public keys of an identity provider: read out of its JWK Set, and what each of them may verify."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError
from msgspec import Struct

MOST_KEYS = 100
MOST_BYTES = 1_048_576
"""Of a JWK Set, or of a discovery document."""
LEAST_RSA_BITS = 2048
"""Source: RFC 7518, 3.3."""
CURVES: Mapping[str, tuple[str, ...]] = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",)}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


class KeyOfIssuer(Struct, frozen=True):
    """One public key, bound to each signature that it may verify: what a token's header says picks among these alone."""

    kid: str
    said: bytes
    """The key as the provider published it."""
    by_algorithm: Mapping[str, PyJWK]


def keys_of(document: bytes, algorithms: tuple[str, ...]) -> tuple[KeyOfIssuer, ...]:
    """Keys of a JWK Set that verify at least one of these. What is no such key is left out. Raises: ValueError."""
    try:
        listed: object = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its keys are no JSON object: {error}") from error
    if not isinstance(listed, list):
        raise ValueError("its keys are no JWK Set: there is no list `keys`")  # noqa: TRY004 - a document, not a value
    jwks = cast("list[object]", listed)
    if len(jwks) > MOST_KEYS:
        raise ValueError(f"it lists {len(jwks)} keys; {MOST_KEYS} are read")
    found = tuple(_usable(jwks, algorithms))
    if not found:
        raise ValueError(f"it lists no key for {', '.join(algorithms)}")
    doubled = {one.kid for one in found if sum(one.kid == other.kid for other in found) > 1}
    return tuple(one for one in found if one.kid not in doubled or not one.kid)


def _usable(listed: list[object], algorithms: tuple[str, ...]) -> Iterator[KeyOfIssuer]:
    for one in listed:
        if not isinstance(one, dict):
            continue
        jwk = cast("dict[str, Any]", one)
        bound = {name: key for name in _fitting(jwk) if name in algorithms and (key := _key(jwk, name)) is not None}
        kid = jwk.get("kid", "")
        if bound and isinstance(kid, str):
            yield KeyOfIssuer(kid, msgspec.json.encode(jwk, order="sorted"), bound)


def _fitting(jwk: Mapping[str, Any]) -> tuple[str, ...]:
    """Signatures that a key is for. A shared secret (`oct`) is for none, and so is a key whose private half is told."""
    operations = jwk.get("key_ops")
    if jwk.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations) or "d" in jwk:
        return ()
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            fitting = _RSA
        case "EC", str(curve):
            fitting = CURVES.get(curve, ())
        case "OKP", "Ed25519":
            fitting = ("EdDSA",)
        case _:
            fitting = ()
    said = jwk.get("alg")
    return fitting if said is None else tuple(name for name in fitting if name == said)


def _key(jwk: Mapping[str, Any], algorithm: str) -> PyJWK | None:
    try:
        key = PyJWK(dict(jwk), algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < LEAST_RSA_BITS:
        return None
    return key


def chosen(keys: tuple[KeyOfIssuer, ...], kid: str, algorithm: str) -> KeyOfIssuer | None:
    """The key that a token names; the only one that fits where it names none."""
    fitting = [one for one in keys if (not kid or one.kid == kid) and algorithm in one.by_algorithm]
    return fitting[0] if len(fitting) == 1 else None


def verified(token: bytes, key: KeyOfIssuer, algorithm: str) -> bool:
    """Whether a key signed a token. The algorithm is the key's own: what the token says was compared with it before."""
    bound = key.by_algorithm.get(algorithm)
    if bound is None:
        return False
    try:
        PyJWS(algorithms=[algorithm]).decode_complete(
            token, bound, algorithms=[algorithm], options={"enforce_minimum_key_length": True}
        )
    except PyJWTError:
        return False
    return True
