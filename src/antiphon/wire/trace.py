"""W3C trace context, in and out. Source: www.w3.org/TR/trace-context (level 1)."""

import re

from antiphon.core.request import Trace

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
MAX_STATE_BYTES = 512


def decode(parent: bytes | None, state: bytes | None) -> Trace | None:
    """What the caller's headers say; None when there are none, or when they are not valid."""
    match = _PARENT.fullmatch(parent.strip()) if parent else None
    if match is None:
        return None
    version, trace_id, parent_id, flags = (part.decode() for part in match.groups()[:4])
    if version == "ff" or not int(trace_id, 16) or not int(parent_id, 16):
        return None
    if version == "00" and match[5] is not None:
        return None
    said = state.decode("latin-1") if state and len(state) <= MAX_STATE_BYTES else ""
    return Trace(trace_id=trace_id, parent_id=parent_id, sampled=bool(int(flags, 16) & 1), state=said)


def encode(trace: Trace | None) -> bytes:
    """Header lines that carry a trace on; empty when there is none."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields(trace).items()).encode("latin-1")


def fields(trace: Trace | None) -> dict[str, str]:
    """The same by name."""
    if trace is None:
        return {}
    found = {"traceparent": f"00-{trace.trace_id}-{trace.parent_id}-{int(trace.sampled):02x}"}
    return {**found, "tracestate": trace.state} if trace.state else found
