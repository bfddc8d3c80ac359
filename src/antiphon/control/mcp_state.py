"""What a client of the MCP gateway brings back when it asks again: which approval or run its call waits for."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.principal import Principal
from antiphon.wire.mcp import INVALID_PARAMS, McpError

DAYS_NS = 14 * 86_400 * 10**9
_spell = msgspec.json.Encoder(order="sorted").encode


class Waits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call waits for."""

    approval: str = ""
    run: str = ""
    key: str = ""
    """Of the run's wait, where the caller was asked something."""
    seen: int = 0
    """The last event of the run that was told."""
    asked: bool = False
    """The caller was asked whether it bears to wait."""


class _Signed(Struct, frozen=True, kw_only=True):
    waits: Waits
    whose: str
    call: str
    until_ns: int


NOTHING = Waits()


def call_digest(name: str, arguments: dict[str, Any]) -> str:
    """What makes two calls the same."""
    return sha256(_spell([name, arguments])).hexdigest()


def spelled(waits: Waits, principal: Principal, call: str, now_ns: int, stamp: Callable[[bytes], bytes]) -> str:
    """As the client is given it: signed, for this caller and this call alone."""
    body = _spell(_Signed(waits=waits, whose=_whose(principal), call=call, until_ns=now_ns + DAYS_NS))
    return f"{urlsafe_b64encode(body).decode()}.{stamp(body).hex()}"


def read(text: Any, principal: Principal, call: str, now_ns: int, stamp: Callable[[bytes], bytes]) -> Waits:
    """What it says. Raises: McpError, where it was changed, or is of another caller or call."""
    if text is None:
        return NOTHING
    try:
        said, _, sign = str(text).partition(".")
        body = urlsafe_b64decode(said.encode())
        if not hmac.compare_digest(stamp(body), bytes.fromhex(sign)):
            raise ValueError(text)
        found = msgspec.json.decode(body, type=_Signed)
    except (ValueError, Error, msgspec.MsgspecError):
        raise McpError(INVALID_PARAMS, "`requestState` is not one that was given out here") from None
    if (found.whose, found.call) != (_whose(principal), call) or found.until_ns < now_ns:
        raise McpError(INVALID_PARAMS, "`requestState` is of another call, or over; call again without it")
    return found.waits


def _whose(principal: Principal) -> str:
    return f"{principal.tenant}/{principal.key}/{principal.user}"
