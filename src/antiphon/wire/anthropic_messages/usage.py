"""What an upstream says that a call used, both ways.

Anthropic counts input that was read from or written to a cache beside `input_tokens`, not in it.
Source: anthropic 2.14.0, `types/usage.py`, `types/message_delta_usage.py` (2026-11).
"""

from collections.abc import Mapping
from typing import Any

from antiphon.core.usage import Usage
from antiphon.wire.fields import as_object, shown

MAX_TOKENS = 1_000_000_000
"""No call uses a billion tokens: a count above this is an upstream's mistake."""


class _Implausible(Exception):
    """Why a usage can't be believed."""


def usage_of(value: object) -> tuple[Usage | None, str]:
    """Read a `usage` object.

    Returns: The usage, or None and why it can't be believed: a count that is missing, no whole number, negative, above
        MAX_TOKENS, or a part above its whole.
    """
    try:
        return _usage(value), ""
    except _Implausible as error:
        return None, str(error)


def _usage(value: object) -> Usage:
    said = as_object(value)
    if said is None:
        raise _Implausible("usage is not an object")
    fresh, output = _count(said, "input_tokens"), _count(said, "output_tokens")
    read = _count(said, "cache_read_input_tokens", needed=False)
    written = _count(said, "cache_creation_input_tokens", needed=False)
    long = _within(said, "cache_creation", "ephemeral_1h_input_tokens", written)
    thought = _within(said, "output_tokens_details", "thinking_tokens", output)
    searches = _within(said, "server_tool_use", "web_search_requests", MAX_TOKENS)
    if fresh + read + written > MAX_TOKENS:
        raise _Implausible("usage says more input tokens than any model reads")
    return Usage(
        input_tokens=fresh + read + written,
        output_tokens=output,
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=long,
        reasoning_tokens=thought,
        searches=searches,
    )


def _count(said: Mapping[str, Any], name: str, *, needed: bool = True) -> int:
    value = said.get(name)
    if value is None:
        if needed:
            raise _Implausible(f"usage has no {name}")
        return 0
    if type(value) is not int or not 0 <= value <= MAX_TOKENS:
        raise _Implausible(f"usage.{name} is {shown(value)}, which is no count")
    return value


def _within(said: Mapping[str, Any], inner: str, name: str, most: int) -> int:
    shape = said.get(inner)
    if shape is None:
        return 0
    fields = as_object(shape)
    if fields is None:
        raise _Implausible(f"usage.{inner} is not an object")
    count = _count(fields, name, needed=False)
    if count > most:
        raise _Implausible(f"usage says {count} {name} of {most}")
    return count


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Write a `usage` object."""
    out: dict[str, Any] = {
        "input_tokens": max(0, usage.fresh_input_tokens),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.cache_write_1h_tokens:
        out["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(0, usage.cache_write_tokens - usage.cache_write_1h_tokens),
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }
    if usage.reasoning_tokens:
        out["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.searches:
        out["server_tool_use"] = {"web_search_requests": usage.searches, "web_fetch_requests": 0}
    return out


def restated(start: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Any]:
    """The usage of a whole stream: its end restates in total what its start said, where it says it at all."""
    return {**start, **{name: value for name, value in end.items() if value is not None}}


def speed_of(usage: dict[str, Any] | None) -> str:
    """The grade of service that a usage tells of: `fast` costs more. Source: anthropic 2.14.0, `types/beta/beta_usage.py`."""
    speed = usage.get("speed") if usage is not None else None
    return speed if isinstance(speed, str) else ""
