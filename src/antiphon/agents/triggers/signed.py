"""Whether a webhook is from who shares the secret, new, and which event it is.

Sources: Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks), GitHub "Validating webhook deliveries",
Stripe "Verify webhook signatures manually", 2026-11.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType

import msgspec
from msgspec import Struct

from antiphon.agents.triggers.settings import Scheme
from antiphon.core.error import NotAuthenticated

LONGEST_ID = 256


class _Event(Struct):
    """What of Stripe's events names them."""

    id: str = ""


class Signed(Struct, frozen=True, kw_only=True):
    """What arrived."""

    headers: Mapping[bytes, bytes]
    """Names in lower case."""
    body: bytes
    secret: str
    now_s: float
    tolerance_s: float

    def header(self, name: str) -> str:
        """Raises: NotAuthenticated, where it is missing."""
        found = self.headers.get(name.encode())
        if found is None:
            raise NotAuthenticated(f"the header {name} is missing: send what this webhook's scheme signs with")
        return found.decode("latin-1").strip()

    def timely(self, said: str) -> str:
        """The same. Raises: NotAuthenticated, where a time is too far from ours."""
        if not said.isascii() or not said.isdigit() or abs(int(said[:20]) - self.now_s) > self.tolerance_s:
            raise NotAuthenticated(
                f"its time is no number of seconds within {self.tolerance_s:g} s of ours: send it anew, and check the clock"
            )
        return said


def event_of(scheme: Scheme, signed: Signed) -> str:
    """Check a webhook. Returns: which event it is, the same whenever that is sent again. Raises: NotAuthenticated."""
    return _SCHEMES[scheme](signed)


def _standard(signed: Signed) -> str:
    event = signed.header("webhook-id")
    if not event or len(event) > LONGEST_ID:
        raise NotAuthenticated(f"the header webhook-id has 1 to {LONGEST_ID} characters")
    at = signed.timely(signed.header("webhook-timestamp"))
    made = _mac(_key(signed.secret), f"{event}.{at}.".encode("latin-1") + signed.body)
    said = [one.removeprefix("v1,") for one in signed.header("webhook-signature").split() if one.startswith("v1,")]
    _same(b64encode(made).decode(), said)
    return event


def _antiphon(signed: Signed) -> str:
    _timed(signed, signed.header("x-antiphon-signature"))
    return _digest(signed.body)


def _stripe(signed: Signed) -> str:
    _timed(signed, signed.header("stripe-signature"))
    try:
        named = msgspec.json.decode(signed.body, type=_Event).id
    except msgspec.MsgspecError:
        named = ""
    return named if 0 < len(named) <= LONGEST_ID else _digest(signed.body)


def _github(signed: Signed) -> str:
    """It states no time, and what names a delivery is not signed: an event is what the body says."""
    said = signed.header("x-hub-signature-256").removeprefix("sha256=")
    _same(_mac(signed.secret.encode(), signed.body).hex(), [said])
    return _digest(signed.body)


def _timed(signed: Signed, header: str) -> None:
    """`t=SECONDS,v1=HEX`, over `SECONDS.BODY`; several `v1` while secrets are changed."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    at = signed.timely(next((value for name, _, value in pairs if name == "t"), ""))
    made = _mac(signed.secret.encode(), at.encode() + b"." + signed.body)
    _same(made.hex(), [value for name, _, value in pairs if name == "v1"])


def _key(secret: str) -> bytes:
    """`whsec_` and base64, or the text itself."""
    try:
        return (
            b64decode(secret.removeprefix("whsec_"), validate=True) if secret.startswith("whsec_") else secret.encode()
        )
    except Error:
        return secret.encode()


def _same(made: str, said: list[str]) -> None:
    """Raises: NotAuthenticated."""
    if not any(hmac.compare_digest(made.encode(), one.encode()) for one in said):
        raise NotAuthenticated(
            "the signature doesn't fit: check the secret, and that the body is sent as it was signed"
        )


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()


_SCHEMES: Mapping[Scheme, Callable[[Signed], str]] = MappingProxyType(
    {"standard": _standard, "antiphon": _antiphon, "stripe": _stripe, "github": _github}
)
