"""How the listener bounds what callers may do."""

from typing import Annotated

from msgspec import Meta, Struct


class Bounds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the listener."""

    max_header_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=1_048_576,
            description="Most bytes of a request's line and headers together. Default 32768; above it: 431.",
        ),
    ] = 32_768
    max_body_bytes: Annotated[
        int,
        Meta(ge=1024, le=1_073_741_824, description="Most bytes of a request's body. Default 67108864; above it: 413."),
    ] = 67_108_864
    header_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="Seconds from a request's first byte, or from connecting, to the end of its headers. Default 10; after it: 408.",
        ),
    ] = 10.0
    body_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="Seconds from the headers' end to the body's, plus one for every 16384 bytes received. Default 30; after it: 408.",
        ),
    ] = 30.0
    idle_timeout_s: Annotated[
        float, Meta(gt=0, le=3600, description="Seconds that a connection may stay open between requests. Default 75.")
    ] = 75.0
    send_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="Seconds that a caller may leave a full buffer unread before it is cut off. Default 60.",
        ),
    ] = 60.0
    max_connections: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Most open connections of one worker. Default 10000; above it: 503.")
    ] = 10_000
    max_pipelined: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Most requests that may wait on one connection behind the one that runs. Default 16.",
        ),
    ] = 16


BODY_RATE_BYTES_S = 16_384
"""The slowest body that is waited for, once `body_timeout_s` has passed."""
