"""JSON Web Tokens as bytes: what a token says of itself, before anything of it is believed.

Read strictly, by RFC 7515, 7519 and the advice of RFC 8725: three parts in base64url without padding, JSON objects without a
name that comes twice, and of the header only `alg`, `kid` and `typ` are ever looked at. Keys, and addresses of keys, that a
token brings along (`jwk`, `jku`, `x5c`, `x5u`) are not read at all. One with `crit`, `b64` or a nested token is refused.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from antiphon.core.error import BadRequest, NotAuthenticated
from antiphon.wire import json

MOST_BYTES = 16_384
"""Of a whole token."""
MOST_KID = 256
BEGIN = b"ey"
"""How each begins: a JSON object in base64 whose name follows its brace."""
_REMEDY = "sign in again, and send the token as it was issued"


class Read(Struct, frozen=True, gc=False):
    """A token's own words."""

    algorithm: str
    kid: str
    """Empty: it names no key."""
    type: str
    """In lower case; empty: it names none."""
    claims: Mapping[str, Any]


def looks(credential: bytes) -> bool:
    """Whether a credential is meant as a token rather than as a key."""
    return credential.startswith(BEGIN) and credential.count(b".") in (2, 4)


def wrong(what: str) -> NotAuthenticated:
    """Why a token isn't taken. Nothing of it is quoted."""
    return NotAuthenticated(f"the token {what}; {_REMEDY}", code="invalid_token")


def read(token: bytes) -> Read:
    """Raises: NotAuthenticated."""
    if len(token) > MOST_BYTES:
        raise wrong(f"is longer than {MOST_BYTES} bytes")
    parts = token.split(b".")
    if len(parts) != 3 or not all(parts):
        raise wrong("is not signed in three parts: one that is encrypted, or has no signature, isn't taken")
    header, claims = _object(parts[0], "header"), _object(parts[1], "claims")
    _bytes(parts[2], "signature")
    strange = [name for name in ("crit", "b64", "zip", "enc") if name in header]
    if strange:
        raise wrong(f"has a header `{strange[0]}`, which isn't read here")
    if str(header.get("cty", "")).lower() in ("jwt", "application/jwt"):
        raise wrong("holds another token, which isn't read here")
    return Read(
        algorithm=_text(header, "alg", MOST_KID),
        kid=_text(header, "kid", MOST_KID),
        type=_text(header, "typ", MOST_KID).lower().removeprefix("application/"),
        claims=claims,
    )


def _text(header: Mapping[str, Any], name: str, most: int) -> str:
    value = header.get(name, "")
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise wrong(f"has a header `{name}` that is no text of up to {most} characters")
    return value


def _object(part: bytes, what: str) -> Mapping[str, Any]:
    try:
        return json.loads(_bytes(part, what))
    except BadRequest as error:
        if isinstance(error, NotAuthenticated):
            raise
        raise wrong(f"has a {what} that is no JSON object, or one that could be read in two ways") from None


def _bytes(part: bytes, what: str) -> bytes:
    """What base64url stands for; in one way only: no padding, no sign that is skipped, no bit left over."""
    try:
        plain = base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise wrong(f"has a {what} that is not base64url") from None
    if base64.urlsafe_b64encode(plain).rstrip(b"=") != part:
        raise wrong(f"has a {what} that is not base64url")
    return plain
