"""A request as it arrives, before its body is read."""

from collections.abc import Mapping

from msgspec import Struct

NO_HEADERS: Mapping[bytes, bytes] = {}
SHADOW = "(shadow)"
"""The endpoint of requests that repeat a caller's beside its answer."""
PROBE = "(probe)"
"""Stands where a path and a route would in receipts of the gateway's own requests; no name can be this."""


class Arrival(Struct, frozen=True, gc=False, kw_only=True):
    """What is known of it then."""

    id: str
    at_ns: int
    started_s: float
    """On `time.perf_counter`, at the request's last byte."""
    endpoint: str
    dialect: str
    headers: Mapping[bytes, bytes] = NO_HEADERS
    """The request's, names in lower case."""
