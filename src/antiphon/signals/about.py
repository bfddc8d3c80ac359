"""What facts are worked out from: one request, who sent it, and when."""

from collections.abc import Mapping

from msgspec import Struct

from antiphon.core.arrival import NO_HEADERS
from antiphon.core.principal import Principal
from antiphon.core.request import Request


class About(Struct, frozen=True, gc=False, kw_only=True):
    """One request, as it stands when facts are asked for."""

    request: Request
    principal: Principal
    headers: Mapping[bytes, bytes] = NO_HEADERS
    """The caller's, names in lower case."""
    now_ns: int = 0
    """UTC, nanoseconds since the epoch."""
    window_tokens: int | None = None
    """Context window of the smallest candidate; None: unknown."""
    region: str = ""
    """Where the gateway runs; empty: unknown."""
